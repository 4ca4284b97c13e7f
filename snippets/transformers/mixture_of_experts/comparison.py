"""One load histogram, three bills: what five seeds pay under several ways to balance."""
# /// fieldguide
# timeout_s = 240
# tolerance.bills = {rel = 0.3, abs = 0.5, reason = "training sums in another order on another machine"}
# tolerance.scopes = {rel = 0.3, abs = 0.5, reason = "training sums in another order on another machine"}
# tolerance.facts = {rel = 0.3, abs = 0.5, reason = "training sums in another order on another machine"}
# ///

from __future__ import annotations

from collections.abc import Callable, Sequence
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
CURES = (
    ("nothing", 0.0),
    ("loss over the batch", 0.01),
    ("loss over the batch", 0.1),
    ("bias", 0.001),
    ("bias", 0.01),
)
SCOPES = (("loss over the batch", 0.1), ("loss in each sequence", 0.1), ("bias", 0.01))


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


def show(
    rows: Sequence[tuple[str, float]],
    columns: Callable[[str, float], dict[str, list[float]]],
    formats: Sequence[str],
) -> None:
    """Each method with its strength: means of the seeds, and the least and the most."""
    print(f"{'':21s}" + "".join(f"{head:>12s}" for head in columns(*rows[0])))
    for method, strength in rows:
        seeds = list(zip(columns(method, strength).values(), formats, strict=True))
        means = "".join(f"{mean(values):>12{form}}" for values, form in seeds)
        spread = "".join(f"{f'{min(v):{form}}–{max(v):{form}}':>12s}" for v, form in seeds)
        print(f"{method:21s}{means}\n{f'  {strength:g}' if strength else '':21s}{spread}")


def example_bills() -> None:
    """Five seeds: mean, and least to most, of each bill."""
    show(CURES, bills, (".1f", ".2f", ".2f", ".0%", ".2f", ".2f"))


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


def example_scopes() -> None:
    """The same five seeds: experts of a domain, and the slowest rank on two kinds of traffic."""
    show(SCOPES, scopes, (".2f", ".1f", ".2f", ".2f", ".2f"))


def mean_bill(row: tuple[str, float], column: str) -> float:
    """Mean of the seeds of one column of the first table."""
    return mean(bills(*row)[column])


def mean_scope(row: tuple[str, float], column: str) -> float:
    """Mean of the seeds of one column of the second table."""
    return mean(scopes(*row)[column])


def facts() -> dict[str, str]:
    """Numbers that the page states about the five seeds."""
    bare, batch, sequence = CURES[0], SCOPES[0], SCOPES[1]
    return {
        "dead_bare": f"{mean_bill(bare, 'dead'):.1f}",
        "loss_bare": f"{mean_bill(bare, 'loss'):.2f}",
        "capped_bare": f"{mean_bill(bare, 'capped'):.2f}",
        "loss_batch": f"{mean_scope(batch, 'loss'):.2f}",
        "loss_sequence": f"{mean_scope(sequence, 'loss'):.2f}",
        "used_batch": f"{mean_scope(batch, 'experts'):.1f}",
        "used_sequence": f"{mean_scope(sequence, 'experts'):.1f}",
        "alone_batch": f"{mean_scope(batch, 'one domain'):.1f}",
        "alone_sequence": f"{mean_scope(sequence, 'one domain'):.1f}",
        "alone_capped": f"{mean_scope(batch, 'capped'):.2f}",
    }


if __name__ == "__main__":
    example_bills()
    example_scopes()
