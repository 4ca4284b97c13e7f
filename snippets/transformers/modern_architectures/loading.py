"""What the library does with a checkpoint under a changed configuration, and what it says."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from io import StringIO
from logging import StreamHandler

import torch
import transformers
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor
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
        config = transformers.AutoConfig.for_model(**{**TINY[name], **change}, **EAGER)
        model, report = transformers.AutoModelForCausalLM.from_pretrained(
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
