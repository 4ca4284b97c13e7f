"""What five small models find under four scalings, and how well they predict."""
# /// fieldguide
# timeout_s = 240
# tolerance.curve = {rel = 0.1, reason = "training sums in another order on another machine"}
# tolerance.retrieval = {rel = 0.1, abs = 0.1, reason = "training sums in another order on another machine"}
# tolerance.lengths = {rel = 0.1, abs = 0.1, reason = "training sums in another order on another machine"}
# tolerance.prediction = {rel = 0.4, reason = "training sums in another order on another machine"}
# tolerance.facts = {rel = 0.1, abs = 0.1, reason = "training sums in another order on another machine"}
# ///

from __future__ import annotations

from statistics import mean

from matplotlib.figure import Figure

from snippets.transformers.position_encoding.frequencies import frequencies, reach
from snippets.transformers.position_encoding.measurements import (
    DISTANCES,
    LENGTHS,
    holds_until,
    measured,
    schemes,
    spread,
    values,
)
from snippets.transformers.position_encoding.model import BASE, HEAD_DIM, TRAINED


def example_curve() -> None:
    """Loss in training, mean of twenty steps: lowest, mean and highest of the seeds."""
    print("steps       lowest   mean   highest")
    for start in (0, 40, 80, 120, 150, 180):
        losses = [mean(losses[start : start + 20]) for losses in measured()[0]]
        print(
            f"{start:3d} to {start + 20:3d} {min(losses):7.2f} {mean(losses):7.2f} {max(losses):7.2f}"
        )


def example_retrieval() -> None:
    """Share found, by distance: mean of the seeds, and the worst seed below it."""
    print("distance           " + "".join(f"{x:6d}" for x in DISTANCES))
    for name in schemes():
        found = [values(name, "retrieval", x) for x in DISTANCES]
        print(f"{name:14s}mean " + "".join(f"{mean(x):6.2f}" for x in found))
        print(f"{'':13s}worst " + "".join(f"{min(x):6.2f}" for x in found))


def example_prediction() -> None:
    """The reach computed from wavelengths, and where the worst seed falls below 95%."""
    w = frequencies(HEAD_DIM, BASE)
    print("scaling        predicted  holds at  fails at")
    for name, (scaled, _) in schemes().items():
        last, failed = holds_until(name)
        print(f"{name:14s} {reach(w, scaled, TRAINED):9.0f} {last:9d} {failed:9d}")


def example_lengths() -> None:
    """Perplexity at three lengths, and the share found at the far end of each."""
    print("                  perplexity            found: mean (worst)")
    print(
        "length        "
        + "".join(f"{x:7d}" for x in LENGTHS)
        + "".join(f"{x:13d}" for x in LENGTHS)
    )
    for name in schemes():
        blur = [mean(values(name, "perplexity", x)) for x in LENGTHS]
        found = [values(name, "retrieval", x) for x in LENGTHS.values()]
        cells = "".join(f"{mean(x):7.2f} ({min(x):.2f})" for x in found)
        print(f"{name:14s}" + "".join(f"{x:7.2f}" for x in blur) + cells)


def figure_retrieval() -> Figure:
    """Share found by distance: mean and range of five seeds, and the predicted reach of each scaling."""
    figure = Figure(figsize=(5.2, 3.4), layout="constrained")
    axes = figure.subplots()
    w = frequencies(HEAD_DIM, BASE)
    labels = {
        "none": (106, 0.42),
        "interpolation": (33, 1.04),
        "NTK": (215, 0.87),
        "YaRN": (262, 1.04),
    }
    for i, (name, (scaled, _)) in enumerate(schemes().items()):
        found = [values(name, "retrieval", x) for x in DISTANCES]
        axes.fill_between(
            DISTANCES,
            [min(x) for x in found],
            [max(x) for x in found],
            color=f"C{i}",
            alpha=0.15,
        )
        axes.plot(
            DISTANCES, [mean(x) for x in found], color=f"C{i}", marker="o", markersize=3
        )
        axes.axvline(reach(w, scaled, TRAINED), color=f"C{i}", linestyle=":", linewidth=1)
        axes.text(*labels[name], name, color=f"C{i}")
    axes.set_xscale("log", base=2)
    axes.set_xticks([32, 64, 128, 256], ["32", "64", "128", "256"])
    axes.set(
        xlabel="tokens between fact and question", ylabel="share found", ylim=(0, 1.12)
    )
    return figure


def facts() -> dict[str, str]:
    """Numbers that the page states about the small models."""
    _, mild, _ = spread("NTK", "perplexity", 64)
    plain = [spread("none", "perplexity", length)[1] for length in LENGTHS]
    _, hard, _ = spread("NTK", "perplexity", 256)
    worst, found, _ = spread("NTK", "retrieval", 248)
    w = frequencies(HEAD_DIM, BASE)
    reaches = {
        name: f"{reach(w, scaled, TRAINED):.0f}" for name, (scaled, _) in schemes().items()
    }
    return {
        "small_plain": reaches["none"], "small_ntk": reaches["NTK"], "small_yarn": reaches["YaRN"],
        "ntk_short": f"{mild:.2f}", "ntk_long": f"{hard:.2f}",
        "ntk_found": f"{found:.0%}", "ntk_worst": f"{worst:.0%}",
        "plain_short": f"{plain[0]:.2f}", "plain_double": f"{plain[1]:.2f}",
        "plain_worst": f"{spread('none', 'retrieval', 120)[0]:.0%}",
        "plain_best": f"{spread('none', 'retrieval', 248)[2]:.0%}",
        "pi_perplexity": f"{spread('interpolation', 'perplexity', 256)[1]:.1f}",
        "yarn_long": f"{spread('YaRN', 'perplexity', 256)[1]:.2f}",
        "yarn_worst": f"{spread('YaRN', 'retrieval', 248)[0]:.0%}",
    }  # fmt: skip


if __name__ == "__main__":
    example_curve()
    example_retrieval()
    example_prediction()
    example_lengths()
