"""A drawing: what one token meets, keeps and looks at in one layer of four models."""

from __future__ import annotations

from snippets.shapes.configs import read
from snippets.shapes.layers import Block, Kind
from snippets.shapes.published import CONFIGS

LEFT, STRIP, TOKENS, WIDE = 4, 13, 16, 380
SHOWN = {  # which kind of its layers is drawn
    "Llama 3 8B": 0,
    "gpt-oss-120b": 0,
    "DeepSeek-V3": 1,
    "Qwen3-Next 80B-A3B": 0,
}


def kind_of(name: str) -> Kind:
    """The layer kind of a model that is drawn."""
    return read(CONFIGS[name]).kinds[SHOWN[name]]


def stored_and_met(kind: Kind) -> tuple[int, int]:
    """Parameters of one layer, and those that one token meets."""
    groups = [w for block in kind.blocks for w in block.weights]
    return sum(w.copies * w.numbers for w in groups), sum(
        w.used * w.numbers for w in groups
    )


def kept(mixer: Block) -> str:
    """What the mixer keeps, in words."""
    if mixer.state:
        return f"keeps {sum(p.numbers for p in mixer.state):,} in all"
    window = f" of {mixer.window}" if mixer.window else ""
    return f"keeps {sum(p.numbers for p in mixer.cache):,} for each{window}"


def text(x: float, y: float, words: str, more: str = "") -> str:
    """A line of text."""
    return f'<text x="{x}" y="{y}" {more}>{words}</text>'


def strip(y: float, mixer: Block, color: str) -> str:
    """Tokens so far as boxes, the newest on the right; filled if the layer looks at them."""
    seen = (
        4 if mixer.window else 0 if mixer.state else TOKENS
    )  # a window drawn smaller than it is
    high = 7 if mixer.name == "latent attention" else 14
    drawn = ""
    for i in range(TOKENS):
        filled = f'fill="{color}"' if TOKENS - i <= seen else 'fill="none"'
        drawn += (
            f'<rect x="{LEFT + i * STRIP}" y="{y + 14 - high}" width="9" height="{high}" '
            f'stroke="{color}" {filled}/>'
        )
    if mixer.state:
        drawn += f'<rect x="{LEFT}" y="{y - 3}" width="{TOKENS * STRIP - 3}" height="20" fill="{color}" opacity="0.3"/>'
    return drawn


def experts(y: float, kind: Kind, color: str) -> str:
    """The feed-forward: one box, or many of which few are filled."""
    x, room = LEFT + TOKENS * STRIP + 22, WIDE - LEFT - TOKENS * STRIP - 26
    if kind.blocks[1].name == "dense":
        return f'<rect x="{x}" y="{y}" width="{room}" height="14" fill="{color}"/>'
    boxes, width = 16, room / 16
    return "".join(
        f'<rect x="{x + i * width:.1f}" y="{y}" width="{width - 2:.1f}" height="14" stroke="{color}" '
        f'fill="{color if i in (3, 9) else "none"}"/>'
        for i in range(boxes)
    )


def figure_layer() -> str:
    """Four layers: tokens looked at on the left, weights met on the right."""
    drawn = text(LEFT, 12, "tokens looked at", 'fill="var(--fg-muted)"')
    drawn += text(WIDE - 4, 12, "weights met", 'fill="var(--fg-muted)" text-anchor="end"')
    for row, name in enumerate(SHOWN):
        kind, y = kind_of(name), 24 + 72 * row
        mixer, feed = kind.blocks[:2]
        stored, met = stored_and_met(kind)
        color = f"var(--fg-s{row})"
        drawn += text(
            LEFT, y + 10, f"{name}: {mixer.name}, {feed.name}", 'font-weight="700"'
        )
        drawn += strip(y + 18, mixer, color) + experts(y + 18, kind, color)
        drawn += text(LEFT, y + 48, kept(mixer), 'fill="var(--fg-muted)"')
        share = f"{met / 1e6:,.0f} of {stored / 1e6:,.0f} M"
        drawn += text(WIDE - 4, y + 48, share, 'fill="var(--fg-muted)" text-anchor="end"')
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {24 + 72 * len(SHOWN) - 14}" '
        f'font-size="11" fill="currentColor">{drawn}</svg>'
    )
