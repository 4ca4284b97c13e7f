"""A drawing: the 27 sequences as a tree, one reply in it, and what a baseline may look at."""

from __future__ import annotations

from html import escape

from snippets.rl.overview.baselines import value
from snippets.rl.overview.tasks import LETTERS, policy, verdict

WIDE, TOP, STEP = 400, 36, 62
REPLY = (1, 0, 2)  # the reply that is drawn: bac
MUTED, PATH = "var(--fg-muted)", "var(--fg-s0)"


def text(x: float, y: float, words: str, fill: str = "currentColor", anchor: str = "middle", bold: bool = False) -> str:  # fmt: skip
    """Words with their baseline at `y`."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="11"{weight}>{escape(words)}</text>'


def place(prefix: tuple[int, ...]) -> tuple[float, float]:
    """Where a prefix stands: its length downwards, its sequences across."""
    width = WIDE - 8
    left = sum(token * width / 3 ** (i + 1) for i, token in enumerate(prefix))
    return 4 + left + width / 3 ** len(prefix) / 2, TOP + STEP * len(prefix)


def edge(prefix: tuple[int, ...], token: int) -> str:
    """The line from a prefix to the next one; the reply's own is thick."""
    (x1, y1), (x2, y2) = place(prefix), place((*prefix, token))
    own = REPLY[: len(prefix) + 1] == (*prefix, token)
    style = (
        f'stroke="{PATH}" stroke-width="3"'
        if own
        else f'stroke="{MUTED}" stroke-width="0.7"'
    )
    return f'<path d="M{x1:.1f} {y1:g}L{x2:.1f} {y2:g}" fill="none" {style}/>'


def edges(prefix: tuple[int, ...] = ()) -> str:
    """All lines below a prefix."""
    if len(prefix) == 3:
        return ""
    return "".join(edge(prefix, t) + edges((*prefix, t)) for t in range(3))


def node(prefix: tuple[int, ...], worth: float) -> str:
    """A prefix of the reply: its last token in a circle, and the mean verdict after it."""
    x, y = place(prefix)
    name = LETTERS[prefix[-1]] if prefix else ""
    ring = f'<circle cx="{x:.1f}" cy="{y:g}" r="9" fill="var(--md-default-bg-color)" stroke="{PATH}" stroke-width="2"/>'
    side = y + 14 if len(prefix) == len(REPLY) else y - 3
    return ring + text(x, y + 4, name, bold=True) + text(x + 13, side, f"{worth:.2f}", PATH, "start", True)  # fmt: skip


def values() -> list[float]:
    """Mean verdict after each prefix of the reply, from the empty one to the whole."""
    model = policy()
    rewards, row = verdict(model.tokens), model.tokens.tolist().index(list(REPLY))
    return [*value(model, rewards)[row].tolist(), rewards[row].sum().item()]


def figure_tree() -> str:
    """The tree, the reply `bac`, and three baselines for its second token."""
    worth = values()
    drawn = text(4, 14, "27 sequences, the reply bac, and the mean verdict after each prefix", MUTED, "start")  # fmt: skip
    drawn += edges() + "".join(node(REPLY[:n], worth[n]) for n in range(4))
    notes = [
        ("For the token a, a baseline may say", "currentColor"),
        (f"{worth[0]:.2f}, a constant: it looks at nothing", "currentColor"),
        (f"{worth[1]:.2f}, the value: it looks at the prefix b", "currentColor"),
        (f"{worth[2]:.2f}, a value read one token late: it looks at ba", "var(--fg-s3)"),
    ]
    for i, (words, fill) in enumerate(notes):
        drawn += text(4 if i == 0 else 18, TOP + 3 * STEP + 34 + 17 * i, words, fill, "start", i == 0)  # fmt: skip
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {TOP + 3 * STEP + 94}" font-family="sans-serif">{drawn}</svg>'
