"""Seven situations, and what the page's rules make of them."""

from __future__ import annotations

from snippets.post_training.overview.choice import Situation, choose, chosen

SITUATIONS = {
    "200 answers": Situation(answers=200),
    "3,000 answers": Situation(answers=3000),
    "and 20,000 pairs": Situation(answers=3000, pairs=20_000),
    "and a checker": Situation(answers=3000, pairs=20_000, verified=4000, tokens=4000),
    "that 1 in 1,000 pass": Situation(
        answers=3000, pairs=20_000, verified=4000, solved=0.001, tokens=4000
    ),
    "and a 32B teacher": Situation(
        answers=3000, pairs=20_000, verified=4000, teacher=32e9, tokens=4000
    ),
    "the checker, 8 hours": Situation(
        answers=3000, pairs=20_000, verified=4000, tokens=4000, gpus=8, days=1 / 3
    ),
}


def example_choices() -> None:
    """For each situation the method, its hours, and the experiment against it."""
    print(f"{'':21s}{'method':>23s}{'hours':>7s}  experiment")
    for name, s in SITUATIONS.items():
        v = chosen(s)
        print(
            f"{name:21s}{v.method:>23s}{v.hours:7.1f}  {v.trials} {v.experiment}, {v.pilot:.2f} h"
        )


def example_objections() -> None:
    """What speaks against each method in the last situation."""
    for v in choose(SITUATIONS["the checker, 8 hours"]):
        print(f"{v.method:23s}{v.hours:7.1f}  {v.against or 'nothing'}")


def ratio(name: str) -> float:
    """Hours of the run over hours of the experiment against it."""
    v = chosen(SITUATIONS[name])
    return v.hours / v.pilot


def rounds(name: str) -> float:
    """GPU-hours of the chosen run."""
    return chosen(SITUATIONS[name]).hours


def facts() -> dict[str, str]:
    """Numbers that the page states about choices."""
    return {
        "rl_hours": f"{rounds('and a checker'):.0f} GPU-hours",
        "rl_pilot": f"{chosen(SITUATIONS['and a checker']).pilot:.2f} GPU-hours",
        "rl_ratio": f"{ratio('and a checker'):,.0f}",
    }


if __name__ == "__main__":
    example_choices()
    example_objections()
