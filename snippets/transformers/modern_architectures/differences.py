"""Two published models, apart by decision: bytes, FLOPs, and what each decision risks."""

from __future__ import annotations

from snippets.shapes.counts import total
from snippets.transformers.modern_architectures.costs import (
    Cost,
    Line,
    cost,
    differences,
    model,
)
from snippets.transformers.modern_architectures.published import MODELS

CONTEXT = 32_768

# What goes wrong in silence where a loader reads this switch as the other model has it.
RISKS = {
    "heads": "another split of the same matrix fits, unless norms or sinks count the heads",
    "scale": "the root of the head's width instead: right at the first token, unless a sink competes there",
    "adjacent": "rotary pairs read as halves: right at the first token, wrong from the second",
    "embed_scale": "the embedding left unscaled: wrong from the first token",
    "tied": "declared untied: a fresh output head, reported and not refused",
    "fused": "gate and up mixed: wrong from the first token",
    "used": "more or fewer experts per token: the weights of all are there, so nothing is missing",
    "pattern": "another layer gets the window: right until a window is full, if all layers share a base",
    "local_theta": "one base for all layers: wrong from the second token",
    "sinks": "left at zero: wrong from the first token on, where the class has them",
    "sandwich": "post_attention_layernorm is the norm before the feed-forward, or after attention",
    "unit_norm": "1 + w read as w: wrong from the first token",
    "eps": "another epsilon: small, at all tokens",
    "router": "a routing bias is no parameter; copied by parameters alone, it stays zero",
    "normalized": "weights of the chosen experts that do not add up to one",
    "routed_scale": "experts too quiet beside the shared one",
    "groups": "experts chosen from groups that are out of bounds",
    "activation": "another curve between the same matrices: wrong from the first token",
    "limit": "other bounds: right as long as no activation reaches them",
    "theta": "another base: right at the first token, and wrong by distance",
}


def lines(before: str, after: str, context: int = CONTEXT) -> list[Line]:
    """The decisions in which two published models differ."""
    return list(differences(MODELS[before], MODELS[after], context))


def free(before: str, after: str) -> list[str]:
    """Those that change neither bytes nor FLOPs beyond a millionth."""
    whole = cost(MODELS[after], CONTEXT)
    return [
        line.name
        for line in lines(before, after)
        if abs(line.cost.weights) < 1e-6 * whole.weights
        and line.cost.cache == 0 == line.cost.flops
    ]


def free_decisions(before: str, after: str) -> int:
    """How many those are."""
    return len(free(before, after))


def decisions(before: str, after: str) -> int:
    """In how many decisions two models differ."""
    return len(lines(before, after))


def gap(before: str, after: str, context: int = CONTEXT) -> Cost:
    """The whole difference of two models."""
    return cost(MODELS[after], context) - cost(MODELS[before], context)


def row(name: str, c: Cost, sign: str = "+") -> str:
    """One line of a table: gigabytes of weights and cache, GFLOP of a token; a dot for nothing."""
    parts = ((c.weights, 9, 1), (c.cache, 9, 2), (c.flops, 9, 1))
    cells = (
        f"{gb(x):{sign}{width}.{digits}f}" if abs(x) > 5e6 else f"{'·':>{width}}"
        for x, width, digits in parts
    )
    return f"{name:14}" + "".join(cells)


def example_walk() -> None:
    """From Llama 3 70B to gpt-oss-120b at 32,768 tokens, a decision at a time."""
    before, after = "Llama 3 70B", "gpt-oss-120b"
    print(f"{'':14}{'weights':>9}{'cache':>9}{'GFLOP':>9}")
    print(row(before, cost(MODELS[before], CONTEXT), sign=""))
    for line in lines(before, after):
        print(row(f"  {line.name}", line.cost))
    print(row(after, cost(MODELS[after], CONTEXT), sign=""))


def gb(number: float) -> float:
    """Bytes in gigabytes, and FLOPs in billions."""
    return number / 1e9


def line_of(before: str, after: str, name: str) -> Cost:
    """What one decision costs."""
    return next(line.cost for line in lines(before, after) if line.name == name)


def parameters(name: str) -> int:
    """Parameters of a published model."""
    return total(model(MODELS[name]))


def facts() -> dict[str, str]:
    """Numbers of the page's comparison."""
    pair = "Llama 3 70B", "gpt-oss-120b"
    gemma = "Llama 3 70B", "Gemma 3 27B"
    return {
        "experts_gb": f"{gb(line_of(*pair, 'feed-forward').weights):.1f} GB",
        "windows_gb": f"{gb(-line_of(*pair, 'windows').cache):.2f} GB",
        "gap_weights": f"{gb(gap(*pair).weights):.1f} GB",
        "gap_flops": f"{gb(-gap(*pair).flops):.1f} GFLOP",
        "gemma_windows": f"{gb(-line_of(*gemma, 'windows').cache):.2f} GB",
        "gemma_heads": f"{gb(line_of(*gemma, 'heads').cache):.2f} GB",
        "free_decisions": f"{free_decisions(*pair)}",
        "all_decisions": f"{decisions(*pair)}",
        "dsv3_total": f"{gb(parameters('DeepSeek-V3')):.2f} billion",
        "oss_total": f"{gb(parameters('gpt-oss-120b')):.2f} billion",
    }


if __name__ == "__main__":
    example_walk()
