"""The mechanism of the page as a drawing: credit looks back once, ratios move several times."""

from __future__ import annotations

from html import escape

INK, MUTED, OWN, FOREIGN = "currentColor", "var(--fg-muted)", "var(--fg-s0)", "var(--fg-s1)"


def text(x: float, y: float, words: str, fill: str = INK, anchor: str = "middle", size: int = 11) -> str:  # fmt: skip
    """Words with their baseline at `y`."""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="{size}">{escape(words)}</text>'


def arrow(x: float, y: float, to: float, color: str) -> str:
    """A level arrow from x to `to`."""
    tip = 6 if to > x else -6
    return f'<path d="M{x:g} {y:g}H{to:g}m{-tip} -4l{tip} 4l{-tip} 4" fill="none" stroke="{color}" stroke-width="1.5"/>'


def box(x: float, y: float, words: str, own: bool) -> str:
    """A token: the policy's own is framed, a tool's is dashed."""
    dash = "" if own else ' stroke-dasharray="4 3"'
    color = OWN if own else FOREIGN
    frame = f'<rect x="{x:g}" y="{y:g}" width="46" height="24" rx="3" fill="none" stroke="{color}" stroke-width="1.5"{dash}/>'
    return frame + text(x + 23, y + 16, words, INK if own else MUTED)


def credit() -> str:
    """A reply with a tool's output inside: where rewards stand, and how advantages travel back."""
    words = ("look", "up", "result", "result", "done", "end")
    own = (True, True, False, False, True, True)
    drawn = text(4, 14, "1  look back once: rewards and advantages", INK, "start", 12)
    for i, (word, mine) in enumerate(zip(words, own, strict=True)):
        x = 88 + 51 * i
        drawn += box(x, 26, word, mine)
        reward = "score−βk" if i == 5 else "−βk" if mine else "·"
        drawn += text(x + 23, 68, reward, INK if mine else MUTED, size=10)
        drawn += text(x + 23, 88, "V" if mine else "·", INK if mine else MUTED)
    for start, end in ((5, 4), (4, 1), (1, 0)):
        drawn += arrow(88 + 51 * start + 14, 106, 88 + 51 * end + 32, OWN)
        drawn += text(88 + 51 * start + 23, 110, "A")
    drawn += text(111, 110, "A")
    for y, name in ((42, "tokens"), (68, "rewards"), (88, "values"), (110, "advantages")):
        drawn += text(4, y, name, MUTED, "start")
    return drawn


def clip() -> str:
    """A line of ratios with the clip, and the four arrows that matter."""
    left, unit, y = 44, 280, 196

    def at(ratio: float) -> float:
        return left + unit * (ratio - 0.5)

    drawn = text(
        4, 146, "2  update several times: each token's ratio moves", INK, "start", 12
    )
    drawn += f'<rect x="{at(0.8):g}" y="{y - 28}" width="{unit * 0.4:g}" height="56" fill="{OWN}" opacity="0.15"/>'
    drawn += f'<path d="M{at(0.45):g} {y}H{at(1.72):g}" stroke="{INK}" fill="none"/>'
    for ratio, words in ((0.8, "1 − ε"), (1.0, "1"), (1.2, "1 + ε")):
        drawn += f'<path d="M{at(ratio):g} {y - 5}v10" stroke="{INK}" fill="none"/>'
        drawn += text(at(ratio), y + 42, words)
    drawn += arrow(at(1.02), y - 12, at(1.19), "var(--fg-s2)")
    drawn += text(at(1.1), y - 34, "good: pulled up", "var(--fg-s2)")
    drawn += arrow(at(1.22), y - 12, at(1.6), "var(--fg-s3)")
    drawn += text(at(1.24), y - 18, "no gradient, carried on", "var(--fg-s3)", "start")
    drawn += arrow(at(0.98), y + 14, at(0.81), "var(--fg-s2)")
    drawn += arrow(at(0.78), y + 14, at(0.52), "var(--fg-s3)")
    drawn += text(at(0.5), y + 30, "carried on", "var(--fg-s3)", "start")
    drawn += text(at(1.7), y + 42, "ratio", MUTED, "end")
    return drawn


def figure_steps() -> str:
    """One round of PPO: credit travels back over own tokens, then ratios move."""
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 246" font-family="sans-serif">{credit()}{clip()}</svg>'
