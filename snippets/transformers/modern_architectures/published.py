"""Published models as switches: the configurations of `snippets/shapes`, and what these leave out."""

from __future__ import annotations

from typing import Any

from snippets.shapes.published import CONFIGS
from snippets.transformers.modern_architectures.switches import Switches, read


def windows(layers: int, every: int) -> list[str]:
    """The kinds of layers, of which one in `every` sees all tokens."""
    return [
        "sliding_attention" if i % every else "full_attention" for i in range(1, layers + 1)
    ]


LLAMA = {"head_dim": 128, "rms_norm_eps": 1e-5, "rope_parameters": {"rope_theta": 5e5}}
OSS = CONFIGS["gpt-oss-120b"]

# meta2024rope (Llama), lightning2026litgpt (Qwen3), google2026tunix (Gemma), openai2025gptoss,
# transformers2026dsv3 (DeepSeek-V3)
FULL: dict[str, dict[str, Any]] = {
    "Llama 3 8B": {**CONFIGS["Llama 3 8B"], **LLAMA},
    "Llama 3 70B": {**CONFIGS["Llama 3 70B"], **LLAMA},
    "Qwen3 235B-A22B": {
        **CONFIGS["Qwen3 235B-A22B"], "norm_topk_prob": True, "rms_norm_eps": 1e-6,
        "rope_parameters": {"rope_theta": 1e6},
    },
    "Gemma 3 27B": {
        "model_type": "gemma3_text", "vocab_size": 262_144, "hidden_size": 5376,
        "intermediate_size": 21_504, "num_hidden_layers": 62, "num_attention_heads": 32,
        "num_key_value_heads": 16, "head_dim": 128, "query_pre_attn_scalar": 168,
        "sliding_window": 1024, "layer_types": windows(62, 6), "attention_bias": False,
        "tie_word_embeddings": True, "rms_norm_eps": 1e-6, "torch_dtype": "bfloat16",
        "rope_parameters": {"full_attention": {"rope_theta": 1e6}, "sliding_attention": {"rope_theta": 1e4}},
    },
    "gpt-oss-120b": {
        **OSS, "rms_norm_eps": 1e-5, "swiglu_limit": 7.0, "rope_parameters": {"rope_theta": 1.5e5},
    },
    "DeepSeek-V3": {
        **CONFIGS["DeepSeek-V3"], "rms_norm_eps": 1e-6, "rope_interleave": True,
        "rope_parameters": {"rope_theta": 1e4}, "n_group": 8, "topk_group": 4,
        "routed_scaling_factor": 2.5, "norm_topk_prob": True,
    },
}  # fmt: skip

MODELS: dict[str, Switches] = {name: read(config) for name, config in FULL.items()}
