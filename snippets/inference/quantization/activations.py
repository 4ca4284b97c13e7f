"""Quantization: outliers in activations, and scales that move them into the weights."""

from __future__ import annotations

import torch
from torch import Tensor


# --8<-- [start:int8]
def to_int8(t: Tensor, dim: int | None) -> tuple[Tensor, Tensor]:
    """Absmax codes and scale: one scale along `dim`, or one for the tensor if `dim` is None."""
    largest = t.abs().amax() if dim is None else t.abs().amax(dim, keepdim=True)
    return torch.round(t / largest * 127).to(torch.int8), largest / 127


def int8_linear(x: Tensor, w: Tensor, per_token: bool = False) -> Tensor:
    """x @ w.T in integers: [tokens, inputs] by [outputs, inputs].

    A scale must be constant along the axis that is summed, so tokens and outputs can have
    their own, and inputs, the channels, can not.
    """
    a, a_scale = to_int8(x, dim=1 if per_token else None)  # one scale, or [tokens, 1]
    b, b_scale = to_int8(w, dim=1)  # [outputs, 1]
    return (a.int() @ b.int().T) * a_scale * b_scale.T  # int32 sums, scaled once


# --8<-- [end:int8]


# --8<-- [start:smooth]
def smooth(x: Tensor, w: Tensor, alpha: float = 0.5) -> tuple[Tensor, Tensor]:
    """Divide each channel of x by s, multiply the weights that read it by s: the same product.

    x is [tokens, inputs] of calibration, w [outputs, inputs]. alpha is the part of the
    difficulty that moves to the weights. Source: Xiao et al. 2023.
    """
    s = x.abs().amax(0) ** alpha / w.abs().amax(0) ** (1 - alpha)  # [inputs]
    return x / s, w * s


# --8<-- [end:smooth]


def activations(
    outlier: float, tokens: int = 256, width: int = 128, seed: int = 1
) -> tuple[Tensor, Tensor]:
    """Inputs whose channels 5 and 40 sit near `outlier` for every token, and weights.

    Another seed gives other tokens, of the same kind, for the same weights.
    """
    x = torch.randn(tokens, width, generator=torch.Generator().manual_seed(seed))
    x[:, [5, 40]] += outlier
    w = torch.randn(width, width, generator=torch.Generator().manual_seed(0))
    return x, w / width**0.5


def error(y: Tensor, x: Tensor, w: Tensor) -> float:
    """Error of an output, relative to what distinguishes one token's output from another's."""
    right = x @ w.T
    return float((y - right).norm() / (right - right.mean(0)).norm())


def split(x: Tensor, w: Tensor, channels: list[int]) -> Tensor:
    """LLM.int8(): a few channels in full precision, the others in integers."""
    rest = [i for i in range(x.shape[1]) if i not in channels]
    return x[:, channels] @ w[:, channels].T + int8_linear(x[:, rest], w[:, rest])


def through_fp8(t: Tensor, dim: int | None = None) -> Tensor:
    """E4M3 and back; the scale puts the largest magnitude, or the largest along `dim`, at 448."""
    scale = (t.abs().amax() if dim is None else t.abs().amax(dim, keepdim=True)) / 448
    return (t / scale).to(torch.float8_e4m3fn).to(t.dtype) * scale


WIDTHS = 7, 7, 8, 9, 8, 7, 8, 9


def example_outlier() -> None:
    """Error of the output with two large channels among 128, activations quantized in six ways."""
    names = ("outlier", "zeros", "int8", "by token", "smooth", "split", "fp8", "by token")
    print("".join(f"{n:>{w}s}" for n, w in zip(names, WIDTHS, strict=True)))
    for size in (0, 10, 30, 100, 300):
        x, w = activations(size)
        zeros = (to_int8(x, None)[0] == 0).float().mean()
        outputs = (
            int8_linear(x, w),
            int8_linear(x, w, per_token=True),
            int8_linear(*smooth(x, w)),
            split(x, w, [5, 40]),
            through_fp8(x) @ w.T,
            through_fp8(x, dim=1) @ w.T,
        )
        row = [str(size), f"{zeros:.1%}", *(f"{error(y, x, w):.1%}" for y in outputs)]
        print("".join(f"{cell:>{n}s}" for cell, n in zip(row, WIDTHS, strict=True)))


def facts() -> dict[str, str]:
    """Numbers that the page states about outliers."""
    x, w = activations(100)
    return {
        "lost": f"{(to_int8(x, None)[0] == 0).float().mean():.0%}",
        "broken": f"{error(int8_linear(x, w), x, w):.0%}",
        "split": f"{error(split(x, w, [5, 40]), x, w):.1%}",
        "fp8": f"{error(through_fp8(x) @ w.T, x, w):.0%}",
        "fp8_token": f"{error(through_fp8(x, dim=1) @ w.T, x, w):.0%}",
        "cured": f"{error(int8_linear(*smooth(x, w)), x, w):.1%}",
    }


if __name__ == "__main__":
    example_outlier()
