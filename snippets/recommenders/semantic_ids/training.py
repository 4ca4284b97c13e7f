"""Histories out of a log, a decoder trained on them, and how often its ten titles hold the next."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray

from snippets.recommenders.semantic_ids.beam import masks, search
from snippets.recommenders.semantic_ids.decoder import Decoder
from snippets.recommenders.semantic_ids.trie import Codes, Trie
from snippets.recommenders.semantic_ids.vectors import TEST, plays
from snippets.worlds.log import Log

LENGTH = 8  # titles of a history


@dataclass(frozen=True)
class Histories:
    """The last titles of a member [N, S], the one played next [N], and who it was [N]."""

    titles: NDArray[np.int64]
    next: NDArray[np.int64]
    member: NDArray[np.int64]


def histories(log: Log, length: int = LENGTH) -> Histories:
    """Each play that has `length` plays of the same member before it."""
    order = np.argsort(log.member, kind="stable")
    member, title = log.member[order], log.title[order]
    first = np.arange(len(title) - length)
    first = first[member[first] == member[first + length]]
    return Histories(
        title[first[:, None] + np.arange(length)], title[first + length], member[first]
    )


@cache
def tested(number: int = 300) -> Histories:
    """Histories of the last week, drawn once."""
    all_ = histories(plays(TEST))
    some = np.random.default_rng(0).choice(len(all_.next), number, replace=False)
    return Histories(all_.titles[some], all_.next[some], all_.member[some])


def train(
    codes: Codes, size: int, log: Log, seed: int, steps: int = 100, batch: int = 128
) -> Decoder:
    """A decoder of the next title's codes, from histories in the same codes."""
    torch.manual_seed(seed)
    model = Decoder(codes.shape[1], size)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)
    seen, coded = histories(log), torch.from_numpy(codes)
    past, target = torch.from_numpy(seen.titles), torch.from_numpy(seen.next)
    for _ in range(steps):
        rows = torch.randint(len(target), (batch,))
        wanted = coded[target[rows]][:, None]  # [B, 1, q]
        logits = model(coded[past[rows]], wanted[..., :-1])
        loss = F.cross_entropy(logits.flatten(0, -2), wanted.flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model


def recommend(
    model: Decoder, past: Codes, catalog: Codes, width: int = 10, k: int = 10
) -> list[list[int]]:
    """The first `k` titles for each history in codes [B, S, q]; `catalog` [T, q] says which exist."""
    trie = Trie(catalog)
    rows = masks(trie.allowed, model.levels, model.size)
    found, score = search(model, torch.from_numpy(past), rows, width)
    lists = []
    for tuples, scores in zip(found.tolist(), score.tolist(), strict=True):
        reached = [row for row, p in zip(tuples, scores, strict=True) if p > -math.inf]
        lists.append([title for row in reached for title in trie.titles[tuple(row)]][:k])
    return lists


def hits(lists: list[list[int]], wanted: NDArray[np.int64]) -> NDArray[np.bool_]:
    """For each history, whether the next title is in the list."""
    return np.array(
        [title in ten for ten, title in zip(lists, wanted.tolist(), strict=True)]
    )


def popular(log: Log, k: int = 10) -> list[int]:
    """The titles played most."""
    counted: list[int] = np.bincount(log.title).argsort(kind="stable")[::-1][:k].tolist()
    return counted
