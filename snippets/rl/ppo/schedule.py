"""Which losses of a schedule ever meet a ratio other than 1: by counting updates, without a model."""

from __future__ import annotations


# --8<-- [start:stale]
def stale_share(passes: int, accumulate: int, rollouts: int = 100) -> float:
    """Share of backward passes made after an update on the same rollout."""
    counted = stale = 0
    for _ in range(rollouts):
        updated = False  # a new rollout: its log-probabilities are the model's
        for _ in range(passes):
            stale += updated
            counted += 1
            updated = updated or counted % accumulate == 0
    return stale / counted


# --8<-- [end:stale]


def example_schedule() -> None:
    """Share of backward passes with ratios other than 1, by passes on a rollout and accumulation."""
    print("passes   accumulation   ratio can differ from 1")
    for passes, accumulate in ((1, 1), (2, 4), (4, 4), (4, 2), (4, 1)):
        print(f"{passes:6d}{accumulate:15d}{stale_share(passes, accumulate):26.0%}")


def facts() -> dict[str, str]:
    """Numbers of the page about schedules."""
    return {"stale_four_two": f"{stale_share(4, 2):.0%}"}


if __name__ == "__main__":
    example_schedule()
