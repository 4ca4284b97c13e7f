"""A teacher that sends few of its probabilities: what the student would learn from them."""

# /// fieldguide
# timeout_s = 120
# tolerance.targets = {rel = 0.02, abs = 0.002, reason = "a sum over random draws"}
# ///

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from snippets.post_training.distillation.calculator import size, stored

VOCABULARY, KEPT, DRAWS = 2_000, 32, 1_000


def teacher() -> Tensor:
    """Probabilities of one position that fall with the rank: [2000]."""
    return (-1.2 * torch.arange(1.0, VOCABULARY + 1).double().log()).softmax(-1)


# --8<-- [start:targets]
def top(p: Tensor, k: int, draw: torch.Generator) -> Tensor:
    """The k likeliest tokens, made to add up to 1."""
    kept, ids = p.topk(k)
    return torch.zeros_like(p).scatter(0, ids, kept / kept.sum())


def sampled_set(p: Tensor, k: int, draw: torch.Generator) -> Tensor:
    """k tokens drawn by their probabilities; those drawn keep theirs, made to add up to 1."""
    ids = torch.multinomial(p, k, replacement=True, generator=draw).unique()
    return torch.zeros_like(p).scatter(0, ids, p[ids] / p[ids].sum())


def sampled_counts(p: Tensor, k: int, draw: torch.Generator) -> Tensor:
    """The same draws; each token gets the share of draws that hit it."""
    ids = torch.multinomial(p, k, replacement=True, generator=draw)
    return torch.bincount(ids, minlength=len(p)).to(p.dtype) / k


# --8<-- [end:targets]

Target = Callable[[Tensor, int, torch.Generator], Tensor]
TARGETS: dict[str, Target] = {
    "top k": top,
    "sampled set": sampled_set,
    "sampled counts": sampled_counts,
}


def learned(target: Target, k: int = KEPT) -> Tensor:
    """Mean target: cross-entropy is linear in it, so this is what a student able to would learn."""
    draw, p = torch.Generator().manual_seed(0), teacher()
    return torch.stack([target(p, k, draw) for _ in range(DRAWS)]).mean(0)


def tail(p: Tensor, k: int = KEPT) -> float:
    """Probability of everything beyond the k likeliest tokens."""
    return p[k:].sum().item()


def example_targets() -> None:
    """What a student learns of the best token and of the tail."""
    print(f"{'target':18s}{'best token':>11s}{f'beyond rank {KEPT}':>16s}")
    rows = {"all probabilities": teacher()} | {n: learned(t) for n, t in TARGETS.items()}
    for name, p in rows.items():
        print(f"{name:18s}{p[0].item():11.3f}{tail(p):16.3f}")


def facts() -> dict[str, str]:
    """Numbers of the page about few logits."""
    return {
        "tail_true": f"{tail(teacher()):.0%}",
        "tail_top": f"{tail(learned(top)):.0%}",
        "tail_set": f"{tail(learned(sampled_set)):.0%}",
        "tail_counts": f"{tail(learned(sampled_counts)):.0%}",
        "best_true": f"{teacher()[0].item():.2f}",
        "stored_all": size(stored(1e8, 151_936, 151_936)),
        "stored_few": size(stored(1e8, 151_936, 256)),
        "best_top": f"{learned(top)[0].item():.2f}",
    }


if __name__ == "__main__":
    example_targets()
