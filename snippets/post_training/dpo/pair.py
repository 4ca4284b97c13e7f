"""The mechanism of DPO as a drawing: two models, two answers, four numbers, one margin."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch

from snippets.post_training.dpo.losses import dpo, margin
from snippets.post_training.dpo.weights import dpo_weight

POLICY, REFERENCE, BETA = (-42.0, -61.0), (-45.0, -52.0), 0.1


def numbers() -> tuple[float, float, float]:
    """Margin, loss and push of the pair that is drawn."""
    h = margin(torch.tensor([POLICY]), torch.tensor([REFERENCE]))
    return h.item(), dpo(h, BETA).item(), dpo_weight(h, BETA).item()


def text(
    x: float,
    y: float,
    words: str,
    fill: str = "currentColor",
    anchor: str = "middle",
    bold: bool = False,
) -> str:
    """One line of text."""
    weight = ' font-weight="600"' if bold else ""
    return f'<text x="{x}" y="{y}" fill="{fill}" text-anchor="{anchor}" font-size="11"{weight}>{words}</text>'


def box(
    x: float, y: float, width: float, words: str, stroke: str, dashed: bool = False
) -> str:
    """A frame with a line of text in it."""
    dashes = ' stroke-dasharray="4 3"' if dashed else ""
    frame = f'<rect x="{x}" y="{y}" width="{width}" height="26" rx="4" fill="none" stroke="{stroke}"{dashes}/>'
    return frame + text(x + width / 2, y + 17, words)


def arrow(
    x1: float, y1: float, x2: float, y2: float, stroke: str = "var(--fg-muted)"
) -> str:
    """A line with a small head, to the right, down or up."""
    line = f'<line x1="{x1}" y1="{y1}" x2="{x2}" y2="{y2}" stroke="{stroke}"/>'
    if x1 == x2:
        back = -4 if y2 > y1 else 4
        head = f"{x2},{y2} {x2 - 3},{y2 + back} {x2 + 3},{y2 + back}"
    else:
        head = f"{x2},{y2} {x2 - 4},{y2 - 3} {x2 - 4},{y2 + 3}"
    return line + f'<polygon points="{head}" fill="{stroke}"/>'


def signed(value: float) -> str:
    """A number with a true minus."""
    return f"{value:.0f}".replace("-", "−")


def figure_pair() -> str:
    """Four log-probabilities become one margin; one push goes back to the policy, none to the reference."""
    h, loss, push = numbers()
    up, down, muted = "var(--fg-s0)", "var(--fg-s1)", "var(--fg-muted)"
    parts = [
        text(122, 16, "policy", bold=True), text(225, 16, "frozen reference", fill=muted, bold=True),
        text(322, 16, "log-ratio", bold=True), text(8, 50, "chosen", up, "start"), text(8, 92, "rejected", down, "start"),
    ]  # fmt: skip
    for y, column, color in ((33, 0, up), (75, 1, down)):
        ratio = POLICY[column] - REFERENCE[column]
        parts += [box(90, y, 70, signed(POLICY[column]), color), text(173, y + 17, "−"),
                  box(186, y, 78, signed(REFERENCE[column]), muted, dashed=True), arrow(268, y + 13, 290, y + 13),
                  box(294, y, 56, signed(ratio), color)]  # fmt: skip
    parts += [
        arrow(322, 103, 322, 130), box(264, 132, 116, f"margin h = {signed(h)}", "currentColor"),
        arrow(322, 160, 322, 180), box(264, 182, 116, f"loss = {loss:.3f}", "currentColor"),
        f'<path d="M264 195 H125 V107" fill="none" stroke="{up}"/>', arrow(125, 112, 125, 104, up),
        text(190, 150, f"push {push:.3f}"), text(190, 164, "up on chosen,"), text(190, 178, "down on rejected"),
        text(8, 150, "all in nats,", muted, "start"), text(8, 164, f"β = {BETA}", muted, "start"),
    ]  # fmt: skip
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 388 214">{"".join(parts)}</svg>'
