"""Tensor parallelism: embedding and loss with the vocabulary split over ranks."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor
from torch.autograd import Function
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Shard
from torch.distributed.tensor.parallel import loss_parallel
from torch.nn import functional as F

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.tensor_parallel.operators import Group, Leave
from snippets.distributed.tensor_parallel.traffic import Traffic, local

TOKENS, VOCAB, HIDDEN = 64, 4000, 16


def mine(ids: Tensor, size: int, group: Group = None) -> tuple[Tensor, Tensor]:
    """Which ids fall into this rank's `size` rows, and their place there (0 for the others)."""
    place = ids - dist.get_rank(group) * size
    inside = (place >= 0) & (place < size)
    return inside, place * inside


def embed(ids: Tensor, table: Tensor, group: Group = None) -> Tensor:
    """Look up ids in a table of which each rank holds some rows [V/t, H]."""
    inside, place = mine(ids, len(table), group)
    return Leave.apply(F.embedding(place, table) * inside.unsqueeze(-1), group)


# --8<-- [start:loss]
class CrossEntropy(Function):
    """Mean cross-entropy of logits of which each rank holds some columns [N, V/t]."""

    @staticmethod
    def forward(ctx: Any, logits: Tensor, target: Tensor, group: Group) -> Tensor:
        """Three all-reduces of one number per token."""
        top = logits.max(-1).values
        dist.all_reduce(top, dist.ReduceOp.MAX, group)  # against overflow
        inside, place = mine(target, logits.shape[-1], group)
        shifted = logits - top.unsqueeze(-1)
        hit = shifted.gather(-1, place.unsqueeze(-1)).squeeze(-1) * inside
        dist.all_reduce(hit, group=group)  # one rank has it, the others add 0
        powers = shifted.exp_()
        total = powers.sum(-1)
        dist.all_reduce(total, group=group)
        ctx.save_for_backward(powers.div_(total.unsqueeze(-1)), place, inside)
        return (total.log() - hit).mean()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None]:
        """Softmax minus one at the target, on the rank that has it. No communication."""
        softmax, place, inside = ctx.saved_tensors
        softmax.scatter_add_(
            -1, place.unsqueeze(-1), -inside.unsqueeze(-1).to(softmax.dtype)
        )
        return softmax * (grad / len(place)), None, None


# --8<-- [end:loss]


def compare(rank: int, folder: Path) -> None:
    """Our loss, PyTorch's `loss_parallel`, and gathering the logits."""
    torch.manual_seed(0)
    table, hidden = torch.randn(VOCAB, HIDDEN), torch.randn(TOKENS, HIDDEN)
    target = torch.randint(VOCAB, (TOKENS,))
    part = table.chunk(RANKS)[rank]
    mesh = init_device_mesh(table.device.type, (RANKS,))
    found: dict[str, tuple[float, Tensor | None, float]] = {}
    for kind in ("gathered", "loss_parallel", "ours"):
        logits = (hidden @ part.T).requires_grad_()
        with Traffic(RANKS) as traffic:
            if kind == "ours":
                loss: Tensor = CrossEntropy.apply(logits, target, None)
                loss.backward()
            else:
                split = DTensor.from_local(logits, mesh, [Shard(1)])
                with loss_parallel():
                    scores = split.full_tensor() if kind == "gathered" else split
                    loss = F.cross_entropy(scores, target)
                    loss.backward()
        found[kind] = (local(loss).item(), logits.grad, traffic.sent)
    logits = (hidden @ table.T).requires_grad_()
    whole = F.cross_entropy(logits, target)
    (gradient,) = torch.autograd.grad(whole, logits)
    found["whole"] = (whole.item(), gradient.chunk(RANKS, 1)[rank], 0.0)
    torch.save(found, folder / f"{rank}.pt")


def small(error: float) -> str:
    """Rounding, or more than that."""
    return "< 1e-7" if error < 1e-7 else f"{error:.0e}"


def example_loss() -> None:
    """64 tokens, a vocabulary of 4,000, four ranks."""
    folder = launch(compare)
    ranks = [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]
    print(f"{'':16s}{'loss':>10s}{'largest gradient error':>24s}{'bytes sent':>12s}")
    for kind in ("whole", "gathered", "loss_parallel", "ours"):
        loss, _, sent = ranks[0][kind]
        apart = max((f[kind][1] - f["whole"][1]).abs().max().item() for f in ranks)
        print(f"{kind:16s}{loss:10.5f}{small(apart):>24s}{sent:12,.0f}")


def facts() -> dict[str, str]:
    """Numbers of the page: Llama 3's vocabulary, a sequence of 8,192 tokens, fp32."""
    return {
        "logits_gathered": f"{4 * 8192 * 128_256 / 1e9:.1f} GB",
        "loss_reduced": f"{3 * 4 * 8192 / 1e3:.0f} KB",
    }


if __name__ == "__main__":
    example_loss()
