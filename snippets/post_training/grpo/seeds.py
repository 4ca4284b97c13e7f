"""What five small models show, each trained once: learning, forecast, silent tokens, precision, and a tool's output."""

# /// fieldguide
# timeout_s = 240
# tolerance.curve = {rel = 0.05, abs = 0.03, reason = "a training run sums in another order on another machine"}
# tolerance.forecast = {rel = 0.1, abs = 0.02, reason = "a training run sums in another order on another machine"}
# tolerance.updates = {rel = 0.1, abs = 0.02, reason = "a training run sums in another order on another machine"}
# tolerance.precision = {rel = 0.2, abs = 0.02, reason = "rounding differs between processors"}
# tolerance.leak = {rel = 0.1, abs = 0.03, reason = "a training run sums in another order on another machine"}
# tolerance.facts = {rel = 0.05, abs = 0.03, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

from matplotlib.figure import Figure

from snippets.post_training.grpo.calculator import FATES
from snippets.post_training.grpo.drift import SHOWN, mean_leak, mean_updated, mismatches
from snippets.post_training.grpo.forecast import counted
from snippets.post_training.grpo.learning import (
    EVERY,
    SEEDS,
    STEPS,
    at,
    begun,
    learned,
    spread,
    useful,
)
from snippets.post_training.grpo.precision import KINDS
from snippets.post_training.grpo.tools import LONG


def figure_curve() -> Figure:
    """Accuracy by step, a line for each seed."""
    figure = Figure(figsize=(5.2, 3), layout="constrained")
    axes = figure.subplots()
    steps = range(0, STEPS + 1, EVERY)
    for seed in SEEDS:
        axes.plot(steps, learned(seed)[1], color="C0", linewidth=1, alpha=0.5)
    axes.plot(steps, [at(i)[0] for i in range(len(steps))], color="C0", linewidth=2.5)
    for which, i in (("left", 0), ("right", -1)):
        axes.annotate(
            f"{at(i)[0]:.0%}", (steps[i], at(i)[0]), (0, 9), textcoords="offset points",
            ha=which, weight="bold",
        )  # fmt: skip
    axes.set(xlabel="steps", ylabel="held-out tasks solved", ylim=(0.25, 0.75))
    axes.set_yticks([0.3, 0.4, 0.5, 0.6, 0.7], ["30%", "40%", "50%", "60%", "70%"])
    axes.spines[["top", "right"]].set_visible(False)
    return figure


def example_curve() -> None:
    """Accuracy by step, mean and deviation over the seeds."""
    print("step   solved")
    for i, number in enumerate(range(0, STEPS + 1, EVERY)):
        print(f"{number:4d}{at(i)[0]:8.0%} ± {at(i)[1]:.0%}")
    print(
        f"groups with a gradient: {useful(False):.0%} at first, {useful(True):.0%} at last"
    )


def example_forecast() -> None:
    """Forecast and count of each fate, before reinforcement, mean and deviation over the seeds."""
    print("gradient      forecast      counted")
    runs = [counted(begun(seed), seed) for seed in SEEDS]
    for name in FATES:
        pairs = (spread([run[which][name] for run in runs]) for which in (0, 1))
        print(f"{name:8s}" + "".join(f"{m:9.0%} ± {sd:.0%}" for m, sd in pairs))


def example_updates() -> None:
    """Spread of the log ratio of tokens and replies, and tokens without a gradient."""
    print("updates   tokens  replies" + "".join(f"{name:>8s}" for name in SHOWN))
    for done, row in zip((1, 2, 4), mean_updated((1, 2, 4)).tolist(), strict=True):
        print(
            f"{done:7d}{row[0]:9.3f}{row[1]:9.3f}" + "".join(f"{v:8.0%}" for v in row[2:])
        )


def example_precision() -> None:
    """The largest ratio at step 0, and what lies outside GSPO's range, by the sampler's precision."""
    print(f"{'sampler':20s}{'largest':>9s}{'tokens':>9s}{'replies':>9s}")
    for kind in KINDS:
        largest, tokens, replies = mismatches(kind)
        print(f"{kind:20s}{largest:9.4f}{tokens:9.0%}{replies:9.0%}")


def example_leak() -> None:
    """What a leak does to one step's gradient, by the length of the tool's output."""
    print("output   share of tokens   kept of the right gradient   cosine")
    for length, (share, kept, cosine) in zip(LONG, mean_leak().tolist(), strict=True):
        print(f"{length + 1:6d}{share:18.0%}{kept:29.0%}{cosine:9.2f}")


def facts() -> dict[str, str]:
    """Numbers of the page about learning, about ratios and about tools."""
    return {
        "solved_before": f"{at(0)[0]:.0%}",
        "solved_after": f"{at(-1)[0]:.0%}",
        "useful_first": f"{useful(False):.0%}",
        "useful_last": f"{useful(True):.0%}",
        "bf16_largest": f"{mismatches('bfloat16')[0]:.2f}",
        "bf16_replies": f"{mismatches('bfloat16')[2]:.0%}",
        "leak_share": f"{mean_leak()[2, 0]:.0%}",
        "leak_cosine": f"{mean_leak()[2, 2]:.2f}",
    }


if __name__ == "__main__":
    example_curve()
    example_forecast()
    example_updates()
    example_precision()
    example_leak()
