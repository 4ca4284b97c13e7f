"""From a token's scores to its experts, and from the experts to the token's output."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor


# logits: [T, E]. Source: Mixtral and Qwen3-MoE as `transformers` runs them.
# --8<-- [start:softmax]
def softmax_route(logits: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """Weights and numbers of the k experts of each token, both [T, k]."""
    weights, experts = logits.float().softmax(-1).topk(k)
    return weights / weights.sum(-1, keepdim=True), experts


# --8<-- [end:softmax]


# logits: [T, E], bias: [E]. Source: DeepSeek-AI 2024, section 2.1.2.
# --8<-- [start:sigmoid]
def sigmoid_route(
    logits: Tensor, k: int, bias: Tensor, groups: int = 1, kept: int = 1, scale: float = 1.0
) -> tuple[Tensor, Tensor]:
    """The same by sigmoid scores: the bias helps to choose, and does not weigh."""
    scores = logits.float().sigmoid()
    wanted = (scores + bias).unflatten(-1, (groups, -1))  # [T, groups, E / groups]
    best = wanted.topk(min(2, wanted.shape[-1])).values.sum(-1).topk(kept).indices
    open_groups = torch.zeros(wanted.shape[:-1], dtype=torch.bool).scatter(-1, best, True)
    wanted = wanted.masked_fill(~open_groups.unsqueeze(-1), -torch.inf).flatten(-2)
    experts = wanted.topk(k).indices
    weights = scores.gather(-1, experts)
    return scale * weights / weights.sum(-1, keepdim=True), experts


# --8<-- [end:sigmoid]


def swiglu(x: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """One expert, [N, h] to [N, h]: gate and up [2w, h] in one matrix, down [h, w]."""
    gate, up = F.linear(x, gate_up).chunk(2, -1)
    return F.linear(F.silu(gate) * up, down)


# x: [T, h], weights and experts: [T, k], gate_up: [E, 2w, h], down: [E, h, w].
# --8<-- [start:mixture]
def mixture(
    x: Tensor, weights: Tensor, experts: Tensor, gate_up: Tensor, down: Tensor
) -> Tensor:
    """Each expert computes the tokens that chose it; outputs are weighted and added."""
    out = torch.zeros_like(x)
    for e in range(len(down)):
        token, choice = (experts == e).nonzero(as_tuple=True)
        part = weights[token, choice, None] * swiglu(x[token], gate_up[e], down[e])
        out = out.index_add(0, token, part)
    return out


# --8<-- [end:mixture]


# experts: [..., T, k]. Source: Lepikhin et al. 2020, section 2.2.
# --8<-- [start:fits]
def fits(experts: Tensor, number: int, capacity: int) -> Tensor:
    """Which choices find a place: first before second ones, early before late tokens."""
    order = experts.transpose(-1, -2)  # [..., k, T]
    hot = F.one_hot(order.flatten(-2), number)  # [..., kT, E]
    place = (hot.cumsum(-2) * hot).sum(-1)  # 1 for the first of each expert
    return (place <= capacity).unflatten(-1, order.shape[-2:]).transpose(-1, -2)


# --8<-- [end:fits]
