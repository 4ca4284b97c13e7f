"""Who moves a token that has no gradient: siblings, other prefixes, or earlier steps."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from snippets.rl.ppo.batches import Ascent, Variant
from snippets.rl.ppo.epochs import EPOCHS, SEEDS, VARIANTS
from snippets.rl.ppo.surrogate import silent

CARRIERS = ("own", "siblings", "other prefixes", "earlier steps")


# --8<-- [start:carriers]
def carriers(ascent: Ascent) -> Tensor:
    """What the next update adds to each log-probability, by where it comes from: [4, P, V]."""
    pulls, chances = ascent.pulls(), ascent.logprobs().exp()
    size = ascent.rate * ascent.table.square().sum(1, keepdim=True)  # [P, 1]
    square, total = chances.square().sum(1, keepdim=True), pulls.sum(1, keepdim=True)
    shift = (chances * pulls).sum(1, keepdim=True)
    here = size * (pulls - shift - (chances - square) * total)  # from its own prefix
    own = size * (1 - 2 * chances + square) * pulls
    every = ascent.motion(ascent.rate * ascent.slope(pulls))
    earlier = ascent.motion(ascent.momentum * ascent.step)
    return torch.stack([own, here - own, every - here, earlier])


# --8<-- [end:carriers]


@cache
def outward(seed: int, variant: Variant) -> tuple[list[float], float]:
    """Mean push on silent tokens, away from the old policy, by carrier; and their number."""
    ascent, total, seen = Ascent(seed, variant), torch.zeros(4).double(), 0.0
    for _ in range(EPOCHS + 1):
        ratio = (ascent.logprobs() - ascent.batch.old).exp()
        mute = silent(ratio, ascent.batch.gain) * ascent.batch.weight
        if ascent.rate:
            push = carriers(ascent) * ascent.batch.gain.sign() * mute
            total, seen = total + push.flatten(1).sum(1), seen + mute.sum().item()
        ascent.update()
    return total.tolist(), seen


def mean_outward(name: str) -> list[float]:
    """The same over the seeds: mean change of a silent token's log-probability in an epoch."""
    rows = [outward(seed, VARIANTS[name]) for seed in SEEDS]
    seen = sum(number for _, number in rows)
    return [sum(total[i] for total, _ in rows) / seen for i in range(4)]


def example_carriers() -> None:
    """Change of a silent token's log-probability in an epoch, outward positive, by carrier."""
    print(f"{'':28s}" + "".join(f"{name:>16s}" for name in CARRIERS))
    for name in VARIANTS:
        shares = mean_outward(name)
        print(f"{name:28s}" + "".join(f"{x + 0.0:15.1%}" for x in shares))


if __name__ == "__main__":
    example_carriers()
