"""The small parts that both halves of a block use."""

from __future__ import annotations

from collections.abc import Mapping

import torch
import torch.nn.functional as F
from torch import Tensor

from snippets.transformers.modern_architectures.switches import Switches

Weights = Mapping[str, Tensor]  # by the names of a checkpoint


def part(w: Weights, start: str) -> Weights:
    """The tensors whose names begin so, without that beginning."""
    return {name.removeprefix(start): w[name] for name in w if name.startswith(start)}


def linear(x: Tensor, w: Weights, name: str) -> Tensor:
    """A linear layer, with its bias if the checkpoint has one."""
    return F.linear(x, w[f"{name}.weight"], w.get(f"{name}.bias"))


# --8<-- [start:norm]
def norm(x: Tensor, w: Tensor, s: Switches) -> Tensor:
    """RMSNorm over the last axis; Gemma stores how far its weights are from one."""
    x = x * torch.rsqrt(x.square().mean(-1, keepdim=True) + s.eps)
    return x * (1 + w if s.unit_norm else w)


# --8<-- [end:norm]


# --8<-- [start:gated]
def gated(gate: Tensor, up: Tensor, activation: str, limit: float) -> Tensor:
    """What a gated feed-forward does between its matrices."""
    if activation == "clamped":
        # Bounds, a steeper gate, and one added to `up`.
        gate, up = gate.clamp(max=limit), up.clamp(-limit, limit)
        return gate * torch.sigmoid(1.702 * gate) * (up + 1)
    if activation == "gelu":
        return F.gelu(gate, approximate="tanh") * up
    return F.silu(gate) * up


# --8<-- [end:gated]
