"""Each epoch on one batch, taken apart: which tokens have a gradient, and which move without one."""

from __future__ import annotations

from dataclasses import astuple, dataclass
from functools import cache

import torch
from torch import Tensor

from snippets.rl.ppo.batches import MOMENTUM, REPLIES, Ascent, Batch, Variant
from snippets.rl.ppo.surrogate import silent

SEEDS, EPOCHS, MAIN = range(5), 8, "16 replies, shared, momentum"
VARIANTS = {
    "all replies": Variant(None),
    "16 replies": Variant(REPLIES),
    "16 replies, shared weights": Variant(REPLIES, shared=True),
    MAIN: Variant(REPLIES, shared=True, momentum=MOMENTUM),
}


@dataclass(frozen=True)
class Epoch:
    """Shares of the batch's tokens before an update, and how far the policy is from the old one."""

    inside: float  # within the clip
    back: float  # outside, with a gradient that leads back
    held: float  # silent, and the update does not move it outward
    escaping: float  # silent, and the update moves it outward
    largest: float  # ratio of a token in the batch
    kl: float  # of a whole reply, old to new, in nats


# --8<-- [start:parts]
def parts(batch: Batch, ratio: Tensor, after: Tensor, clip: float = 0.2) -> list[float]:
    """Shares of tokens inside, led back, held and escaping, from ratios around one update."""
    outside = (ratio - 1).abs() > clip
    mute = silent(ratio, batch.gain, clip)
    outward = (after - 1).abs() > (ratio - 1).abs()
    kinds = (~outside, outside & ~mute, mute & ~outward, mute & outward)
    return [(batch.weight * kind).sum().item() for kind in kinds]


# --8<-- [end:parts]


@cache
def run(seed: int, variant: Variant) -> list[Epoch]:
    """What each epoch finds, and what its update does."""
    ascent, log = Ascent(seed, variant), []
    for _ in range(EPOCHS + 1):
        new = ascent.logprobs()
        ratio = (new - ascent.batch.old).exp()
        ascent.update()
        after = (ascent.logprobs() - ascent.batch.old).exp()
        inside, back, held, escaping = parts(ascent.batch, ratio, after)
        largest = ratio[ascent.batch.weight > 0].max().item()
        log.append(Epoch(inside, back, held, escaping, largest, distance(ascent, new)))
    return log


def distance(ascent: Ascent, new: Tensor) -> float:
    """KL of whole replies from the policy that drew them to the new one, exact."""
    policy = ascent.policy
    gap = policy.logprobs() - new[policy.before, policy.tokens] * policy.mask
    return policy.mean(gap.sum(-1)).item()


@cache
def mean_epoch(name: str, epoch: int) -> Epoch:
    """Each entry in the mean over the seeds."""
    rows = [astuple(run(seed, VARIANTS[name])[epoch]) for seed in SEEDS]
    return Epoch(*torch.tensor(rows, dtype=torch.float64).mean(0).tolist())


def spread(name: str, epoch: int) -> float:
    """Standard deviation of the escaping share over the seeds."""
    found = [run(seed, VARIANTS[name])[epoch].escaping for seed in SEEDS]
    return torch.tensor(found, dtype=torch.float64).std().item()


def row(epoch: Epoch) -> str:
    """The entries of one line."""
    shares = (epoch.inside, epoch.back, epoch.held, epoch.escaping)
    return "".join(f"{x:9.1%}" for x in shares) + f"{epoch.largest:8.2f}{epoch.kl:7.3f}"


HEAD = "   inside     back     held escaping largest     KL"


def example_epochs() -> None:
    """Sixteen replies, shared weights, momentum: what each second epoch finds."""
    print("epoch" + HEAD)
    for epoch in range(0, EPOCHS + 1, 2):
        found = mean_epoch(MAIN, epoch)
        print(f"{epoch:5d}{row(found)}")


def example_variants() -> None:
    """The last epoch of each variant."""
    print(f"{'':28s}{HEAD}      ±")
    for name in VARIANTS:
        found, width = mean_epoch(name, EPOCHS), spread(name, EPOCHS)
        print(f"{name:28s}{row(found)}{width:7.1%}")


def facts() -> dict[str, str]:
    """Numbers of the page about epochs."""
    return {
        "escaping": f"{mean_epoch(MAIN, 8).escaping:.0%}",
        "escaping_plain": f"{mean_epoch('16 replies', 8).escaping:.0%}",
        "largest": f"{mean_epoch(MAIN, 8).largest:.1f}",
        "largest_plain": f"{mean_epoch('16 replies', 8).largest:.1f}",
        "led_back": f"{mean_epoch(MAIN, 8).back:.0%}",
    }


if __name__ == "__main__":
    example_epochs()
    example_variants()
