"""Beam search inside a trie, and all titles scored one by one."""

from __future__ import annotations

from itertools import product

import torch
from torch import Tensor

from snippets.recommenders.semantic_ids.decoder import Decoder
from snippets.recommenders.semantic_ids.trie import Allowed


def masks(allowed: Allowed | None, levels: int, size: int) -> list[Tensor]:
    """For each level, 0 where a code may follow a prefix and -inf elsewhere: [A ** l, A]."""
    rows = []
    for level in range(levels):
        row = torch.zeros(size**level, size)
        if allowed is not None:
            row -= torch.inf
            for place, prefix in enumerate(product(range(size), repeat=level)):
                row[place, list(allowed(prefix))] = 0.0
        rows.append(row)
    return rows


# --8<-- [start:search]
@torch.no_grad()
def search(
    model: Decoder, history: Tensor, rows: list[Tensor], width: int
) -> tuple[Tensor, Tensor]:
    """The `width` likeliest tuples for each history [B, S, q]: codes [B, W, q], log p [B, W]."""
    codes = history.new_zeros(len(history), 1, 0)
    score = torch.zeros(len(history), 1)
    place = torch.zeros_like(score, dtype=torch.long)  # which prefix of its level a beam is
    for row in rows:
        steps = model(history, codes)[:, :, -1].log_softmax(-1) + row[place]  # [B, W, A]
        total = (score[..., None] + steps).flatten(1)
        score, best = total.topk(min(width, total.shape[1]))
        beam, code = best // model.size, best % model.size
        codes = torch.cat([codes.take_along_dim(beam[..., None], 1), code[..., None]], -1)
        place = place.gather(1, beam) * model.size + code
    return codes, score


@torch.no_grad()
def exhaustive(model: Decoder, history: Tensor, catalog: Tensor) -> Tensor:
    """Log probability of each title's codes [T, q], for each history: [B, T]."""
    before = catalog[:, :-1].expand(len(history), -1, -1)
    steps = model(history, before).log_softmax(-1)  # [B, T, q, A]
    chosen = catalog.expand(len(history), -1, -1)[..., None]
    return steps.gather(-1, chosen).squeeze(-1).sum(-1)


# --8<-- [end:search]
