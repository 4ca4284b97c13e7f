# /// fieldguide
# timeout_s = 300
# tolerance.meaning = {rel = 0.2, abs = 0.02, reason = "a training run sums in another order on another machine"}
# tolerance.invalid = {rel = 0.2, abs = 0.03, reason = "a training run sums in another order on another machine"}
# tolerance.widths = {rel = 0.05, abs = 0.02, reason = "a training run sums in another order on another machine"}
# tolerance.remedies = {rel = 0.2, abs = 0.03, reason = "a training run sums in another order on another machine"}
# tolerance.triples = {rel = 0.2, abs = 0.03, reason = "a training run sums in another order on another machine"}
# tolerance.facts = {rel = 0.2, abs = 0.02, reason = "a training run sums in another order on another machine"}
# ///
"""The experiments with the decoder: what codes are worth, what a trie saves, what retraining breaks."""

from __future__ import annotations

import math
from functools import partial
from itertools import product

from matplotlib.figure import Figure

from snippets.recommenders.semantic_ids import measures, versions
from snippets.recommenders.semantic_ids.measures import NEW
from snippets.recommenders.semantic_ids.service import (
    RULES,
    over_seeds,
    same_ten,
    served,
    spread,
)


def example_meaning() -> None:
    """Codes that mean something against codes drawn at random, for the same decoder."""
    print(f"{'ten most played':18s} {measures.most_played():.3f}")
    for name, measure in (
        ("RQ-k-means", measures.meant),
        ("drawn at random", measures.drawn),
    ):
        print(f"{name:18s} {spread(measure)[0]:.3f} ± {spread(measure)[1]:.3f}")
    print(f"{'best possible':18s} {measures.best_possible():.3f}")


def example_invalid() -> None:
    """What a decoder writes under each rule."""
    print("                                 no title   recall@10")
    for rule in RULES:
        none, (found, by) = (
            spread(partial(measures.invalid, rule))[0],
            spread(partial(measures.left_over, rule)),
        )
        print(f"{rule:33s}{none:8.3f}   {found:.3f} ± {by:.3f}")


def example_widths() -> None:
    """How many of the ten best tuples a beam finds."""
    for width in (10, 20, 50, 300):
        print(f"width {width:3d}: {same_ten(width):.4f} of the ten best")


def example_remedies() -> None:
    """The old decoder on seven versions of the codes."""
    print(
        "                         kept: first   all    recoded          left as they were"
    )
    for name in versions.VERSIONS:
        first, every = (
            spread(partial(measures.first_kept, name))[0],
            spread(partial(measures.all_kept, name))[0],
        )
        (new, by), (old, old_by) = (
            spread(partial(measures.renewed, name)),
            spread(partial(measures.left, name)),
        )
        print(
            f"{name:25s}{first:11.2f} {every:5.2f}    {new:.3f} ± {by:.3f}    {old:.3f} ± {old_by:.3f}"
        )


def example_triples() -> None:
    """Decoder, histories and trie, each before or after retraining from scratch."""
    print("decoder  histories  trie   recall@10")
    for model, history, trie in product(("first", NEW), repeat=3):
        words = [
            "old" if version == "first" else "new" for version in (model, history, trie)
        ]
        found, by = spread(partial(served, model, history, trie))
        print(f"{words[0]:8s} {words[1]:10s} {words[2]:5s}  {found:.3f} ± {by:.3f}")


def example_release() -> None:
    """Recall of two groups of members on the days of a release."""
    print("      in group A  recall@10 of A  of the others")
    for day, (share, group, others) in zip(
        ("Mon", "Tue", "Wed", "Thu", "Fri"), measures.release(), strict=True
    ):
        of = ["     -" if math.isnan(x) else f"{x:6.3f}" for x in (group, others)]
        print(f"{day}   {share:10.0%}  {of[0]:>14s}  {of[1]:>13s}")


def figure_remedies() -> Figure:
    """Recall of the old decoder, by version of the codes."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = figure.subplots()
    axes.spines[["top", "right", "left"]].set_visible(False)
    for row, name in enumerate(reversed(versions.VERSIONS)):
        for shift, color, measure in (
            (0.15, "C0", measures.renewed),
            (-0.15, "C1", measures.left),
        ):
            middle, by = spread(partial(measure, name))
            axes.errorbar(middle, row + shift, xerr=by, fmt="o", color=color, markersize=4)
    axes.axvline(measures.most_played(), color="gray", linewidth=1, linestyle="--")
    axes.text(measures.most_played(), 6.55, " ten most played", color="gray", fontsize=8)
    axes.text(0.1, 1.7, "histories recoded", color="C0", fontsize=9)
    axes.text(0.1, 1.2, "left as they were", color="C1", fontsize=9)
    axes.set_yticks(range(len(versions.VERSIONS)), reversed(versions.VERSIONS), fontsize=9)
    axes.tick_params(axis="y", length=0)
    axes.set(xlim=(0, 0.125), xlabel="recall@10 in the last week")
    return figure


def facts() -> dict[str, str]:
    """Numbers that the page states about the decoder."""
    return {
        "most_played": f"{measures.most_played():.3f}",
        "meant": f"{over_seeds(measures.meant):.3f}",
        "drawn": f"{over_seeds(measures.drawn):.3f}",
        "retrained": f"{over_seeds(partial(measures.renewed, NEW)):.3f}",
        "reseeded_kept": f"{over_seeds(partial(measures.first_kept, 'old vectors, new seed')):.2f}",
        "turned": f"{over_seeds(partial(measures.renewed, 'turned, old books')):.3f}",
        "turned_kept": f"{over_seeds(partial(measures.all_kept, 'turned, old books')):.2f}",
        "unturned": f"{over_seeds(partial(measures.renewed, 'new vectors, old books')):.3f}",
        "unturned_left": f"{over_seeds(partial(measures.left, 'new vectors, old books')):.3f}",
        "new_all": f"{over_seeds(partial(served, NEW, NEW, NEW)):.3f}",
        "new_stale": f"{over_seeds(partial(served, NEW, 'first', NEW)):.3f}",
        "invalid": f"{over_seeds(partial(measures.invalid, 'no rule')):.2f}",
        "invalid_pairs": f"{over_seeds(partial(measures.invalid, 'level and last code')):.2f}",
    }


if __name__ == "__main__":
    example_meaning()
    example_invalid()
    example_widths()
    example_remedies()
    example_triples()
    example_release()
