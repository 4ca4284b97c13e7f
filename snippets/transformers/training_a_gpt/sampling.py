"""Sampling: from logits to the next byte."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.transformers.training_a_gpt.model import GPT


# --8<-- [start:sample]
def sharpen(logits: Tensor, temperature: float, top_k: int) -> Tensor:
    """Logits, [B, V], divided by the temperature; all but the `top_k` highest are out."""
    least = logits.topk(top_k).values[:, -1:]
    return (logits / temperature).masked_fill(logits < least, float("-inf"))


@torch.no_grad()
def sample(
    model: GPT,
    prompt: Tensor,
    new: int,
    temperature: float = 1.0,
    top_k: int = 256,
    generator: torch.Generator | None = None,
) -> Tensor:
    """Prompts, [B, S], and `new` tokens after them; a temperature of 0 takes the likeliest."""
    tokens = prompt
    for _ in range(new):
        logits = model.eval()(tokens[:, -model.c.context :])[:, -1]  # [B, V]
        if temperature == 0:
            following = logits.argmax(-1, keepdim=True)
        else:
            p = sharpen(logits, temperature, top_k).softmax(-1)
            following = torch.multinomial(p, 1, generator=generator)
        tokens = torch.cat([tokens, following], dim=1)
    return tokens


# --8<-- [end:sample]
