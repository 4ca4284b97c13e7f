"""The cache of real models, as `transformers` keeps it: its size, and what a wrong position does."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from transformers import (
    DeepseekV3Config,
    DeepseekV3ForCausalLM,
    LlamaConfig,
    LlamaForCausalLM,
    MistralConfig,
    MistralForCausalLM,
    PreTrainedModel,
)

from snippets.inference.kv_cache.designs import in_gb
from snippets.shapes.models import MODELS, Shape, attention_params

SMALL: dict[str, Any] = {
    "vocab_size": 128,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}


def llama() -> LlamaForCausalLM:
    """A Llama of 3 layers with 4 query and 2 key/value heads, random weights large enough to attend."""
    torch.manual_seed(0)
    config = LlamaConfig(**SMALL, num_key_value_heads=2, head_dim=16, initializer_range=0.3)
    return LlamaForCausalLM(config).eval()


# --8<-- [start:sizes]
def held_bytes(model: PreTrainedModel, tokens: int) -> int:
    """Bytes of the cache that the library allocates for one prompt."""
    with torch.no_grad():
        prompt = torch.zeros(1, tokens, dtype=torch.long)
        cache = model(prompt, use_cache=True).past_key_values
    return sum(t.nbytes for layer in cache.layers for t in (layer.keys, layer.values))


# --8<-- [end:sizes]


def example_sizes() -> None:
    """What three designs hold for 40 tokens, in fp32, and what the formula says."""
    wide: dict[str, Any] = {"num_key_value_heads": 2, "head_dim": 16}
    window = MistralForCausalLM(MistralConfig(**SMALL, **wide, sliding_window=8))
    latent = DeepseekV3ForCausalLM(DeepseekV3Config(
        **SMALL, moe_intermediate_size=32, first_k_dense_replace=3, num_key_value_heads=4, n_routed_experts=4,
        num_experts_per_tok=2, n_group=1, topk_group=1, q_lora_rank=32, kv_lora_rank=24, qk_rope_head_dim=8,
        qk_nope_head_dim=16, v_head_dim=16,
    ))  # fmt: skip
    print(
        f"GQA, 2 heads of 16:    {held_bytes(llama(), 40):6d} bytes = 2 · 3 · 2 · 16 · 4 · 40 tokens"
    )
    print(
        f"window of 8:           {held_bytes(window, 40):6d} bytes = 2 · 3 · 2 · 16 · 4 ·  7 tokens"
    )
    print(
        f"MLA, latent 24 + 8:    {held_bytes(latent, 40):6d} bytes = 3 · (24 + 8) · 4 · 40 tokens"
    )


# tokens: [1, S], the whole prompt. first_position is `hit`, if all is well.
# --8<-- [start:resume]
def resume(
    model: LlamaForCausalLM, tokens: Tensor, hit: int, first_position: int
) -> Tensor:
    """Logits of the rest of a prompt whose first `hit` tokens are found in the cache."""
    with torch.no_grad():
        cache = model(tokens[:, :hit], use_cache=True).past_key_values
        new = tokens[:, hit:]
        positions = first_position + torch.arange(new.shape[1]).unsqueeze(0)
        rest = model(new, past_key_values=cache, position_ids=positions)
    return rest.logits  # [1, S - hit, V]


# --8<-- [end:resume]


def prompt() -> Tensor:
    """A prompt of 96 random tokens: [1, 96]."""
    return torch.randint(0, 128, (1, 96), generator=torch.Generator().manual_seed(1))


# --8<-- [start:offset]
def example_offset() -> None:
    """A prefix hit of 64 tokens; the new ones are numbered from 64, and from 0."""
    model, tokens = llama(), prompt()
    with torch.no_grad():
        right = model(tokens).logits[:, 64:].log_softmax(-1)
    for first in (64, 0):
        got = resume(model, tokens, hit=64, first_position=first).log_softmax(-1)
        kl = (right.exp() * (right - got)).sum(-1).mean().item()
        same = (got.argmax(-1) == right.argmax(-1)).float().mean().item()
        print(
            f"numbered from {first:2d}: KL {kl:5.2f} nats, "
            f"{same:4.0%} of the next tokens agree, finite: {got.isfinite().all()}"
        )


# --8<-- [end:offset]


def copied_attention_bytes(m: Shape, gpus: int, width: float) -> float:
    """Bytes that a group holds beyond one copy if each GPU has all attention weights."""
    return (gpus - 1) * m.layers * attention_params(m) * width


GPUS, EIGHT_BIT = 8, 1.0  # bytes of a weight


def facts() -> dict[str, str]:
    """What a group of GPUs holds more than once if it deals out users, not heads."""
    copied = copied_attention_bytes(MODELS["DeepSeek-V3"], GPUS, EIGHT_BIT)
    return {"v3_copies": f"{in_gb(copied):.0f} GB"}


if __name__ == "__main__":
    example_sizes()
    example_offset()
