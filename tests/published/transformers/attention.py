"""Attention."""

from __future__ import annotations

from math import ceil

import torch

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.transformers.attention import splits, traffic


def attention_traffic(inputs: Inputs, unit: str) -> float:
    """Bytes that separate operations move in 16 bits, forward and backward, with a mask on keys."""
    counts = traffic.eager_traffic(inputs["seq"], inputs["head_dim"], torch.float16, padding=True)
    return in_unit(1e9 * traffic.gigabytes(counts, inputs["heads"] * inputs["batch"]), unit)


def split_efficiency(inputs: Inputs, unit: str) -> float:
    """Share of the processors' turns that is used."""
    return in_unit(splits.busy(inputs["work"] * inputs["splits"], inputs["processors"]), unit)


def attention_splits(inputs: Inputs, unit: str) -> int:
    """Splits that FlashAttention-3 chooses."""
    blocks = ceil(inputs["tokens"] / inputs["block"])
    return splits.choose_splits(inputs["batch"] * inputs["kv_heads"], inputs["processors"], blocks)


def fixed_size(inputs: Inputs, unit: str) -> list[int]:
    """Keys of each split of a fixed size."""
    return splits.fixed_sizes(inputs["keys"], inputs["size"])


def fixed_number(inputs: Inputs, unit: str) -> list[int]:
    """Keys of each of a fixed number of splits."""
    return splits.even_sizes(inputs["keys"], inputs["splits"])


def mean_slowdown(inputs: Inputs, unit: str) -> float:
    """Mean share of added time."""
    return in_unit(splits.mean_slowdown(inputs["normal"], inputs["deterministic"]), unit)


FAMILIES: dict[str, Adapter] = {
    "attention-fixed-number": fixed_number,
    "attention-fixed-size": fixed_size,
    "attention-splits": attention_splits,
    "attention-traffic": attention_traffic,
    "mean-slowdown": mean_slowdown,
    "split-efficiency": split_efficiency,
}
