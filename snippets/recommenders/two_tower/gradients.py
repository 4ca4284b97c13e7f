"""Expected gradients of the losses, exactly: every batch that can be drawn, with its probability."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import functools
import itertools

import torch
from torch import Tensor

from snippets.recommenders.two_tower import losses
from snippets.worlds.world import World

TITLES, NEGATIVES = 5, (1, 2, 3, 5)
NAMES = ("uncorrected", "corrected", "corrected, masked", "positive present")


@functools.cache
def plays() -> tuple[Tensor, Tensor]:
    """Next play of one member, and of all members, in a catalog of five titles: [T], [T]."""
    table = torch.from_numpy(World(members=40, titles=TITLES, new=0.0).next_play(0))
    return table[7], table.mean(0)


def expected_gradient(scores: Tensor, negatives: int, name: str) -> Tensor:
    """Gradient by one member's scores [T], averaged over all draws of positive and negatives."""
    p, q = plays()
    scores = scores.clone().requires_grad_()
    draws = torch.tensor(
        list(itertools.product(range(TITLES), repeat=1 + negatives))
    )  # [N, 1 + n]
    chance = p[draws[:, 0]] * q[draws[:, 1:]].prod(-1)
    loss = row_loss(scores[draws], q.log()[draws], draws, name)
    return torch.autograd.grad((chance * loss).sum(), scores)[0]


def row_loss(scores: Tensor, log_q: Tensor, draws: Tensor, name: str) -> Tensor:
    """The loss of one row of a batch, whose positive is the first draw: [N]."""
    square = scores.unsqueeze(-2).expand(*scores.shape, scores.shape[-1])
    if name == "positive present":
        some = (draws[:, 1:] != draws[:, :1]).any(-1)  # else the batch has no negative
        loss = losses.positive_present(square[some], log_q[some], draws[some])[..., 0]
        return torch.zeros(len(draws), dtype=scores.dtype).masked_scatter(some, loss)
    logits = losses.corrected(square, log_q, 0.0 if name == "uncorrected" else 1.0)
    if name == "corrected, masked":
        logits = losses.masked(logits, draws)
    return losses.in_batch(logits)[..., 0]


def full_gradient(scores: Tensor) -> Tensor:
    """Gradient of the full softmax, averaged over the member's plays."""
    return scores.softmax(-1) - plays()[0]


def bias(name: str, negatives: int, trained: float) -> float:
    """Distance of the expected gradient from that of the full softmax; scores are trained x log p."""
    scores = trained * plays()[0].log()
    return (
        (expected_gradient(scores, negatives, name) - full_gradient(scores)).norm().item()
    )


def size(trained: float) -> float:
    """Norm of the full softmax's gradient."""
    return full_gradient(trained * plays()[0].log()).norm().item()


def example_gradients() -> None:
    """Bias of each loss by the number of negatives: untrained, and at the optimum of the full softmax."""
    print(f"{'negatives':20s}" + "".join(f"{n:8d}" for n in NEGATIVES))
    for label, trained in (("untrained", 0.0), ("at the optimum", 1.0)):
        print(f"{label}, full gradient {size(trained):.3f}")
        for name in NAMES:
            row = "".join(f"{bias(name, n, trained) + 0.0:8.3f}" for n in NEGATIVES)
            print(f"  {name:18s}{row}")


if __name__ == "__main__":
    example_gradients()
