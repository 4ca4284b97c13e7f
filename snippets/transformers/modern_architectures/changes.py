"""One change for each field of five small configurations."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from snippets.transformers.modern_architectures.tiny import ROPE, TINY

Change = Mapping[str, Any]
ROTATIONS = ("full_attention", "sliding_attention")
ROTATED: Change = {
    "Gemma 3": ["full_attention", *["sliding_attention"] * 2, "full_attention"],
    "gpt-oss": ["full_attention", "sliding_attention"] * 2,
}


def changes(name: str) -> dict[str, Change]:
    """One change for each field that decides something, to a value that a mistake could give."""
    c = TINY[name]
    doubled = {
        field: {field: 2 * value} for field, value in c.items()
        if type(value) is int
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
    if "swiglu_limit" in c:
        more["swiglu_limit"] = {"swiglu_limit": 1.0}
    if name == "DeepSeek-V3":
        more["routed_scaling_factor"] = {"routed_scaling_factor": 1.0}
    return {**doubled, **flipped, **more}
