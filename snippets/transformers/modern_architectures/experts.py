"""What follows attention: a dense feed-forward, or a router and its experts."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from snippets.transformers.modern_architectures.parts import Weights, gated, linear, part
from snippets.transformers.modern_architectures.switches import Switches


def feed_forward(x: Tensor, w: Weights, s: Switches) -> Tensor:
    """A dense gated feed-forward."""
    gate, up = linear(x, w, "gate_proj"), linear(x, w, "up_proj")
    between = gated(gate, up, s.activation, s.limit)
    return linear(between, w, "down_proj")


# --8<-- [start:route]
def route(x: Tensor, w: Weights, s: Switches) -> tuple[Tensor, Tensor]:
    """Which experts a token meets, and with which weight: x [T, h] to two of [T, k]."""
    name = "router" if s.biases else "gate"
    logits = linear(x, w, name)  # [T, E]
    shares = logits.sigmoid() if s.router == "sigmoid" else logits.softmax(-1)
    choice = shares
    if s.router == "sigmoid":  # a bias moves the choice, not the weight
        choice = shares + w["gate.e_score_correction_bias"]
        grouped = choice.unflatten(-1, (s.groups[0], -1))  # [T, groups, E / groups]
        best = grouped.topk(2).values.sum(-1).topk(s.groups[1]).indices
        kept = torch.zeros(grouped.shape[:2], dtype=torch.bool).scatter(1, best, True)
        choice = grouped.masked_fill(~kept[..., None], -torch.inf).flatten(1)
    chosen = choice.topk(s.used).indices
    weights = shares.gather(1, chosen)
    if s.normalized:
        weights = weights / weights.sum(-1, keepdim=True)
    return chosen, weights * s.routed_scale


# --8<-- [end:route]


# --8<-- [start:expert]
def expert(x: Tensor, w: Weights, e: int, s: Switches) -> Tensor:
    """One expert, whose gate and up projections share a matrix: x [T, h]."""
    into, out = w["gate_up_proj"][e], w["down_proj"][e]
    if s.biases:  # gpt-oss stores inputs along rows: [h, 2 f], [f, h]
        both = x @ into + w["gate_up_proj_bias"][e]
    else:
        both = F.linear(x, into)
    gate, up = (both[:, ::2], both[:, 1::2]) if s.fused == "pairs" else both.chunk(2, -1)
    between = gated(gate, up, s.activation, s.limit)
    return between @ out + w["down_proj_bias"][e] if s.biases else F.linear(between, out)


# --8<-- [end:expert]


def experts(x: Tensor, w: Weights, s: Switches) -> Tensor:
    """Routed experts, and a shared one if there is any: x [B, S, h]."""
    rows = x.flatten(0, 1)
    chosen, weights = route(rows, w, s)
    out = torch.zeros_like(rows)
    for e in range(s.experts):
        token, slot = torch.where(chosen == e)
        given = expert(rows[token], part(w, "experts."), e, s)
        out.index_add_(0, token, given * weights[token, slot, None])
    out = out.view_as(x)
    return out + feed_forward(x, part(w, "shared_experts."), s) if s.shared else out
