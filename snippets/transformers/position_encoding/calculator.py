"""Position encoding: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

import math
from typing import Annotated, Literal

from snippets.transformers.position_encoding import frequencies as f

Scaling = Literal["none", "interpolation", "NTK", "YaRN", "Llama 3"]


def context(
    head_dim: Annotated[int, "", (4, 512, 2)] = 128,
    base: Annotated[float, "", (2.0, 1e9)] = 500_000.0,
    trained: Annotated[int, "tokens", (8, 10_000_000)] = 8192,
    factor: Annotated[float, "", (1.0, 1000.0)] = 8.0,
    scaling: Scaling = "YaRN",
) -> dict[str, object]:
    """Up to which distance does no pair show an angle that training did not?

    Args:
        head_dim: Rotated width of a head, $d$.
        base: Base of the frequencies, $\\theta$. `rope_theta` in a configuration.
        trained: Length of the training sequences.
        factor: Factor of the scaling, $s$.
        scaling: Kind of scaling. What is done to the frequencies.
    """
    w = f.frequencies(head_dim, base)
    scaled = {
        "none": w,
        "interpolation": f.interpolated(head_dim, base, factor),
        "NTK": f.ntk(head_dim, base, factor),
        "YaRN": f.yarn(head_dim, base, factor, trained),
        "Llama 3": f.llama3(head_dim, base, factor, trained),
    }[scaling]
    slow, far = f.unfinished(w, trained), f.reach(w, scaled, trained)
    score = f.yarn_scale(factor) ** 2 if scaling == "YaRN" else 1.0
    pairs = range(len(w))
    return {
        "no new angle up to": "any distance" if math.isinf(far) else f"{far:,.0f} tokens",
        "pairs that complete no turn in training": f"{len(slow)} of {len(w)}",
        "first of them": f"pair {slow[0]}" if slow else "none",
        "fastest pair, per token": f"{scaled[0]:.3f} rad, trained at {w[0]:.3f}",
        "scores multiplied by": f"{score:.3f}",
        "lines": {
            "x": "pair", "y": "tokens per turn", "log": "y",
            "series": {
                "as trained": list(zip(pairs, f.wavelengths(w), strict=True)),
                "scaled": list(zip(pairs, f.wavelengths(scaled), strict=True)),
                "trained context": [(0, float(trained)), (len(w) - 1, float(trained))],
            },
        },
    }  # fmt: skip
