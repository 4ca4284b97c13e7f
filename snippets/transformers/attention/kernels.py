"""Three attention kernels: how each divides the keys of one query, in four situations."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.transformers.attention.decoder import (
    HEADS,
    KV_HEADS,
    Decoder,
    decoder,
    prefill,
    prompts,
    run,
)
from snippets.transformers.attention.splits import (
    choose_splits,
    even_sizes,
    fixed_sizes,
    split_attention,
)

PROCESSORS, BLOCK = 16, 4  # of a small chip; keys that its kernel takes at a time
FIXED_NUMBER, FIXED_SIZE = 4, 12
# Sequences of the batch, and tokens by which the prompt's chunk goes on after this one.
SITUATIONS = {
    "batch of 1": (1, 0), "batch of 2": (2, 0), "batch of 4": (4, 0), "batch of 6": (6, 0),
    "within a chunk": (1, 8),
}  # fmt: skip


def division(kernel: str, keys: int, batch: int) -> list[int]:
    """Keys of each split."""
    if kernel == "C":
        return fixed_sizes(keys, FIXED_SIZE)
    by_load = choose_splits(batch * KV_HEADS, PROCESSORS, keys // BLOCK)
    return even_sizes(keys, by_load if kernel == "A" else FIXED_NUMBER)


def visible(sizes: list[int], seen: int) -> list[int]:
    """The same splits without the keys that the mask hides, which come last."""
    ends = [min(sum(sizes[: i + 1]), seen) for i in range(len(sizes))]
    parts = [end - start for start, end in zip([0, *ends], ends, strict=False)]
    return [part for part in parts if part]


def logits(m: Decoder, prompt: Tensor, kernel: str, batch: int, later: int) -> Tensor:
    """Logits after the prompt's last token; all but the division of its keys is the same."""

    def attention(_: int, q: Tensor, k: Tensor, v: Tensor) -> Tensor:
        k, v = (y.repeat_interleave(HEADS // KV_HEADS, 1) for y in (k, v))
        keys = k.shape[2]
        sizes = visible(division(kernel, keys + later, batch), keys)
        return m.store(split_attention(q, k, v, sizes, torch.bfloat16))

    return run(m, prompt[:, -1:], prefill(m, prompt), attention)[0][0]


def table() -> dict[str, dict[str, float]]:
    """The largest logit of one prompt by kernel and situation; the token is that of kernel C."""
    m, prompt = decoder(0), prompts(0)[:1]
    token = logits(m, prompt, "C", 1, 0).argmax()
    return {
        name: {kernel: float(logits(m, prompt, kernel, *s)[token]) for kernel in "ABC"}
        for name, s in SITUATIONS.items()
    }


def example_kernels() -> None:
    """One logit after one prompt."""
    print(f"{'the same token':16s}" + "".join(f"{'kernel ' + k:>11s}" for k in "ABC"))
    for name, row in table().items():
        print(f"{name:16s}" + "".join(f"{x:11.4f}" for x in row.values()))


if __name__ == "__main__":
    example_kernels()
