"""Pipeline parallelism: one slow stage, and two ranks that wait for each other."""

from __future__ import annotations

from snippets.distributed.pipeline_parallel.schedules import Action, one_f_one_b, play

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
def from_the_end(rank: int, ranks: int, micros: int) -> list[Action]:
    """The list of a rank that counts the ranks, and so its warm-up, from the wrong end."""
    order = one_f_one_b(ranks - 1 - rank, ranks, micros)
    return [action._replace(stage=rank) for action in order]


def example_deadlock() -> None:
    """Two ranks: the first counts its warm-up wrongly, or both do."""
    wrong, right = ([f(r, 2, 4) for r in (0, 1)] for f in (from_the_end, one_f_one_b))
    ends = [play(o, SECONDS)[0][-1].end for o in ([wrong[0], right[1]], right)]
    print(
        f"rank 0 wrong: step of {ends[0]:.0f} instead of {ends[1]:.0f}, and nothing fails"
    )
    try:
        play(wrong, SECONDS)
    except RuntimeError as error:
        print(f"both wrong: {error}")


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
