"""Pipeline parallelism: one slow stage, and two ranks that wait for each other."""

from __future__ import annotations

from snippets.distributed.pipeline_parallel import one_f_one_b, play

SECONDS = {"F": 1.0, "B": 2.0}


def step_with(slow: dict[int, float], ranks: int = 4, micros: int = 32) -> float:
    """Length of a 1F1B step when some stages take longer by a factor."""
    orders = [one_f_one_b(rank, ranks, micros) for rank in range(ranks)]
    return max(spans[-1].end for spans in play(orders, SECONDS, slow))


def example_slow() -> None:
    """The last stage also has the output projection: 8 layers' worth of work and 2 more."""
    print("layers per stage      step   of even")
    for name, work in (
        ("8  8  8  8+2", (8, 8, 8, 10)),
        ("9  9  8  6+2", (9, 9, 8, 8)),
        ("8.5 on each", (8.5, 8.5, 8.5, 8.5)),
    ):
        step = step_with({stage: layers / 8 for stage, layers in enumerate(work)})
        print(
            f"{name:18s}{step:8.1f}{step / step_with(dict.fromkeys(range(4), 8.5 / 8)):9.0%}"
        )


# --8<-- [start:deadlock]
def example_deadlock() -> None:
    """Rank 0 of two counts its warm-up as if it were the last."""
    orders = [one_f_one_b(1, 2, 4), one_f_one_b(1, 2, 4)]  # the first should be of rank 0
    orders[0] = [action._replace(stage=0) for action in orders[0]]
    step = max(spans[-1].end for spans in play(orders, SECONDS))
    right = max(s[-1].end for s in play([one_f_one_b(r, 2, 4) for r in (0, 1)], SECONDS))
    print(f"no warm-up: step of {step:.0f} instead of {right:.0f}, and nothing fails")
    orders[0][0], orders[0][1] = orders[0][1], orders[0][0]  # backward before forward
    try:
        play(orders, SECONDS)
    except RuntimeError as error:
        print(error)


# --8<-- [end:deadlock]


def facts() -> dict[str, str]:
    """Numbers that the page states about failures."""
    even = step_with(dict.fromkeys(range(4), 8.5 / 8))
    return {
        "slow_step": f"{step_with({3: 10 / 8}) / even - 1:.0%}",
        "slow_moved": f"{step_with({0: 9 / 8, 1: 9 / 8}) / even - 1:.0%}",
    }


if __name__ == "__main__":
    example_slow()
    example_deadlock()
