"""Decoding with keys that are split among processors: the merge, who chooses the splits, the price."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from math import ceil

import torch
from torch import Tensor


# q: [..., 1, d]; k, v: [..., S, d].
# --8<-- [start:partial]
def partial(q: Tensor, k: Tensor, v: Tensor) -> tuple[Tensor, Tensor]:
    """Attention to some of the keys, and the log-sum-exp of their scores, in fp32."""
    scores = q.float() @ k.float().transpose(-2, -1) * q.shape[-1] ** -0.5  # [..., 1, keys]
    lse = scores.logsumexp(-1, keepdim=True)  # [..., 1, 1]
    return (scores - lse).exp() @ v.float(), lse


# --8<-- [end:partial]


# `sizes` are the keys of each split; `keep` is the type in which a split leaves its output.
# --8<-- [start:merge]
def split_attention(
    q: Tensor, k: Tensor, v: Tensor, sizes: Sequence[int], keep: torch.dtype
) -> Tensor:
    """Attention of one query, each split on its own, then one weighted sum."""
    parts = zip(k.split(list(sizes), -2), v.split(list(sizes), -2), strict=True)
    outputs, stats = zip(*(partial(q, *part) for part in parts), strict=True)
    if len(sizes) == 1:
        return outputs[0].to(q.dtype)
    lse = torch.stack(stats)  # [splits, ..., 1, 1]
    weights = (lse - lse.logsumexp(0)).exp()
    total = torch.zeros_like(outputs[0])
    for weight, out in zip(weights, outputs, strict=True):
        total = total + weight * out.to(keep).float()
    return total.to(q.dtype)


# --8<-- [end:merge]


# --8<-- [start:sizes]
def even_sizes(keys: int, splits: int) -> list[int]:
    """A fixed number of splits, as equal as possible."""
    return [keys * (i + 1) // splits - keys * i // splits for i in range(splits)]


def fixed_sizes(keys: int, size: int) -> list[int]:
    """Splits of a fixed size, and what remains."""
    return [min(size, keys - start) for start in range(0, keys, size)]


# --8<-- [end:sizes]


def busy(work: int, processors: int) -> float:
    """Share of the processors' turns that is used, when each item of work takes a turn."""
    return work / processors / ceil(work / processors)


# Source: FlashAttention-3, hopper/heuristics.h, for causal attention.
# --8<-- [start:choose]
def choose_splits(work: int, processors: int, blocks: int, most: int = 128) -> int:
    """The number of splits for `work` pairs of sequence and key/value head."""
    if work >= 0.8 * processors or blocks <= 4:
        return 1
    options = range(1, min(most, processors, blocks) + 1)
    best = max(busy(work * n, processors) for n in options)
    return next(n for n in options if busy(work * n, processors) >= 0.85 * best)


# --8<-- [end:choose]

SMS, BLOCK = 132, 128  # processors of an H100; keys that its kernel takes at a time
KV_HEADS, KEYS, FIXED = 8, 8192, 2048  # Llama 3; the context; SGLang's split


def longest_chain(work: int, keys: int, size: int, processors: int = SMS) -> int:
    """Keys that the busiest processor reads one after another, if splits may end within a block."""
    return ceil(work * ceil(keys / size) / processors) * min(size, keys)


def by_load(batch: int) -> int:
    """Splits of each sequence when `batch` sequences decode together."""
    return choose_splits(batch * KV_HEADS, SMS, ceil(KEYS / BLOCK))


@cache
def drawn() -> tuple[Tensor, Tensor, Tensor]:
    """The last query, keys and values of one sequence in bf16."""
    generator = torch.Generator().manual_seed(0)
    q, k, v = (
        torch.randn(KV_HEADS, n, 128, generator=generator).bfloat16()
        for n in (1, KEYS, KEYS)
    )
    return q, k, v


def changed(sizes: Sequence[int], reference: Sequence[int], keep: torch.dtype) -> float:
    """Share of output numbers in bf16 that another division of the same keys changes."""
    q, k, v = drawn()
    one, other = (split_attention(q, k, v, s, keep) for s in (reference, sizes))
    return (one != other).float().mean().item()


def example_load() -> None:
    """One sequence of 8,192 tokens in batches of several sizes, on the 132 SMs of an H100."""
    alone = even_sizes(KEYS, by_load(1))
    print(f"{'batch':>5s}{'splits':>8s}{'bf16':>7s}{'fp32':>8s}{'chain':>8s}{'fixed':>8s}")
    for batch in (1, 2, 4, 8, 12, 14):
        sizes, work = even_sizes(KEYS, by_load(batch)), batch * KV_HEADS
        print(
            f"{batch:5d}{by_load(batch):8d}{changed(sizes, alone, torch.bfloat16):7.0%}"
            f"{changed(sizes, alone, torch.float32):8.1%}"
            f"{longest_chain(work, KEYS, max(sizes)):8,d}{longest_chain(work, KEYS, FIXED):8,d}"
        )


def mean_slowdown(before: Sequence[float], after: Sequence[float]) -> float:
    """Mean share of time that is added, over several workloads."""
    return sum(b / a - 1 for a, b in zip(before, after, strict=True)) / len(before)


def chain_ratio(batch: int) -> float:
    """How many times longer the chain is with splits of a fixed size."""
    work, size = batch * KV_HEADS, max(even_sizes(KEYS, by_load(batch)))
    return longest_chain(work, KEYS, FIXED) / longest_chain(work, KEYS, size)


def facts() -> dict[str, str]:
    """Numbers that the page states about splits."""
    return {
        "splits_1": f"{by_load(1)}",
        "splits_8": f"{by_load(8)}",
        "splits_12": f"{by_load(12)}",
        "splits_14": f"{by_load(14)}",
        "chain_ratio": f"{chain_ratio(1):.1f}",
    }


if __name__ == "__main__":
    example_load()
