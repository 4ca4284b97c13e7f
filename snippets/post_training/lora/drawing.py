"""An adapter beside a matrix, and inside it, drawn with the sizes of Llama 3 8B's queries."""

from __future__ import annotations

from snippets.post_training.lora.counts import LLAMA, linears, pair

RANK = 16
INPUTS, OUTPUTS = linears(LLAMA)["q"]
FROZEN, TRAINED, MUTED = "var(--fg-s0)", "var(--fg-s1)", "var(--fg-muted)"
INK = "currentColor"


def text(x: float, y: float, words: str, fill: str = INK, size: int = 11) -> str:
    """Words centered at `x`."""
    return f'<text x="{x}" y="{y}" fill="{fill}" font-size="{size}" text-anchor="middle">{words}</text>'


def shape(points: str, fill: str) -> str:
    """A filled outline."""
    return f'<path d="M{points}z" fill="{fill}" fill-opacity="0.3" stroke="{fill}"/>'


def arrow(path: str) -> str:
    """A line that ends in a head."""
    return f'<path d="M{path}" fill="none" stroke="{INK}" marker-end="url(#head)"/>'


HEAD = (
    '<defs><marker id="head" markerWidth="6" markerHeight="6" refX="5" refY="3" orient="auto">'
    f'<path d="M0 0L6 3L0 6z" fill="{INK}"/></marker></defs>'
)


def beside() -> str:
    """Two paths that meet: the frozen matrix, and the two thin ones."""
    return "".join((
        text(108, 14, "attached", size=12),
        text(12, 96, "x"), arrow("18 92L30 92L30 60L44 60"), arrow("30 92L30 142L44 142"),
        shape("46 28L126 28L126 92L46 92", FROZEN),
        text(86, 58, "W", FROZEN, 12), text(86, 74, f"{INPUTS * OUTPUTS / 1e6:.1f} M, frozen", size=10),
        shape("46 110L80 132L80 152L46 174", TRAINED), text(62, 146, "A", TRAINED, 12),
        arrow("80 142L92 142"),
        shape("94 132L128 110L128 174L94 152", TRAINED), text(112, 146, "B", TRAINED, 12),
        text(86, 190, f"{pair(RANK, INPUTS, OUTPUTS) / 1e6:.2f} M, trained", size=10),
        text(87, 126, f"{RANK}", MUTED, 10),
        arrow("128 142L150 142L150 104"), text(165, 146, "× s"),
        arrow("126 60L150 60L150 80"),
        f'<circle cx="150" cy="92" r="9" fill="none" stroke="{INK}"/>', text(150, 96, "+", size=12),
        arrow("160 92L178 92"), text(186, 96, "y"),
    ))  # fmt: skip


def inside() -> str:
    """One matrix, rounded to the type in which it is stored."""
    return "".join((
        text(310, 14, "merged", size=12),
        text(224, 96, "x"), arrow("230 92L252 92"),
        shape("254 52L366 52L366 132L254 132", FROZEN),
        text(288, 88, "W", FROZEN, 12), text(320, 88, "+ sBA", TRAINED, 12),
        text(310, 108, "rounded once more", size=10),
        arrow("366 92L384 92"), text(392, 96, "y"),
        text(310, 154, "as fast as the base;", MUTED, 10), text(310, 168, "what rounds away is gone", MUTED, 10),
    ))  # fmt: skip


def figure_adapter() -> str:
    """Both ways to serve one adapter."""
    divide = f'<path d="M206 22V186" stroke="{MUTED}" stroke-dasharray="2 3"/>'
    return (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 196" font-family="sans-serif">'
        f"{HEAD}{beside()}{divide}{inside()}</svg>"
    )
