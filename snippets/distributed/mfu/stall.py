"""FLOPs and MFU: a step whose kernels are perfect, and that waits for data."""

from __future__ import annotations

import random


# --8<-- [start:train]
def train(
    steps: int,
    compute_s: float,
    load_s: float,
    workers: int,
    prefetch: int,
    spread: float = 0.6,
) -> tuple[float, float]:
    """Seconds of a run, and the share of them in which kernels ran.

    Each of `workers` takes `load_s` on average, log-normal, for a batch, and works ahead by at
    most `prefetch` batches in all.
    """
    rng = random.Random(0)
    free = [0.0] * workers  # when each worker can begin its next batch
    begun = list[float]()  # when the trainer took each batch
    now = 0.0
    for step in range(steps):
        worker = min(range(workers), key=lambda w: free[w])
        room = begun[step - prefetch] if step >= prefetch else 0.0
        ready = max(free[worker], room) + load_s * rng.lognormvariate(
            -(spread**2) / 2, spread
        )
        free[worker] = ready
        begun.append(max(now, ready))
        now = begun[-1] + compute_s
    return now, steps * compute_s / now


# --8<-- [end:train]


def example_stall() -> None:
    """Kernels of 400 ms a step, at 45% of the peak; batches that take 1.6 s to prepare."""
    print("workers  prefetch  step, ms  kernels, ms   busy    MFU")
    for workers, prefetch in ((2, 2), (4, 4), (4, 16), (6, 12)):
        seconds, busy = train(2000, 0.4, 1.6, workers, prefetch)
        print(
            f"{workers:7d}{prefetch:10d}{seconds / 2:10.0f}{400:13d}{busy:7.0%}{0.45 * busy:7.1%}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about stalls."""
    two, four, ahead = (train(2000, 0.4, 1.6, *way) for way in ((2, 2), (4, 4), (6, 12)))
    return {
        "stall_kernels": f"{1e3 * two[1] * two[0] / 2000:.0f} ms",
        "stall_step": f"{two[0] / 2000 * 1e3:.0f} ms",
        "stall_two": f"{0.45 * two[1]:.0%}",
        "stall_four": f"{0.45 * four[1]:.0%}",
        "stall_six": f"{0.45 * ahead[1]:.0%}",
    }


if __name__ == "__main__":
    example_stall()
