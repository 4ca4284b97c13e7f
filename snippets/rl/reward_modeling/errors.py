"""Seven reward models under pressure, over eight worlds."""

from __future__ import annotations

from functools import cache

import torch

from snippets.rl.reward_modeling.measures import accuracy
from snippets.rl.reward_modeling.pressure import BUDGETS, Run, kept, run, won
from snippets.rl.reward_modeling.worlds import ERRORS, model

SEEDS = range(8)


@cache
def runs(name: str) -> list[Run]:
    """The same error in each world."""
    return [run(model(name, seed)) for seed in SEEDS]


@cache
def accuracies(name: str) -> tuple[float, float]:
    """Mean accuracy on pairs drawn as the compared ones, and on pairs of the reference."""
    found = [model(name, seed) for seed in SEEDS]
    held = [accuracy(each.scores, each.gold, each.compared) for each in found]
    fresh = [accuracy(each.scores, each.gold, each.place.reference) for each in found]
    return sum(held) / len(held), sum(fresh) / len(fresh)


def mean(name: str, budget: float) -> float:
    """Mean gold at a budget of KL."""
    return sum(each.along[BUDGETS.index(budget)] for each in runs(name)) / len(SEEDS)


def ends(name: str) -> tuple[float, float]:
    """Mean and deviation of the gold at the end."""
    last = torch.tensor([each.last for each in runs(name)])
    return last.mean().item(), last.std().item()


def falls(name: str, share: float = 0.05) -> int:
    """Worlds in which more than a share of the best gain is lost by the end."""
    return sum(each.fall > share * each.best for each in runs(name))


def below(name: str) -> int:
    """Worlds that end below the reference."""
    return sum(each.last < 0 for each in runs(name))


def best_of_mean(name: str, n: int) -> float:
    """Mean gold of best-of-n."""
    found = [model(name, seed) for seed in SEEDS]
    return sum(won(each, kept(each, n)) for each in found) / len(found)


def example_errors() -> None:
    """Accuracy, and gold won under growing pressure."""
    print(
        "                      accuracy         best policy for its KL    best of   falls"
    )
    print("error                held fresh  1 nat 4 nats      end          16  4,096   in")
    for name in ERRORS:
        held, fresh = accuracies(name)
        last, spread = ends(name)
        few, many = best_of_mean(name, 16), best_of_mean(name, 4096)
        print(
            f"{name:20s}{held:5.0%}{fresh:6.0%}{mean(name, 1.0):7.2f}{mean(name, 4.0):8.2f}"
            f"{last:7.2f} ± {spread:4.2f}{few:8.2f}{many:7.2f}{falls(name):4d} of {len(SEEDS)}"
        )


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "few_accuracy": f"{accuracies('few labels')[1]:.0%}",
        "few_end": f"{ends('few labels')[0]:.1f}",
        "none_end": f"{ends('none')[0]:.1f}",
        "bend_accuracy": f"{accuracies('bend')[1]:.0%}",
        "bend_end": f"{ends('bend')[0]:.1f}",
        "bend_falls": f"{falls('bend')}",
        "few_falls": f"{falls('few labels')}",
        "hidden_held": f"{accuracies('bend in the hole')[0]:.0%}",
        "hidden_fresh": f"{accuracies('bend in the hole')[1]:.0%}",
        "heavy_accuracy": f"{accuracies('errors, heavy tails')[1]:.0%}",
        "light_accuracy": f"{accuracies('errors, light tails')[1]:.0%}",
        "heavy_falls": f"{falls('errors, heavy tails')}",
        "worlds": f"{len(SEEDS)}",
    }


if __name__ == "__main__":
    example_errors()
