"""A stage of preferences on the tiny model: pairs of its own replies, and the loss of a step."""

# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from snippets.post_training.dpo.losses import dpo, margin
from snippets.tiny.sampling import rewards, sample
from snippets.tiny.tasks import Task
from snippets.tiny.training import Batch, logprobs

GROUP = 8


# --8<-- [start:pairs]
def pairs(
    policy: LlamaForCausalLM, given: list[Task], draw: torch.Generator
) -> tuple[Batch, Batch]:
    """A right and a wrong reply of the model itself, for each task that got both."""
    drawn = sample(policy, given, GROUP, generator=draw)
    grades = rewards(given, drawn.replies).view(-1, GROUP)
    mixed = (grades.amax(1) > grades.amin(1)).nonzero().squeeze(1)
    first = mixed * GROUP  # the number of a task's first reply
    right, wrong = grades[mixed].argmax(1), grades[mixed].argmin(1)
    return drawn.rows(first + right), drawn.rows(first + wrong)


# --8<-- [end:pairs]


def scores(policy: LlamaForCausalLM, *sides: Batch) -> Tensor:  # [B, 2]
    """Log-probabilities of whole replies, a column for each side, in one pass."""
    ids, mask = (torch.cat([getattr(s, n) for s in sides]) for n in ("ids", "trains"))
    return logprobs(policy, ids, mask).sum(-1).view(len(sides), -1).T


# --8<-- [start:loss]
def stage_loss(
    now: Tensor, then: Tensor, tokens: Tensor, beta: float, weight: float
) -> Tensor:
    """DPO's loss of the pairs, and cross-entropy by token of the chosen replies."""
    entropy = -now[:, 0].sum() / tokens
    return dpo(margin(now, then), beta).mean() + weight * entropy


# --8<-- [end:loss]
