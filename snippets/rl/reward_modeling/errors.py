"""Seven reward models under pressure, over eight worlds."""

from __future__ import annotations

from functools import cache

import torch

from snippets.rl.reward_modeling.measures import accuracy, of_four
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


@cache
def fours(name: str) -> float:
    """Mean chance that the best score of four draws is the best gold."""
    found = [model(name, seed) for seed in SEEDS]
    each = [of_four(m.scores, m.gold, m.place.reference) for m in found]
    return sum(each) / len(each)


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


def worlds() -> int:
    """Worlds in which each error was tried."""
    return len(SEEDS)


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


def example_tests() -> None:
    """What two tests say, and what comes."""
    print("error                pairs  of four  gold at 4 nats")
    for name in ERRORS:
        right, gold = accuracies(name)[1], mean(name, 4.0)
        print(f"{name:20s}{right:6.0%}{fours(name):9.0%}{gold:12.2f}")


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "few_accuracy": f"{accuracies('few labels')[1]:.0%}",
        "few_end": f"{ends('few labels')[0]:.1f}",
        "none_end": f"{ends('none')[0]:.1f}",
        "bend_accuracy": f"{accuracies('bend')[1]:.0%}",
        "few_fours": f"{fours('few labels'):.0%}",
        "bend_fours": f"{fours('bend'):.0%}",
        "bend_end": f"{ends('bend')[0]:.1f}",
        "hidden_held": f"{accuracies('bend in the hole')[0]:.0%}",
        "hidden_fresh": f"{accuracies('bend in the hole')[1]:.0%}",
        "heavy_falls": f"{falls('errors, heavy tails')}",
        "worlds": f"{worlds()}",
    }


if __name__ == "__main__":
    example_errors()
    example_tests()
