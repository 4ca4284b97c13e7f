"""When the mean is a good baseline: by pass rate, and by how many answers there are."""

from __future__ import annotations

from snippets.rl.overview.calculator import (
    best_constant,
    constant_variance,
    needed,
    signal,
)

WORLDS = {"1 right, 1 wrong": (1, 1), "1 right, 1,000 wrong": (1, 1000), "1,000 and 1,000": (1000, 1000)}  # fmt: skip


def ratio(p: float, right: int, wrong: int) -> float:
    """Variance with the mean reward as baseline over that without: above 1, the mean does harm."""
    bare = constant_variance(p, right, wrong, 0.0)
    return constant_variance(p, right, wrong, p) / bare


def crossing(right: int, wrong: int) -> float:
    """Pass rate at which the ratio rises through 1."""
    low, high = 0.01, 0.99
    while high - low > 1e-9:
        p = (low + high) / 2
        low, high = (p, high) if ratio(p, right, wrong) < 1 else (low, p)
    return low


def noises(p: float, right: int, wrong: int) -> list[float]:
    """Variance over the squared gradient: without baseline, with the mean, with the best."""
    bases = (0.0, p, best_constant(p, right, wrong))
    truth = signal(p, right, wrong)
    return [abs(constant_variance(p, right, wrong, b)) / truth for b in bases]


def example_rates() -> None:
    """Replies until noise equals gradient, by pass rate, in the three worlds."""
    print(f"{'':9s}" + "".join(f"{name:>26s}" for name in WORLDS))
    print("pass rate" + f"{'none':>10s}{'mean':>8s}{'best':>8s}" * len(WORLDS))
    for p in (0.1, 0.3, 0.5, 0.7, 0.9):
        worlds = [noises(p, *world) for world in WORLDS.values()]
        few = [f"{none:10.2f}{mean:8.2f}{best:8.2f}" for none, mean, best in worlds[:2]]
        many = "{:10,.0f}{:8,.0f}{:8,.0f}".format(*worlds[2])
        print(f"{p:<9.0%}" + "".join(few) + many)


def answers(p: float, baseline: str) -> int:
    """Answers needed where right and wrong ones are many."""
    return needed(p, *WORLDS["1,000 and 1,000"], baseline)


def facts() -> dict[str, str]:
    """What the page says of pass rates."""
    return {
        "crossing_two": f"{crossing(1, 1):.0%}",
        "crossing_one": f"{crossing(1, 1_000_000):.0%}",
        "many_none": f"{answers(0.8, 'none'):,}",
        "many_mean": f"{answers(0.8, 'mean reward'):,}",
    }


if __name__ == "__main__":
    example_rates()
