"""The drawings of the page: five choices, the pull on each token, gain by groups, weight by pass rate."""

from __future__ import annotations

from html import escape
from math import isinf

from matplotlib.figure import Figure

from snippets.rl.grpo.difficulty import lift, limit
from snippets.rl.grpo.estimators import RECIPES, Recipe
from snippets.rl.grpo.regimes import crossing
from snippets.rl.grpo.weights import LENGTHS, REWARDS, of_tokens, relative
from snippets.rl.grpo.worlds import judged, opening

COLUMNS = ("1 baseline", "2 scale", "3 ratio", "4 limit", "5 divisor")
LEFT, WIDE, TOP, HIGH = 65, 61, 62, 26


def limits(recipe: Recipe) -> str:
    """The clip or the cap in words."""
    if isinf(recipe.high):
        return "none"
    if recipe.cap:
        return f"cap at {1 + recipe.high:g}"
    return ", ".join(
        f"{x:g}" if x > 0.01 else f"{1e4 * x:g}e-4" for x in (recipe.low, recipe.high)
    )


def settings(recipe: Recipe) -> list[str]:
    """The five choices in words."""
    baselines = {"group": "group", "others": "others", "none": "none"}
    lengths = {"reply": "its tokens", "tokens": "all tokens", "limit": "the limit"}
    return [
        baselines[recipe.baseline], "deviation" if recipe.scale else "none", recipe.level,
        limits(recipe), lengths[recipe.divide],
    ]  # fmt: skip


def text(
    x: float,
    y: float,
    words: str,
    fill: str = "currentColor",
    more: str = "",
    size: int = 11,
) -> str:
    """Words around `x`, with their baseline at `y`."""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="middle" font-size="{size}"{more}>{escape(words)}</text>'


def figure_choices() -> str:
    """A reward on its way to the pull on a token, and what each recipe chooses on the way."""
    muted, accent = "var(--fg-muted)", "var(--fg-s1)"
    right = LEFT + 5 * WIDE
    drawn = text(LEFT - 34, 18, "reward", muted) + text(right + 17, 18, "pull", muted)
    drawn += f'<path d="M{LEFT - 8} 14H{right + 4}m-5 -4l5 4l-5 4" stroke="{muted}" fill="none"/>'
    own = settings(RECIPES["GRPO"])
    for i, name in enumerate(COLUMNS):
        x = LEFT + WIDE * (i + 0.5)
        drawn += f'<path d="M{x:g} 14V28" stroke="{muted}" fill="none"/>'
        drawn += text(x, 42, name, more=' font-weight="bold"')
    for row, (name, recipe) in enumerate(RECIPES.items()):
        y = TOP + HIGH * row
        drawn += text(LEFT - 34, y + 5, name, more=' font-weight="bold"')
        for i, choice in enumerate(settings(recipe)):
            x, new = LEFT + WIDE * i, choice != own[i]
            color = accent if new else muted
            drawn += f'<rect x="{x + 2:g}" y="{y - 10:g}" width="{WIDE - 4}" height="21" rx="3" fill="none" stroke="{color}"/>'
            drawn += text(
                x + WIDE / 2, y + 5, choice, "currentColor" if new else muted, size=10
            )
    high = TOP + HIGH * len(RECIPES)
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 402 {high}" font-family="sans-serif">{drawn}</svg>'


SHAPES = {"GRPO": "GRPO, GSPO", "DAPO": "all others"}


def figure_tokens() -> Figure:
    """The pull on each token of four replies: two shapes for six recipes."""
    figure = Figure(figsize=(5.2, 3.3), layout="constrained")
    rows = figure.subplots(2, 1, sharex=True, sharey=True)
    starts = [sum(LENGTHS[:i]) for i in range(len(LENGTHS))]
    for axes, (name, label) in zip(rows, SHAPES.items(), strict=True):
        pulls = relative(of_tokens(RECIPES[name]))
        colors = ["C2" if reward else "C3" for reward in REWARDS]
        axes.bar(starts, pulls, LENGTHS, align="edge", color=colors, edgecolor="white")
        axes.axhline(0, color="gray", linewidth=0.8)
        axes.text(sum(LENGTHS), 3.1, label, ha="right")
        for start, length, pull in zip(starts, LENGTHS, pulls, strict=True):
            high = pull + 0.15 if pull > 0 else pull - 0.6
            axes.text(start + length / 2, high, f"{pull:+.2f}", ha="center", fontsize=9)
    rows[0].set_ylim(-2.2, 5.2)
    rows[1].set_xlabel("tokens of a right, two wrong and a right reply")
    figure.supylabel("pull on each token, 1 on average", fontsize=10)
    return figure


GAINS = {("GRPO", 0): (30, -0.06, "left"), ("Dr. GRPO", 0): (18, 0.02, "right"),
         ("GRPO", 6): (5, 0.025, "right"), ("Dr. GRPO", 6): (3, -0.06, "left")}  # fmt: skip


def figure_gains() -> Figure:
    """The gain of a step over its groups, under two policies."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    panels = figure.subplots(1, 2, sharey=True)
    counts = [2 ** (i / 4) for i in range(41)]
    for (name, seed), (at, above, side) in GAINS.items():
        found, color = judged(name, opening(seed)), "C1" if name == "GRPO" else "C0"
        axes = panels[seed // 6]
        axes.plot(counts, [found.gain(n) for n in counts], color=color)
        axes.text(at, found.gain(at) + above, name, color=color, ha=side)
        axes.set_xscale("log")
        axes.set_xlabel(f"groups in a step, policy {seed}")
    few, many = (judged(name, opening(6)) for name in ("GRPO", "Dr. GRPO"))
    even = crossing(few, many)
    panels[1].plot([even], [many.gain(even)], "o", color="black")
    panels[1].text(even, many.gain(even) - 0.055, f"even at {even:.0f}", ha="left")
    panels[0].set_ylabel("gain, share of the best")
    return figure


def figure_lifts() -> Figure:
    """How much more a hard prompt weighs, by the size of its group."""
    figure = Figure(figsize=(5.2, 3), layout="constrained")
    axes = figure.subplots()
    rates = [0.01 * 50 ** (i / 24) for i in range(25)]
    for size, color in ((3, "gray"), (8, "C0"), (16, "C2"), (64, "C1")):
        axes.plot(rates, [lift(rate, size) for rate in rates], color=color)
        axes.text(rates[0], lift(rates[0], size) + 0.1, f"G = {size}", color=color)
    axes.plot(rates, [limit(rate) for rate in rates], "--", color="black")
    axes.text(rates[1], limit(rates[1]) + 0.1, "no limit", color="black")
    axes.set_xscale("log")
    axes.set_xlabel("pass rate of the prompt")
    axes.set_ylabel("weight, 1 at a rate of 0.5")
    return figure
