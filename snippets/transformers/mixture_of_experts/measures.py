"""What each seed pays for its loads: the columns of the page's two tables."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from functools import cache
from statistics import mean

import torch

from snippets.transformers.mixture_of_experts.loads import dead, dropped, slowest
from snippets.transformers.mixture_of_experts.toy import (
    DOMAINS,
    EXPERTS,
    evaluate,
    train,
)

RANKS, FACTOR = 4, 1.25
MIXED = list(range(DOMAINS)) * 8  # sequences of the traffic that training saw


def histograms(method: str, strength: float, domains: list[int]) -> list[list[float]]:
    """Loads of the experts on new tokens, one list for each seed."""
    return evaluate(train(method, strength), domains)[0].tolist()


def losses(method: str, strength: float, factor: float | None = None) -> list[float]:
    """Loss on new tokens of each seed, without or with a capacity."""
    return evaluate(train(method, strength), MIXED, factor)[1].tolist()


@cache
def bills(method: str, strength: float) -> dict[str, list[float]]:
    """What each seed pays: the columns of the table."""
    seeds = histograms(method, strength, MIXED)
    return {
        "dead": [dead(loads) for loads in seeds],
        "busiest": [slowest(loads, EXPERTS) for loads in seeds],
        "slowest": [slowest(loads, RANKS) for loads in seeds],
        "dropped": [dropped(loads, FACTOR) for loads in seeds],
        "loss": losses(method, strength),
        "capped": losses(method, strength, FACTOR),
    }


def alone(method: str, strength: float) -> list[float]:
    """Slowest rank if the traffic is of one domain, mean over the domains, for each seed."""
    runs = [histograms(method, strength, [domain] * 64) for domain in range(DOMAINS)]
    return [
        mean(slowest(loads, RANKS) for loads in seed) for seed in zip(*runs, strict=True)
    ]


def alone_losses(method: str, strength: float, factor: float | None) -> list[float]:
    """Loss on traffic of one domain, mean over the domains, for each seed."""
    model = train(method, strength)
    runs = [evaluate(model, [domain] * 64, factor)[1] for domain in range(DOMAINS)]
    return torch.stack(runs).mean(0).tolist()


def used(method: str, strength: float) -> list[float]:
    """Experts that a domain uses, as the exponential of its entropy, for each seed."""
    runs = torch.stack(
        [evaluate(train(method, strength), [domain] * 64)[0] for domain in range(DOMAINS)]
    )
    shares = runs / runs.sum(-1, keepdim=True)  # [domains, seeds, E]
    return torch.special.entr(shares).sum(-1).exp().mean(0).tolist()


@cache
def scopes(method: str, strength: float) -> dict[str, list[float]]:
    """What the scope of the statistics changes."""
    return {
        "loss": losses(method, strength),
        "experts": used(method, strength),
        "mixed": bills(method, strength)["slowest"],
        "one domain": alone(method, strength),
        "capped": alone_losses(method, strength, FACTOR),
    }
