"""Quantization: integers on a grid, rounding to nearest, and GPTQ on one layer."""

from __future__ import annotations

import torch
from torch import Tensor


def grid(w: Tensor, bits: int, group: int, symmetric: bool) -> tuple[Tensor, Tensor]:
    """Scale and zero point of each group of `group` numbers along the last axis.

    Args:
        w: [..., columns] numbers.
        bits: Codes run from -2^(bits - 1) to 2^(bits - 1) - 1.
        group: Numbers that share a scale; divides the columns.
        symmetric: Absmax, zero point 0. Otherwise the grid spans minimum to maximum, and 0.
    """
    w = w.unflatten(-1, (-1, group))  # [..., groups, group]
    low, high = w.amin(-1).clamp(max=0), w.amax(-1).clamp(min=0)
    if symmetric:
        high = torch.maximum(-low, high)
        low = -high
    scale = ((high - low) / (2**bits - 1)).clamp(min=1e-12)
    least = -(2 ** (bits - 1))
    zero = torch.zeros_like(scale) if symmetric else least - torch.round(low / scale)
    return scale, zero  # [..., groups] each


def quantize(w: Tensor, scale: Tensor, zero: Tensor, bits: int) -> Tensor:
    """Codes of `w`, given the scale and zero point of each number."""
    code = torch.round(w * (1 / scale)) + zero
    return code.clamp(-(2 ** (bits - 1)), 2 ** (bits - 1) - 1)


def dequantize(code: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
    """The numbers that the codes stand for."""
    return (code - zero) * scale


def nearest(w: Tensor, bits: int, group: int, symmetric: bool = True) -> Tensor:
    """Round to the nearest point of each group's grid, and back."""
    scale, zero = (t.repeat_interleave(group, -1) for t in grid(w, bits, group, symmetric))
    return dequantize(quantize(w, scale, zero, bits), scale, zero)


# --8<-- [start:gptq]
def gptq(w: Tensor, x: Tensor, bits: int, group: int, damp: float = 0.01) -> Tensor:
    """Quantize column by column; what a column loses, the columns to its right make up for.

    Args:
        w: [outputs, inputs] weights of the layer.
        x: [tokens, inputs] calibration inputs of the layer.
        bits: Bits of a code.
        group: Inputs that share a scale, fixed when the first of them is reached.
        damp: Added to the diagonal, as a share of its mean, so that it can be inverted.

    Source: Frantar et al. 2022, algorithm 1, without its blocking, which saves time only.
    """
    w = w.clone()
    out = torch.empty_like(w)
    hessian = x.T @ x  # of the squared error of the output, up to a factor
    hessian += damp * hessian.diagonal().mean() * torch.eye(len(hessian))
    inverse = torch.linalg.cholesky(torch.linalg.inv(hessian), upper=True)
    for i in range(w.shape[1]):
        if i % group == 0:
            scale, zero = grid(w[:, i : i + group], bits, group, symmetric=True)
        code = quantize(w[:, i : i + 1], scale, zero, bits)
        out[:, i : i + 1] = dequantize(code, scale, zero)
        error = (w[:, i] - out[:, i]) / inverse[i, i]
        w[:, i + 1 :] -= torch.outer(error, inverse[i, i + 1 :])
    return out


# --8<-- [end:gptq]


def layer(tokens: int = 512, width: int = 128, seed: int = 0) -> tuple[Tensor, Tensor]:
    """Weights of a linear layer, and inputs whose channels are correlated, as in a trained model."""
    g = torch.Generator().manual_seed(seed)
    mix = torch.randn(width, width, generator=g) * torch.logspace(0, -2, width)[:, None]
    x = torch.randn(2 * tokens, width, generator=g) @ mix  # [2 tokens, width]
    return torch.randn(width, width, generator=g) / width**0.5, x


def loss(w: Tensor, stored: Tensor, x: Tensor) -> float:
    """Relative error of the layer's output."""
    return float((x @ (stored - w).T).norm() / (x @ w.T).norm())


def example_methods() -> None:
    """Error of a layer's output on the tokens it was calibrated on, and on as many others."""
    w, x = layer()
    seen, new = x.chunk(2)
    print(f"{'bits':>4s}{'group':>7s}{'nearest':>10s}{'GPTQ':>8s}{'GPTQ, new tokens':>18s}")
    for bits, group in ((8, 128), (4, 128), (4, 32), (3, 32)):
        rounded, fitted = nearest(w, bits, group), gptq(w, seen, bits, group)
        row = loss(w, rounded, seen), loss(w, fitted, seen), loss(w, fitted, new)
        print(f"{bits:4d}{group:7d}{row[0]:10.2%}{row[1]:8.2%}{row[2]:18.2%}")


def facts() -> dict[str, str]:
    """Numbers that the page states about GPTQ."""
    w, x = layer()
    seen, _ = x.chunk(2)
    gain = loss(w, nearest(w, 4, 32), seen) / loss(w, gptq(w, seen, 4, 32), seen)
    return {"gptq_gain": f"{gain:.1f}"}


if __name__ == "__main__":
    example_methods()
