"""A matrix in NF4: blocks of 64 numbers, each under the largest magnitude of its block."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.post_training.lora.codebook import nf4_values

VALUES = torch.tensor(nf4_values())  # [16], ascending
MIDDLES = (VALUES[1:] + VALUES[:-1]) / 2  # [15]
BLOCK = 64


# --8<-- [start:quantize]
def quantize(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Codes from 0 to 15, and one scale for each block. -> [blocks, 64], [blocks, 1]"""
    blocks = weight.float().reshape(-1, BLOCK)
    scales = blocks.abs().amax(dim=1, keepdim=True)
    codes = torch.bucketize(blocks / scales, MIDDLES)
    return codes, scales


def dequantize(codes: Tensor, scales: Tensor, shape: torch.Size) -> Tensor:
    """The numbers that the codes stand for."""
    return (VALUES[codes] * scales).reshape(shape)


def through_nf4(weight: Tensor) -> Tensor:
    """To NF4 and back."""
    return dequantize(*quantize(weight), weight.shape)


# --8<-- [end:quantize]
