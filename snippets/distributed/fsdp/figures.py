"""FSDP: who holds what, and when, as drawings. Standard library only."""

from __future__ import annotations

from snippets.distributed.fsdp.calculator import play
from snippets.distributed.fsdp.cost import (
    LLAMA3_8B,
    NODE,
    RECIPE,
    STAGES,
    sent_gb,
    states_gb,
)
from snippets.distributed.fsdp.holding import held, most, waits, whole

COLOR = {
    "weights": "var(--fg-s0)",
    "gradients": "var(--fg-s1)",
    "optimizer": "var(--fg-s2)",
}
LINE = {"G": "var(--fg-s0)", "F": "var(--fg-s5)", "B": "var(--fg-s5)", "R": "var(--fg-s1)"}


def text(x: float, y: float, words: str, anchor: str = "middle", more: str = "") -> str:
    """Words at a place."""
    return f'<text x="{x:g}" y="{y:g}" text-anchor="{anchor}" {more}>{words}</text>'


def box(x: float, y: float, width: float, height: float, fill: str, more: str = "") -> str:
    """A filled rectangle."""
    return f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" fill="{fill}" {more}/>'


def svg(height: float, parts: list[str]) -> str:
    """A drawing as wide as the text."""
    head = f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 {height:g}"><g font-size="11">'
    return "\n".join([head, *parts, "</g></svg>"])


def figure_holding() -> str:
    """Eight GPUs, and what each holds of every kind of number, from DDP to ZeRO 3."""
    left, top, scale, column, panel = 79, 32, 8.0, 7.6, 81
    bottom = top + scale * RECIPE.total
    bold, muted = 'font-weight="600"', 'fill="var(--fg-muted)"'
    parts = [text(left - 8, 12, "bytes per", "end", muted)]
    parts.append(text(left - 8, top - 8, "parameter", "end", muted))
    floor, floors = bottom, {}
    for kind in COLOR:
        size = getattr(RECIPE, kind)
        floors[kind] = floor
        middle = floor - scale * size / 2 + 4
        parts.append(text(left - 8, middle, f"{kind} {size:g}", "end"))
        floor -= scale * size
    parts.append(text(left - 8, bottom + 18, "held", "end"))
    parts.append(text(left - 8, bottom + 34, "sent", "end"))
    for stage, name in enumerate(STAGES):
        x = left + panel * stage
        for rank in range(NODE):
            at, width = x + rank * column, column - 1.6
            empty = 'opacity="0.14"'
            parts.append(box(at, top, width, bottom - top, "var(--fg-muted)", empty))
            for kind, (start, end) in held(rank, NODE, stage).items():
                tall = scale * getattr(RECIPE, kind)
                y = floors[kind] - end * tall
                parts.append(box(at, y, width, (end - start) * tall, COLOR[kind]))
        center = x + NODE * column / 2
        holds, sends = states_gb(LLAMA3_8B, NODE, stage), sent_gb(LLAMA3_8B, NODE, stage)
        parts.append(text(center, top - 8, name, more=bold))
        parts.append(text(center, bottom + 18, f"{holds:.1f} GB", more=bold))
        parts.append(text(center, bottom + 34, f"{sends:.1f} GB"))
    return svg(bottom + 42, parts)


def figure_passes() -> str:
    """Gathers, computation and reductions of a step, and which blocks are whole meanwhile."""
    link, work = play(4, 0.8, 1.0, 1, False)
    left, right = 50, 392
    scale = (right - left) / link[-1][1]
    muted = 'fill="var(--fg-muted)"'
    parts = []
    for y, name, lane in ((20, "link", link), (42, "GPU", work)):
        parts.append(text(left - 6, y + 13, name, "end"))
        for start, end, label in lane:
            x, width = left + start * scale, (end - start) * scale - 1
            parts.append(box(x, y, width, 18, LINE[label[0]]))
            inside = 'fill="var(--md-default-bg-color)" font-size="10"'
            parts.append(text(x + width / 2, y + 13, label, more=inside))
    first, last = waits(link, work)
    parts.append(text(left, 73, f"waits {first:.1f} ms", "start", muted))
    parts.append(text(right, 73, f"waits {last:.1f} ms", "end", muted))
    turn = left + next(start for start, _, name in work if name[0] == "B") * scale
    parts.append(text((left + turn) / 2, 12, "forward"))
    parts.append(text((turn + right) / 2, 12, "backward"))
    dashed = 'stroke="var(--fg-muted)" stroke-dasharray="3 3"'
    parts.append(f'<path d="M{turn:g} 2V156" {dashed}/>')
    for row, (unit, spans) in enumerate(whole(link, work).items()):
        y = 82 + 19 * row
        parts.append(text(left - 6, y + 10, f"block {unit}", "end"))
        for kind, (low, high) in {"weights": (0, 9), "gradients": (10, 4)}.items():
            for start, end in spans[kind]:
                x, width = left + start * scale, (end - start) * scale
                parts.append(box(x, y + low, width, high, COLOR[kind]))
    count = f"whole weights, of {most(link, work)} blocks at most"
    parts.append(box(left, 166, 9, 9, COLOR["weights"]))
    parts.append(text(left + 14, 174, count, "start"))
    parts.append(box(left + 228, 168, 9, 4, COLOR["gradients"]))
    parts.append(text(left + 242, 174, "whole gradients", "start"))
    return svg(182, parts)
