"""Every field altered in turn: what the library says when the same weights are loaded."""
# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from functools import cache
from typing import Any

import torch
from huggingface_hub.errors import StrictDataclassError
from torch import Tensor
from transformers import AutoConfig, AutoModelForCausalLM
from transformers.utils import logging

from snippets.transformers.modern_architectures.tiny import (
    EAGER,
    ROPE,
    TINY,
    prompt,
    theirs,
)

logging.set_verbosity_error()  # the reports are counted, not printed
logging.disable_progress_bar()

Change = Mapping[str, Any]
ROTATED: Change = {
    "Gemma 3": ["full_attention", *["sliding_attention"] * 2, "full_attention"],
    "gpt-oss": ["full_attention", "sliding_attention"] * 2,
}


def changes(name: str) -> dict[str, Change]:
    """One change for each field that decides something, to a value that a mistake could give."""
    c = TINY[name]
    doubled = {
        field: {field: 2 * value} for field, value in c.items()
        if type(value) is int and field not in ("num_attention_heads", "num_key_value_heads")
    }  # fmt: skip
    flipped = {field: {field: not value} for field, value in c.items() if value is True}
    flipped["tie_word_embeddings"] = {"tie_word_embeddings": not c["tie_word_embeddings"]}
    theta = {**ROPE, "rope_theta": 1e6}
    whole = name != "Gemma 3"  # whose layers with windows have their own
    more: dict[str, Change] = {
        "rms_norm_eps": {"rms_norm_eps": 1e-3},
        "hidden_act": {"hidden_act" if whole else "hidden_activation": "relu"},
        "rope_theta": {
            "rope_parameters": theta if whole else dict.fromkeys(ROTATIONS, theta)
        },
    }
    if "head_dim" in c:
        more["twice the heads, half as wide"] = {
            "num_attention_heads": 8, "num_key_value_heads": 4, "head_dim": 8,
        }  # fmt: skip
    if name in ROTATED:
        more["layer_types"] = {"layer_types": ROTATED[name]}
    if name == "DeepSeek-V3":
        more["routed_scaling_factor"] = {"routed_scaling_factor": 1.0}
    return {**doubled, **flipped, **more}


ROTATIONS = ("full_attention", "sliding_attention")


@cache
def saved(name: str) -> tuple[str, Tensor]:
    """A folder with the checkpoint of a tiny model, and its logits."""
    model, folder = theirs(TINY[name]), tempfile.mkdtemp()
    model.save_pretrained(folder)
    with torch.no_grad():
        return folder, model(prompt(24)).logits


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
def census() -> dict[str, dict[str, str]]:
    """The outcome of every change, by model and field."""
    return {
        name: {field: outcome(name, change) for field, change in changes(name).items()}
        for name in TINY
    }


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
