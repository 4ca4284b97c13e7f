"""A drawing: the 27 sequences as a tree, one reply in it, and what a baseline may look at."""

from __future__ import annotations

from html import escape

from snippets.rl.overview.tasks import LETTERS, fresh, policy

WIDE, TOP, STEP = 400, 36, 62
REPLY = (0, 2, 1)  # the reply that is drawn: acb
MUTED, PATH = "var(--fg-muted)", "var(--fg-s0)"


def text(x: float, y: float, words: str, fill: str = "currentColor", anchor: str = "middle", bold: bool = False) -> str:  # fmt: skip
    """Words with their baseline at `y`."""
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="11"{weight}>{escape(words)}</text>'


def place(prefix: tuple[int, ...]) -> tuple[float, float]:
    """Where a prefix stands: its depth downwards, its share of the 27 sequences across."""
    width = WIDE - 8
    x = 4 + width * sum(
        (token + 1 / 2 - 1 / 2) / 3 ** (i + 1) for i, token in enumerate(prefix)
    )
    return x + width / 3 ** len(prefix) / 2, TOP + STEP * len(prefix)


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


def node(prefix: tuple[int, ...]) -> str:
    """A prefix of the reply, as a circle with its last token."""
    x, y = place(prefix)
    name = LETTERS[prefix[-1]] if prefix else "⊢"
    ring = f'<circle cx="{x:.1f}" cy="{y:g}" r="9" fill="var(--md-default-bg-color)" stroke="{PATH}" stroke-width="2"/>'
    return ring + text(x, y + 4, name, bold=True)


def chances() -> list[float]:
    """Probability of each token of the reply, given those before."""
    model = policy()
    row = model.tokens.tolist().index(list(REPLY))
    return model.logprobs()[row].exp().tolist()


def figure_tree() -> str:
    """The tree, the reply `acb`, and three baselines for its second token."""
    drawn = edges() + "".join(node(REPLY[:n]) for n in range(4))
    rewards = fresh(policy().tokens)[policy().tokens.tolist().index(list(REPLY))].tolist()
    for n, (p, reward) in enumerate(zip(chances(), rewards, strict=True)):
        (x1, y1), (x2, y2) = place(REPLY[:n]), place(REPLY[: n + 1])
        side = (x1 + x2) / 2 + (14 if n else 22)
        drawn += text(side, (y1 + y2) / 2 + 2, f"{p:.2f}, reward {reward:.0f}", PATH, "start", bold=True)  # fmt: skip
    notes = [
        ("a constant looks at nothing", MUTED, ""),
        ("a value looks at the prefix, a", "currentColor", ""),
        ("a value read one token late looks at ac", "var(--fg-s3)", ""),
    ]
    for i, (words, fill, _) in enumerate(notes):
        drawn += text(4, TOP + 3 * STEP + 34 + 17 * i, words, fill, "start")
    drawn = text(4, 14, "27 sequences, one reply, and baselines for its second token", MUTED, "start") + drawn  # fmt: skip
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {TOP + 3 * STEP + 76}" font-family="sans-serif">{drawn}</svg>'
