"""The drawings of the page: one step, the fates of groups, and what each loss does to a ratio."""

from __future__ import annotations

from html import escape

import torch
from matplotlib.figure import Figure

from snippets.post_training.grpo.calculator import FATES, binomial, fates
from snippets.post_training.grpo.losses import RECIPES, advantages, slope

GROUP, MISSED, FOOLED = 8, 0.10, 0.03
INK, MUTED, GOOD, BAD = "currentColor", "var(--fg-muted)", "var(--fg-s2)", "var(--fg-s3)"


def text(x: float, y: float, words: str, fill: str = INK, anchor: str = "middle", size: int = 11, bold: bool = False) -> str:  # fmt: skip
    """Words with their baseline at `y`."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="{size}"{weight}>{escape(words)}</text>'


def reply(x: float, y: float, reward: float, gain: float) -> str:
    """A reply with its reward, and its advantage as a bar up or down."""
    color = GOOD if reward else BAD
    card = f'<rect x="{x:g}" y="{y:g}" width="42" height="24" fill="none" stroke="{color}" rx="3"/>'
    high = 18 * abs(gain)
    top = y + 62 - (high if gain > 0 else 0)
    bar = f'<rect x="{x + 13:g}" y="{top:g}" width="16" height="{high:g}" fill="{color}"/>'
    value = text(x + 21, y + 98, f"{gain:+.2f}" if gain else "0", INK if gain else MUTED)
    return card + text(x + 21, y + 16, f"{reward:.0f}", bold=True) + bar + value


def row(y: float, name: str, rewards: list[float], verdict: str) -> str:
    """One group: its replies' rewards, the line of zero advantage, and what follows."""
    gains = advantages(torch.tensor(rewards, dtype=torch.float), len(rewards)).tolist()
    drawn = text(4, y + 15, name, anchor="start", bold=True)
    drawn += text(4, y + 66, "advantage", MUTED, "start")
    drawn += f'<path d="M84 {y + 62:g}H268" stroke="{MUTED}" fill="none"/>'
    for i, (reward, gain) in enumerate(zip(rewards, gains, strict=True)):
        drawn += reply(86 + 46 * i, y, reward, gain if abs(gain) > 1e-6 else 0.0)
    for i, words in enumerate(verdict.split("|")):
        drawn += text(280, y + 52 + 15 * i, words, anchor="start")
    return drawn


def figure_groups() -> str:
    """Two groups of four replies: one teaches, one does not."""
    drawn = text(178, 14, "rewards of four replies", MUTED)
    drawn += row(24, "prompt 1", [1, 0, 0, 1], "1 and 4 up,|2 and 3 down")
    drawn += row(136, "prompt 2", [0, 0, 0, 0], "paid for,|no gradient")
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 360 242" font-family="sans-serif">{drawn}</svg>'


def shares_at(rate: float) -> dict[str, float]:
    """Fates of groups whose prompts all have one pass rate."""
    return fates(GROUP, binomial(GROUP, rate), MISSED, FOOLED)


def figure_fates() -> Figure:
    """Fates of groups by the pass rate of their prompt."""
    figure = Figure(figsize=(5.2, 3.1), layout="constrained")
    axes = figure.subplots()
    rates = [i / 60 for i in range(61)]
    shares = [shares_at(rate) for rate in rates]
    colors, alphas = ("C2", "C3", "C1", "gray"), (0.75, 0.9, 0.75, 0.25)
    parts = axes.stackplot(
        rates, [[s[name] for s in shares] for name in FATES], colors=colors
    )
    for part, alpha in zip(parts, alphas, strict=True):
        part.set_alpha(alpha)
    axes.text(0.5, 0.45, "points right", ha="center")
    axes.text(0.02, 0.93, "no gradient", va="center")
    axes.text(0.98, 0.93, "no gradient", ha="right", va="center")
    for rate, side, shift in ((0.0, "left", 30), (1.0, "right", -30)):
        axes.annotate(
            f"noise\n{shares_at(rate)['noise']:.0%}", (rate, 0.1), (shift, 0), ha=side, va="center",
            textcoords="offset points", arrowprops={"arrowstyle": "-", "color": "black"},
        )  # fmt: skip
    axes.set(
        xlim=(0, 1),
        ylim=(0, 1),
        xlabel="true pass rate of the prompt",
        ylabel="share of groups",
    )
    axes.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "25%", "50%", "75%", "100%"])
    axes.set_yticks([0, 0.5, 1], ["0", "50%", "100%"])
    return figure


def figure_pulls() -> Figure:
    """What a token of a right reply still learns, by how much likelier it has become."""
    figure = Figure(figsize=(5.2, 2.9), layout="constrained")
    axes = figure.subplots()
    ratios = [0.5 + i / 200 for i in range(241)]
    places = {
        "GRPO": ("right", (-6, -3)),
        "DAPO": ("left", (6, -3)),
        "CISPO": ("right", (-8, 6)),
    }
    for i, (name, (side, shift)) in enumerate(places.items()):
        recipe = RECIPES[name]
        end, width = 1 + recipe.high, 1.5 if recipe.cap else 2
        pulls = [slope(recipe, r) for r in ratios]
        axes.plot(ratios, pulls, color=f"C{i}", linewidth=width, zorder=3 - i)
        said, at = (
            ("learns on", (1.45, 1.45)) if recipe.cap else (f"0 above {end:g}", (end, 0.3))
        )
        axes.annotate(
            f"{name}: {said}", at, shift, ha=side, color=f"C{i}", textcoords="offset points"
        )
    axes.set(
        xlabel="ratio: how much likelier since it was drawn",
        ylabel="pull on the log-probability",
        ylim=(0, 1.8),
    )
    axes.spines[["top", "right"]].set_visible(False)
    return figure
