"""The blocks of three published models, run by their own code and by ours."""
# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from transformers import (
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    MixtralConfig,
    MixtralForCausalLM,
    Qwen3MoeConfig,
    Qwen3MoeForCausalLM,
)

from snippets.transformers.mixture_of_experts.routing import (
    mixture,
    sigmoid_route,
    softmax_route,
)

SMALL: dict[str, Any] = {
    "vocab_size": 96, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4,
    "num_key_value_heads": 2, "num_experts_per_tok": 2, "initializer_range": 0.2,
}  # fmt: skip


def models() -> dict[str, Any]:
    """Three models of two layers with random weights; DeepSeek's with a random bias."""
    torch.manual_seed(0)
    made: dict[str, Any] = {
        "Mixtral": MixtralForCausalLM(
            MixtralConfig(**SMALL, num_local_experts=8, intermediate_size=48)
        ),
        "Qwen3-MoE": Qwen3MoeForCausalLM(
            Qwen3MoeConfig(
                **SMALL, num_experts=8, moe_intermediate_size=48, norm_topk_prob=True, head_dim=8
            )
        ),
        "DeepSeek-V3": DeepseekV3ForCausalLM(
            DeepseekV3Config(
                **SMALL | {"num_key_value_heads": 4}, n_routed_experts=8, moe_intermediate_size=48,
                intermediate_size=48, first_k_dense_replace=0, n_group=4, topk_group=2,
                q_lora_rank=16, kv_lora_rank=16, qk_rope_head_dim=8, qk_nope_head_dim=8, v_head_dim=8,
            )
        ),
    }  # fmt: skip
    for model in made.values():
        for name, weight in model.named_parameters():
            if "gate.weight" in name:
                nn.init.normal_(weight)  # some classes begin with a router of zeros
    for layer in made["DeepSeek-V3"].model.layers:
        layer.mlp.gate.e_score_correction_bias.normal_(std=0.1)
    return {name: model.eval() for name, model in made.items()}


# --8<-- [start:ours]
def ours(block: Any, x: Tensor) -> tuple[Tensor, Tensor]:
    """Output and choices of a library's block, from its weights and our functions."""
    tokens, gate = x.flatten(0, 1), block.gate
    logits = tokens @ gate.weight.T
    if hasattr(gate, "e_score_correction_bias"):
        groups, scale = (gate.num_group, gate.topk_group), gate.routed_scaling_factor
        bias = gate.e_score_correction_bias
        weights, chosen = sigmoid_route(logits, gate.top_k, bias, *groups, scale)
    else:
        weights, chosen = softmax_route(logits, gate.top_k)
    parts = block.experts.gate_up_proj, block.experts.down_proj
    out = mixture(tokens, weights, chosen, *parts).view_as(x)
    if hasattr(block, "shared_experts"):
        out = out + block.shared_experts(x)
    return out, chosen


# --8<-- [end:ours]


@torch.no_grad()
def compare(model: Any) -> tuple[float, float]:
    """Share of tokens with the library's choices in each layer, and the largest gap of logits."""
    tokens = torch.randint(96, (2, 40), generator=torch.Generator().manual_seed(1))
    blocks, theirs, mine = [layer.mlp for layer in model.model.layers], [], []
    hooks = [
        b.gate.register_forward_hook(lambda *a: theirs.append(a[2][2])) for b in blocks
    ]
    expected = model(tokens).logits
    for hook in hooks:
        hook.remove()
    for block in blocks:

        def forward(x: Tensor, block: Any = block) -> Tensor:
            out, chosen = ours(block, x)
            mine.append(chosen)
            return out

        block.forward = forward
    gap = (model(tokens).logits - expected).abs().max()
    pairs = zip(theirs, mine, strict=True)
    same = [
        (a.sort(-1).values == b.sort(-1).values).all(-1).float().mean() for a, b in pairs
    ]
    return float(torch.stack(same).mean()), float(gap)


def example_same() -> None:
    """Three models, their blocks replaced by ours."""
    print("model         same experts   largest gap of logits")
    for name, model in models().items():
        same, gap = compare(model)
        print(f"{name:12s}{same:14.0%}{'< 1e-5' if gap < 1e-5 else f'{gap:.1e}':>24s}")


if __name__ == "__main__":
    example_same()
