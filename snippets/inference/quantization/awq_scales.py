"""Quantization: weights whose large inputs are protected, against nearest and GPTQ, on tokens seen and new."""

from __future__ import annotations

from torch import Tensor

from snippets.inference.quantization.activations import activations, error
from snippets.inference.quantization.gptq import gptq, nearest


def awq(x: Tensor, w: Tensor, bits: int, group: int, steps: int = 20) -> Tensor:
    """Round to nearest after enlarging the inputs that matter; how far is found by search.

    Returns:
        The weights as stored, the enlargement divided out again.

    Source: AWQ, Lin et al. 2023; the previous layer absorbs the division.
    """
    reach = x.abs().mean(0)  # [inputs], how much of each input the layer sees
    best, least = w, float("inf")
    for step in range(steps):
        s = reach ** (step / steps)
        s = s / (s.max() * s.min()).sqrt()
        stored = nearest(w * s, bits, group) / s
        loss = float((x @ (stored - w).T).norm())
        if loss < least:
            best, least = stored, loss
    return best


def example_weights() -> None:
    """A layer whose weights have 4 bits, groups of 32: error on the tokens seen, and on new ones."""
    names = "nearest", "AWQ", "GPTQ"
    print(f"{'':17s}{'256 tokens seen':^24s}{'2,048 new ones':^24s}")
    print(f"{'outlier   tokens':17s}" + 2 * "".join(f"{n:>8s}" for n in names))
    for size, tokens in ((0, 256), (10, 256), (30, 256), (30, 4096)):
        x, w = activations(size, tokens)
        new, _ = activations(size, tokens=2048, seed=2)
        stored = nearest(w, 4, 32), awq(x, w, 4, 32), gptq(w, x, 4, 32)
        row = [error(t @ s.T, t, w) for t in (x, new) for s in stored]
        print(f"{size:7d}{tokens:9,d} " + "".join(f"{e:8.1%}" for e in row))


if __name__ == "__main__":
    example_weights()
