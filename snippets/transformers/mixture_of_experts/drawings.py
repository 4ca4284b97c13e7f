"""One token's way through a layer, drawn with the numbers of a router."""

from __future__ import annotations

import torch

from snippets.transformers.mixture_of_experts.routing import softmax_route

EXPERTS, K = 8, 2
TOP, STEP = 40, 25  # y of the first expert, and from one to the next
MUTED, CHOSEN = "var(--fg-muted)", "var(--fg-s1)"


def routed() -> tuple[list[float], dict[int, float]]:
    """Probabilities of all experts for one token, and the weights of the chosen ones."""
    logits = torch.randn(1, EXPERTS, generator=torch.Generator().manual_seed(4))
    weights, experts = softmax_route(logits, K)
    pairs = zip(experts[0].tolist(), weights[0].tolist(), strict=True)
    return logits.softmax(-1)[0].tolist(), dict(pairs)


def text(
    x: float, y: float, words: str, fill: str = "currentColor", anchor: str = "start"
) -> str:
    """Words with their baseline at y."""
    return f'<text x="{x:g}" y="{y:g}" fill="{fill}" text-anchor="{anchor}" font-size="11">{words}</text>'


def box(x: float, y: float, wide: float, high: float, style: str) -> str:
    """A rectangle."""
    return f'<rect x="{x:g}" y="{y:g}" width="{wide:g}" height="{high:g}" rx="2" {style}/>'


def line(x1: float, y1: float, x2: float, y2: float, stroke: str = CHOSEN) -> str:
    """A straight line."""
    return f'<path d="M{x1:g} {y1:g}L{x2:g} {y2:g}" stroke="{stroke}" fill="none"/>'


def row(e: int, p: float, weight: float | None, middle: float) -> str:
    """One expert: its probability as a bar, its box, and if it is chosen its way to the sum."""
    y, color = TOP + STEP * e, CHOSEN if weight else MUTED
    style = f'fill="{CHOSEN}" fill-opacity="0.25"' if weight else 'fill="none"'
    drawn = box(
        84, y, 120 * p, 14, f'fill="{color}"' + ("" if weight else ' opacity="0.5"')
    )
    drawn += text(90 + 120 * p, y + 11, f"{p:.2f}", color)
    drawn += box(206, y - 3, 74, 20, f'{style} stroke="{color}"')
    drawn += text(243, y + 11, f"expert {e}", "currentColor" if weight else MUTED, "middle")
    if weight:
        drawn += line(280, y + 7, 346, middle) + text(
            286, y + (3 if y + 7 < middle - 9 else 22), f"× {weight:.2f}"
        )
    return drawn


def figure_layer() -> str:
    """Router, experts and sum for one token, with a shared expert below."""
    probabilities, weights = routed()
    middle = TOP + STEP * (EXPERTS - 1) / 2 + 7
    shared = TOP + STEP * EXPERTS + 10
    drawn = text(84, 20, "router: probabilities", MUTED) + text(
        243, 20, "experts", MUTED, "middle"
    )
    drawn += box(8, middle - 12, 46, 24, 'fill="none" stroke="currentColor"')
    drawn += text(31, middle + 4, "token", anchor="middle") + line(
        54, middle, 78, middle, MUTED
    )
    drawn += "".join(row(e, p, weights.get(e), middle) for e, p in enumerate(probabilities))
    drawn += line(31, middle + 12, 31, shared + 7, MUTED) + line(
        31, shared + 7, 206, shared + 7, MUTED
    )
    drawn += box(
        206, shared - 3, 74, 20, 'fill="none" stroke="currentColor" stroke-dasharray="3 2"'
    )
    drawn += text(243, shared + 11, "shared", anchor="middle")
    drawn += line(280, shared + 7, 346, middle + 6, MUTED) + text(
        294, shared + 11, "if there is one", MUTED
    )
    drawn += f'<circle cx="354" cy="{middle:g}" r="9" fill="none" stroke="currentColor"/>'
    drawn += text(354, middle + 4, "+", anchor="middle") + line(
        363, middle, 392, middle, "currentColor"
    )
    size = f'viewBox="0 0 400 {shared + 26:g}" font-family="sans-serif"'
    return f'<svg xmlns="http://www.w3.org/2000/svg" {size}>{drawn}</svg>'
