"""Expert parallelism: a router, tokens to their experts and back, and gradients that match."""

from __future__ import annotations

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional as F

from snippets.distributed.context_and_expert_parallel.exchange import exchange


# --8<-- [start:route]
def route(x: Tensor, gate: Tensor, top_k: int) -> tuple[Tensor, Tensor]:
    """Weights and numbers of the experts of each token, [T, K] both; weights sum to 1."""
    weights, experts = (x @ gate.T).softmax(-1).topk(top_k)  # gate [E, D]
    return weights / weights.sum(-1, keepdim=True), experts


# --8<-- [end:route]


def expert(x: Tensor, gate_up: Tensor, down: Tensor) -> Tensor:
    """One expert: a SwiGLU layer, [N, D] to [N, D]."""
    gate, up = (x @ gate_up.T).chunk(2, -1)
    return (F.silu(gate) * up) @ down.T


class ExpertParallel(nn.Module):
    """A mixture of experts whose experts are spread over the ranks of a group."""

    def __init__(self, weights: dict[str, Tensor], top_k: int, group: Any = None) -> None:
        """Keep the router, and this rank's share of the stacked experts."""
        super().__init__()
        self.rank, self.ranks = dist.get_rank(group), dist.get_world_size(group)
        self.top_k, self.group = top_k, group
        self.gate = nn.Parameter(weights["gate"].clone())
        self.gate_up, self.down = (  # [E/n, 2I, D] and [E/n, D, I]
            nn.Parameter(weights[name].chunk(self.ranks)[self.rank].clone())
            for name in ("gate_up", "down")
        )

    # --8<-- [start:forward]
    def forward(self, x: Tensor) -> Tensor:
        """[T, D] to [T, D]; T may differ from rank to rank."""
        weights, experts = route(x, self.gate, self.top_k)
        order = experts.flatten().argsort(stable=True)  # by expert, hence by rank
        rows = x[order // self.top_k]
        counts = experts.flatten().bincount(minlength=len(self.gate)).view(self.ranks, -1)
        incoming = torch.empty_like(counts)  # [from rank, local expert]
        dist.all_to_all_single(incoming, counts, group=self.group)
        send, receive = counts.sum(1).tolist(), incoming.sum(1).tolist()
        arrived = exchange(rows, send, receive, self.group)
        done = exchange(self.compute(arrived, incoming), receive, send, self.group)
        back = torch.empty_like(done).index_copy(0, order, done)
        return (back.view(*experts.shape, x.shape[1]) * weights[..., None]).sum(1)

    # --8<-- [end:forward]

    def compute(self, arrived: Tensor, incoming: Tensor) -> Tensor:
        """Each local expert on all of its rows; they come sorted by rank, then by expert."""
        owner = torch.arange(incoming.shape[1]).repeat(self.ranks)
        owner = owner.repeat_interleave(incoming.flatten())
        outputs = torch.zeros_like(arrived)
        for e, weights in enumerate(zip(self.gate_up, self.down, strict=True)):
            rows = (owner == e).nonzero()[:, 0]
            outputs = outputs.index_copy(0, rows, expert(arrived[rows], *weights))
        return outputs


def dense(x: Tensor, weights: dict[str, Tensor], top_k: int) -> Tensor:
    """The same layer without dispatch: every expert computes every token, most weights are 0."""
    chosen, experts = route(x, weights["gate"], top_k)
    mix = torch.zeros(len(x), len(weights["gate"])).scatter(1, experts, chosen)  # [T, E]
    pairs = zip(weights["gate_up"], weights["down"], strict=True)
    every = torch.stack([expert(x, *pair) for pair in pairs], 1)  # [T, E, D]
    return (mix[..., None] * every).sum(1)
