"""Losses of a two-tower model: over the whole catalog, and over the titles of a batch."""

from __future__ import annotations

import torch
from torch import Tensor


# --8<-- [start:full]
def full_softmax(scores: Tensor, title: Tensor) -> Tensor:
    """Cross-entropy over the catalog: scores [..., B, T], title played [..., B]."""
    own = scores.gather(-1, title.unsqueeze(-1)).squeeze(-1)
    return scores.logsumexp(-1) - own


# --8<-- [end:full]
# --8<-- [start:batch]
def corrected(scores: Tensor, log_q: Tensor, strength: float = 1.0) -> Tensor:
    """Logits of the batch's titles, whose log share of the plays is log_q [..., B]."""
    return scores - strength * log_q.unsqueeze(-2)


def in_batch(logits: Tensor) -> Tensor:
    """Cross-entropy over the batch: logits [..., B, B], row b played the title of column b."""
    own = logits.diagonal(dim1=-2, dim2=-1)
    return logits.logsumexp(-1) - own


# --8<-- [end:batch]
# --8<-- [start:present]
def positive_present(scores: Tensor, log_q: Tensor, title: Tensor) -> Tensor:
    """Khrylchenko and others: only negatives are sampled, the positive is there anyway."""
    own = scores.diagonal(dim1=-2, dim2=-1)
    others = title.unsqueeze(-1) != title.unsqueeze(-2)  # [..., B, B]
    log_rest = (-log_q.exp()).log1p().unsqueeze(-1)  # log(1 - q) of the positive
    logits = scores - (log_q.unsqueeze(-2) - log_rest)
    kept = logits.masked_fill(~others, -torch.inf)
    negatives = kept.logsumexp(-1) - others.sum(-1).log()  # log of their mean
    unsure = (negatives - own).sigmoid().detach()  # 1 - P(positive)
    return unsure * (negatives - own)


# --8<-- [end:present]
def masked(logits: Tensor, title: Tensor) -> Tensor:
    """Logits without the negatives that equal the positive of their row."""
    same = title.unsqueeze(-1) == title.unsqueeze(-2)
    own = torch.eye(logits.shape[-1], dtype=torch.bool)
    return logits.masked_fill(same & ~own, -torch.inf)
