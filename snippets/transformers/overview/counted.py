"""The same sums by others: parameters of full-size models without memory, FLOPs by PyTorch's counter."""

# /// fieldguide
# timeout_s = 120
# memory_mb = 4000
# ///

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM

from snippets.shapes.configs import read
from snippets.shapes.counts import token_flops, total
from snippets.shapes.layers import Model
from snippets.shapes.published import CONFIGS

TOKENS = 24
SMALL = {
    "vocab_size": 96, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4,
    "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16, "tie_word_embeddings": False, "eos_token_id": 1,
}  # fmt: skip
EXPERTS = {"num_experts_per_tok": 2, "moe_intermediate_size": 32}
TINY: dict[str, dict[str, Any]] = {
    "dense": {**SMALL, "model_type": "llama"},
    "tied": {**SMALL, "model_type": "llama", "tie_word_embeddings": True},
    "experts": {**SMALL, **EXPERTS, "model_type": "qwen3_moe", "num_experts": 8},
    "windows": {**SMALL, "model_type": "olmo3", "sliding_window": 8},
    "latents": {
        **SMALL, **EXPERTS, "model_type": "deepseek_v3", "n_routed_experts": 8,
        "n_shared_experts": 1, "first_k_dense_replace": 1, "q_lora_rank": 24, "kv_lora_rank": 16,
        "qk_nope_head_dim": 16, "qk_rope_head_dim": 8, "head_dim": 8, "v_head_dim": 16, "n_group": 1,
        "topk_group": 1, "num_key_value_heads": 4,
    },
}  # fmt: skip


def build(config: Mapping[str, Any], **more: Any) -> Any:
    """A model of the library, with random weights."""
    fields = {key: value for key, value in config.items() if key != "quantization_config"}
    family = fields.pop("model_type")
    given = AutoConfig.for_model(family, **fields, attn_implementation="eager")
    return AutoModelForCausalLM.from_config(given, **more)


# --8<-- [start:parameters]
def built_parameters(config: Mapping[str, Any]) -> int:
    """Parameters of the library's class at full size, without memory."""
    with torch.device("meta"):
        model = build(config)
    return sum(p.numel() for p in model.parameters())


# --8<-- [end:parameters]


# --8<-- [start:flops]
def counted_flops(config: Mapping[str, Any], tokens: int) -> int:
    """FLOPs that PyTorch sees in a forward pass."""
    model = build(config, experts_implementation="eager").eval()
    prompt = torch.arange(tokens).unsqueeze(0)  # [1, S]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        model(prompt, use_cache=False)
    return int(counter.get_total_flops())


# --8<-- [end:flops]


def unmasked(m: Model) -> Model:
    """The model with every pair computed, as eager attention does behind its mask."""
    kinds = tuple(
        replace(kind, blocks=tuple(
            replace(b, looks=tuple(replace(look, reach=None) for look in b.looks))
            for b in kind.blocks
        ))
        for kind in m.kinds
    )  # fmt: skip
    return replace(m, kinds=kinds)


def formula_flops(config: Mapping[str, Any], tokens: int) -> int:
    """Our sum for the same pass: all pairs, masked or not."""
    return tokens * token_flops(unmasked(read(config)), tokens)


def example_built() -> None:
    """Parameters of full-size models: our sum, and the library's."""
    print(f"{'parameters':20s}{'from config.json':>18s}{'difference':>12s}")
    for name, config in CONFIGS.items():
        ours = total(read(config))
        print(f"{name:20s}{ours:18,d}{ours - built_parameters(config):12,d}")


def example_flops() -> None:
    """FLOPs of a pass over 24 tokens of tiny models: our sum, and PyTorch's count."""
    print(f"{'24 tokens':10s}{'formula':>12s}{'counted':>12s}")
    for name, config in TINY.items():
        print(
            f"{name:10s}{formula_flops(config, TOKENS):12,d}{counted_flops(config, TOKENS):12,d}"
        )


if __name__ == "__main__":
    example_built()
    example_flops()
