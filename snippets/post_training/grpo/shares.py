"""Which groups teach: pools of prompts, verifiers and group sizes."""

from __future__ import annotations

from snippets.post_training.grpo.calculator import fates, right_replies

MIDDLING, HARD = (0.30, 0.30), (0.05, 0.12)  # mean and spread of the pass rates
PERFECT, CAREFUL, STRICT = (0.0, 0.0), (0.10, 0.03), (0.38, 0.0)  # missed, fooled


def shares(
    pool: tuple[float, float], verifier: tuple[float, float], group: int = 8
) -> dict[str, float]:
    """Fates of the groups of one pool under one verifier."""
    return fates(group, right_replies(group, *pool), *verifier)


def kept(pool: tuple[float, float], verifier: tuple[float, float], group: int = 8) -> float:
    """Share of groups with a gradient."""
    return 1 - shares(pool, verifier, group)["nothing"]


def right_of_kept(
    pool: tuple[float, float], verifier: tuple[float, float], group: int = 8
) -> float:
    """Of those, the share that points right."""
    return shares(pool, verifier, group)["right"] / kept(pool, verifier, group)


def factor(
    pool: tuple[float, float], verifier: tuple[float, float], group: int = 8
) -> float:
    """Prompts that dynamic sampling draws for each that it keeps."""
    return 1 / kept(pool, verifier, group)


def example_pools() -> None:
    """Groups of eight, by pool and verifier."""
    print("pool       verifier   gradient   right   of those   factor")
    for pool, rates in (("30 ± 30%", MIDDLING), (" 5 ± 12%", HARD)):
        for name, errors in (
            ("perfect", PERFECT),
            ("careful", CAREFUL),
            ("strict", STRICT),
        ):
            some, good = kept(rates, errors), shares(rates, errors)["right"]
            ratio, more = right_of_kept(rates, errors), factor(rates, errors)
            print(f"{pool}   {name:9s}{some:10.0%}{good:8.0%}{ratio:11.0%}{more:9.1f}")


def example_groups() -> None:
    """The hard pool and the careful verifier, by group size."""
    print("replies   gradient   right   of those   factor")
    for group in (4, 8, 16, 32, 64):
        some, good = kept(HARD, CAREFUL, group), shares(HARD, CAREFUL, group)["right"]
        ratio, more = right_of_kept(HARD, CAREFUL, group), factor(HARD, CAREFUL, group)
        print(f"{group:7d}{some:11.0%}{good:8.0%}{ratio:11.0%}{more:9.1f}")


def hopeless() -> float:
    """Groups with a gradient although no reply is right."""
    return fates(8, [1.0] + [0.0] * 8, *CAREFUL)["noise"]


def facts() -> dict[str, str]:
    """Numbers of the page about shares."""
    return {
        "hard_kept": f"{kept(HARD, CAREFUL):.0%}",
        "hard_right": f"{right_of_kept(HARD, CAREFUL):.0%}",
        "hard_right_perfect": f"{right_of_kept(HARD, PERFECT):.0%}",
        "hard_factor": f"{factor(HARD, CAREFUL):.1f}",
        "hopeless": f"{hopeless():.0%}",
        "right_64": f"{right_of_kept(HARD, CAREFUL, 64):.0%}",
    }


if __name__ == "__main__":
    example_pools()
    example_groups()
