"""How ratios leave 1 before any update: the sampler computes in another precision."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from snippets.post_training.grpo.losses import RECIPES, ratios
from snippets.tiny.sampling import Rollouts
from snippets.tiny.training import logprobs


# --8<-- [start:scored]
def scored(policy: LlamaForCausalLM, drawn: Rollouts, kind: str) -> Tensor:
    """Log-probabilities of the same tokens, the same weights in another precision: [B, S]."""
    body, _, head = kind.partition(" + ")
    dtype = getattr(torch, body)
    rounded = deepcopy(policy).to(dtype)
    if head:  # the last layer alone in float32
        rounded.lm_head.float().register_forward_pre_hook(lambda _, x: (x[0].float(),))
    return logprobs(rounded, drawn.ids, drawn.trains).float().detach()


# --8<-- [end:scored]

KINDS = ("float32", "float16", "bfloat16", "bfloat16 + float32")


def mismatch(
    kind: str, begun: Sequence[tuple[LlamaForCausalLM, Rollouts]]
) -> tuple[float, float, float]:
    """Largest ratio before any update, and tokens and replies outside GSPO's range."""
    largest, tokens, replies = [], [], []
    for policy, drawn in begun:
        mask = drawn.trains.float()
        new, old = logprobs(policy, drawn.ids, mask).detach(), scored(policy, drawn, kind)
        each, whole = (ratios(new, old, mask, s) for s in (False, True))
        recipe = RECIPES["GSPO"]
        largest.append(torch.maximum(each, 1 / each).max().item())
        outside = [
            ((r < 1 - recipe.low) | (r > 1 + recipe.high)).float() for r in (each, whole)
        ]
        tokens.append((outside[0] * mask).sum().item() / mask.sum().item())
        replies.append(outside[1].mean().item())
    return max(largest), sum(tokens) / len(tokens), sum(replies) / len(replies)
