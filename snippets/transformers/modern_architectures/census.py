"""Every field altered in turn: what the library says when the same weights are loaded."""
# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import StringIO
from logging import StreamHandler
from textwrap import fill

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from snippets.transformers.modern_architectures.changes import Change, changes
from snippets.transformers.modern_architectures.tiny import EAGER, TINY, prompt, theirs

logging.disable_progress_bar()


@cache
def saved(name: str) -> tuple[str, Tensor]:
    """A folder with the checkpoint of a tiny model, and its logits."""
    model, folder = theirs(TINY[name]), tempfile.mkdtemp()
    model.save_pretrained(folder)
    with torch.no_grad():
        return folder, model(prompt(24)).logits


@contextmanager
def listening() -> Iterator[StringIO]:
    """What the library says in its log, instead of on the terminal."""
    log, verbosity = StringIO(), logging.get_verbosity()
    handler = StreamHandler(log)
    logging.disable_default_handler()
    logging.add_handler(handler)
    logging.set_verbosity_warning()
    try:
        yield log
    finally:
        logging.set_verbosity(verbosity)
        logging.remove_handler(handler)
        logging.enable_default_handler()


# --8<-- [start:outcome]
def outcome(name: str, change: Change) -> str:
    """How a checkpoint fares under a changed configuration."""
    folder, right = saved(name)
    try:
        config = AutoConfig.for_model(**{**TINY[name], **change}, **EAGER)
        model, report = AutoModelForCausalLM.from_pretrained(
            folder, config=config, output_loading_info=True
        )
        with torch.no_grad():
            got = model.eval()(prompt(24)).logits
    except (StrictDataclassError, RuntimeError, ValueError, IndexError):
        return "error"
    if any(report.values()):
        return "report"
    same = torch.allclose(got, right, atol=1e-5)
    return "nothing" if same else "silence"


# --8<-- [end:outcome]


@cache
def heard(name: str) -> dict[str, tuple[str, str]]:
    """The outcome of each change of a model, and what the log said of it."""
    found = {}
    for field, change in changes(name).items():
        with listening() as log:
            found[field] = outcome(name, change), log.getvalue().strip()
    return found


def census() -> dict[str, dict[str, str]]:
    """The outcome of every change, by model and field."""
    return {name: {f: end for f, (end, _) in heard(name).items()} for name in TINY}


def warned(end: str) -> dict[str, list[str]]:
    """Messages of changes that end in this way, and the models and fields that they concern."""
    found: dict[str, list[str]] = {}
    for name in TINY:
        for field, (how, message) in heard(name).items():
            if how == end and message:
                found.setdefault(message, []).append(f"{name}: {field}")
    return found


def counted(name: str) -> dict[str, int]:
    """How many changes end in each way."""
    ends = list(census()[name].values())
    return {end: ends.count(end) for end in ("error", "report", "silence", "nothing")}


def total(end: str = "") -> int:
    """Changes of all five models that end in this way, or all of them."""
    counts = [counted(name) for name in TINY]
    return sum(c[end] if end else sum(c.values()) for c in counts)


def example_census() -> None:
    """How many fields of each configuration end in an error, a report, silence, or nothing."""
    print(f"{'':14}{'error':>7}{'report':>8}{'silence':>9}{'nothing':>9}")
    for name in TINY:
        print(
            f"{name:14}"
            + "".join(
                f"{n:{width}}"
                for n, width in zip(counted(name).values(), (7, 8, 9, 9), strict=True)
            )
        )


def example_log() -> None:
    """What the log says where the report is empty."""
    for end in ("silence", "nothing"):
        found = warned(end)
        count = sum(len(places) for places in found.values())
        print(f"{end}: {count} of {total(end)} changes with a line in the log")
        for message, places in found.items():
            print("\n".join(f"  {place}" for place in places))
            print(fill(message, 76, initial_indent="    ", subsequent_indent="    "))


def facts() -> dict[str, str]:
    """How the changes of all models end."""
    return {
        "changes": f"{total()}",
        "refused": f"{total('error')}",
        "reported": f"{total('report')}",
        "silent": f"{total('silence')}",
    }


if __name__ == "__main__":
    example_census()
    example_log()
