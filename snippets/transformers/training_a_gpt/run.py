"""Twenty short runs: four loops over five seeds, what they log and what they have learned."""
# /// fieldguide
# timeout_s = 300
# tolerance.curve = {rel = 0.05, abs = 0.05, reason = "training sums in another order on another machine, and other Pythons ship other sources"}
# tolerance.loops = {rel = 0.1, abs = 0.1, reason = "training sums in another order on another machine, and other Pythons ship other sources"}
# tolerance.facts = {rel = 0.1, abs = 0.1, reason = "training sums in another order on another machine, and other Pythons ship other sources"}
# ///

from __future__ import annotations

from functools import cache
from statistics import mean

import torch
from matplotlib.figure import Figure

from snippets.transformers.training_a_gpt.faults import (
    LOOPS,
    fresh,
    lead,
    logged,
    next_byte,
)
from snippets.transformers.training_a_gpt.sampling import sample
from snippets.transformers.training_a_gpt.text import (
    bits_per_byte,
    halves,
    packed_bits,
)
from snippets.transformers.training_a_gpt.training import Run

SEEDS = range(5)
SHOWN = (0, 10, 20, 30, 50)  # steps whose next ten are averaged


@cache
def trained(loop: str, seed: int) -> tuple[Run, list[float]]:
    """A run at its end, and the bits per byte that it logged at each step."""
    run, text = fresh(loop, seed), halves()[0]
    return run, [bits_per_byte(run.advance(text)[0], 1) for _ in range(run.settings.steps)]


def curves(loop: str) -> list[list[float]]:
    """What each seed logged."""
    return [trained(loop, seed)[1] for seed in SEEDS]


@cache
def scores(loop: str) -> tuple[list[float], list[float]]:
    """By seed: held-out bits per byte as logged, and for a next byte that nobody has shown."""
    held, runs = halves()[1], [trained(loop, seed)[0] for seed in SEEDS]
    return [logged(run, held) for run in runs], [next_byte(run, held) for run in runs]


def told(loop: str) -> float:
    """Bits per held-out byte that a loop logs, mean of the seeds."""
    return mean(scores(loop)[0])


def real(loop: str) -> float:
    """Bits for the next byte, mean of the seeds."""
    return mean(scores(loop)[1])


def spread(values: list[float]) -> str:
    """Mean, lowest and highest."""
    return f"{mean(values):5.2f} ({min(values):.2f} to {max(values):.2f})"


def example_curve() -> None:
    """Bits per byte of the right loop, mean of ten steps: lowest, mean and highest seed."""
    print("steps       lowest   mean   highest")
    for start in SHOWN:
        bits = [mean(curve[start : start + 10]) for curve in curves("right")]
        print(
            f"{start:3d} to {start + 10:3d} {min(bits):7.2f} {mean(bits):7.2f} {max(bits):7.2f}"
        )


def example_loops() -> None:
    """Four loops: what they log on held-out text, the next byte, and the gauge."""
    print("loop            logged                 next byte              lead")
    for loop, (ahead, _) in LOOPS.items():
        logs, learned = scores(loop)
        gauge = lead(trained(loop, SEEDS[0])[0].model, ahead)
        print(f"{loop:13s} {spread(logs):22s} {spread(learned):22s} {gauge:6d}")


def figure_curves() -> Figure:
    """Bits per byte that four loops log: mean and range of five seeds."""
    figure = Figure(figsize=(5.2, 3.3), layout="constrained")
    axes = figure.subplots()
    for i, loop in enumerate(LOOPS):
        columns = list(zip(*curves(loop), strict=True))
        steps = range(len(columns))
        low, high = [min(c) for c in columns], [max(c) for c in columns]
        axes.fill_between(steps, low, high, color=f"C{i}", alpha=0.2, linewidth=0)
        axes.plot(steps, [mean(c) for c in columns], color=f"C{i}", linewidth=1.6)
        shift = {"right": -9, "not shifted": 3}.get(loop, 4)
        end = (steps[-1], mean(columns[-1]))
        axes.annotate(loop, end, (4, shift), color=f"C{i}", textcoords="offset points")
    axes.axhline(packed_bits(), color="gray", linestyle=":", linewidth=1)
    where = (SHOWN[2], packed_bits())
    axes.annotate("what xz needs", where, (0, 3), color="gray", textcoords="offset points")
    axes.set(xlabel="step", ylabel="bits per byte, as logged", ylim=(0, 8.4), xlim=(0, 77))
    axes.set_xticks([0, 20, 40, 60])
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def facts() -> dict[str, str]:
    """Numbers that the page states about the runs."""
    return {
        "told": f"{told('right'):.2f}", "real": f"{real('right'):.2f}",
        "leaky_told": f"{told('no mask'):.2f}", "leaky_real": f"{real('no mask'):.1f}",
        "copied_told": f"{told('not shifted'):.2f}", "copied_real": f"{real('not shifted'):.1f}",
        "late_told": f"{told('shifted twice'):.2f}", "late_real": f"{real('shifted twice'):.1f}",
    }  # fmt: skip


if __name__ == "__main__":
    example_curve()
    example_loops()
    prompt = torch.tensor([list(b"    def ")])
    reply = sample(trained("right", 0)[0].model, prompt, 300, temperature=0.7)
    print(bytes(reply[0].tolist()).decode(errors="replace"))
