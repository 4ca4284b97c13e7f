"""Modern architectures: the calculator of the page. Standard library only, for browsers too."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.transformers.modern_architectures.costs import cost, runs
from snippets.transformers.modern_architectures.differences import RISKS, lines
from snippets.transformers.modern_architectures.published import MODELS

Name = Literal[
    "Llama 3 8B", "Llama 3 70B", "Qwen3 235B-A22B", "Gemma 3 27B", "gpt-oss-120b", "DeepSeek-V3"
]  # fmt: skip


def said(field: str, value: object) -> str:
    """A switch in words."""
    if field == "pattern" and isinstance(value, tuple):
        return runs(value)
    if field == "groups" and isinstance(value, tuple):
        return f"{value[1]} of {value[0]}"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int) or (isinstance(value, float) and value.is_integer()):
        return f"{value:,.0f}"
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def compare(
    before: Name = "Llama 3 70B",
    after: Name = "gpt-oss-120b",
    context: Annotated[int, "tokens", (1, 1_000_000)] = 32_768,
) -> dict[str, object]:
    """In what do two models differ, what does each decision cost, and what loads wrong in silence?

    Scalings of RoPE are left out: a factor of 8 in Gemma 3 27B, YaRN in gpt-oss and DeepSeek-V3.

    Args:
        before: From.
        after: To.
        context: Tokens in view, $S$.
    """
    if before == after:
        raise ValueError("choose two different models.")
    a, b = cost(MODELS[before], context), cost(MODELS[after], context)
    steps = lines(before, after, context)
    rows: dict[str, object] = {
        "weights in 16 bits": f"{a.weights / 1e9:,.1f} GB → {b.weights / 1e9:,.1f} GB",
        f"cache of {context:,} tokens": f"{a.cache / 1e9:,.2f} GB → {b.cache / 1e9:,.2f} GB",
        "forward pass of a token": f"{a.flops / 1e9:,.1f} GFLOP → {b.flops / 1e9:,.1f} GFLOP",
    }
    for line in steps:
        for field, old, new in zip(line.fields, line.before, line.after, strict=True):
            risk = f" · if read wrong: {RISKS[field]}" if field in RISKS else ""
            words = field.replace("_", " ")
            label = line.name if len(line.fields) == 1 else f"{line.name}: {words}"
            rows[label] = f"{said(field, old)} → {said(field, new)}{risk}"
    table = [["decision", "weights, GB", "cache, GB", "GFLOP a token"]]
    for line in steps:
        c = line.cost
        parts = (c.weights, c.cache, c.flops)
        table.append(
            [line.name, *(f"{x / 1e9:+,.2f}" if abs(x) > 5e6 else "·" for x in parts)]
        )
    return {"decisions that differ": f"{len(steps)}", **rows, "table": table}
