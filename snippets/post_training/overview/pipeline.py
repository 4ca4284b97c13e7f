"""The pipeline of post-training: data in, models in memory, evaluation after each stage."""

from __future__ import annotations

from snippets.post_training.overview.memory import parts
from snippets.post_training.overview.plans import plan

STAGES = (
    ("SFT", "prompts with answers", "SFT"),
    ("preferences", "prompts with a better and a worse answer", "preferences"),
    ("RL", "prompts with a checker", "RL"),
    ("distillation", "prompts, and a better model", "distillation"),
)
MODELS = (
    ("weights", "trained"),
    ("reference", "reference"),
    ("sampler", "sampler"),
    ("teacher", "teacher"),
)
TOP, STEP = 52, 58


def text(x: float, y: float, words: str, more: str = "") -> str:
    """Words at a place."""
    return f'<text x="{x}" y="{y}" {more}>{words}</text>'


def stage(row: int, name: str, data: str, kind: str) -> str:
    """One stage: its name, its data, and the models that full training holds."""
    y, held = TOP + row * STEP, parts(plan(kind, "full"))
    box = f'<rect x="4" y="{y}" width="86" height="34" rx="5" fill="none" stroke="currentColor"/>'
    out = [box, text(47, y + 21, name, 'text-anchor="middle" font-weight="bold"')]
    out.append(text(100, y + 13, data, 'fill="var(--fg-muted)" font-size="10"'))
    for i, (part, label) in enumerate(MODELS):
        x = 100 + i * 58
        if held[part]:
            out.append(
                f'<rect x="{x}" y="{y + 19}" width="53" height="16" rx="3" fill="var(--fg-s{i})"/>'
            )
            out.append(
                text(
                    x + 26.5,
                    y + 31,
                    label,
                    'text-anchor="middle" font-size="10" fill="var(--md-default-bg-color)"',
                )
            )
    arrow = f"M47 {y + 34}v{STEP - 36}m-4 -6l4 6l4 -6" if row < len(STAGES) - 1 else ""
    out.append(
        f'<path d="{arrow}M344 {y + 17}h18m-6 -4l6 4l-6 4" fill="none" stroke="currentColor"/>'
    )
    return "".join(out)


def figure_pipeline() -> str:
    """Stages from top to bottom, with evaluation beside all of them."""
    high = TOP + len(STAGES) * STEP
    rows = "".join(stage(i, *each) for i, each in enumerate(STAGES))
    base = text(47, 22, "base model", 'text-anchor="middle"')
    base += '<path d="M47 28v20m-4 -6l4 6l4 -6" fill="none" stroke="currentColor"/>'
    base += text(100, 22, "data in, and models in memory", 'fill="var(--fg-muted)"')
    box = f'<rect x="366" y="{TOP}" width="40" height="{high - TOP - 22}" rx="5" fill="none" stroke="currentColor"/>'
    middle = (TOP + high - 22) / 2
    turn = f'text-anchor="middle" transform="translate({{}} {middle}) rotate(90)"'
    side = text(0, 0, "evaluation", turn.format(388) + ' font-weight="bold"')
    side += text(0, 0, "same questions, same tokens", turn.format(373))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 412 {high - 16}" font-size="11" '
        f'fill="currentColor">{base}{rows}{box}{side}</svg>'
    )
