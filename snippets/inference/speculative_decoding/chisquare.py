"""Test by samples: does speculative decoding draw from the target's law? SciPy's chi-square decides."""

from __future__ import annotations

import itertools
from collections import Counter

import numpy as np
from scipy.stats import chisquare

from snippets.inference.speculative_decoding.verification import (
    Array,
    Verify,
    chains,
    generate,
    verify,
)

LENGTH = 3  # tokens of one sampled text


# --8<-- [start:mistakes]
def by_argmax(draft: list[int], q: Array, p: Array, rng: np.random.Generator) -> list[int]:
    """The mistake: keep a draft token if and only if it is the target's favorite."""
    for i, x in enumerate(draft):
        if x != p[i].argmax():
            return [*draft[:i], int(rng.choice(p.shape[1], p=p[i]))]
    return [*draft, int(rng.choice(p.shape[1], p=p[-1]))]


# --8<-- [end:mistakes]


def from_target(
    draft: list[int], q: Array, p: Array, rng: np.random.Generator
) -> list[int]:
    """The smaller mistake: accept rightly, but resample from p instead of the residual."""
    for i, x in enumerate(draft):
        if rng.random() >= p[i, x] / q[i, x]:
            return [*draft[:i], int(rng.choice(p.shape[1], p=p[i]))]
    return [*draft, int(rng.choice(p.shape[1], p=p[-1]))]


def goodness(rule: Verify, texts: int, k: int = 3, seed: int = 0) -> tuple[float, float]:
    """Chi-square of sampled texts against the target's law, and its p-value."""
    target, draft = chains()
    rng = np.random.default_rng(seed)
    seen = Counter(
        tuple(generate(target, draft, 0, LENGTH, k, rng, rule)[0]) for _ in range(texts)
    )
    cells = list(itertools.product(range(len(target)), repeat=LENGTH))
    law = [np.prod([target[a, b] for a, b in itertools.pairwise((0, *c))]) for c in cells]
    result = chisquare([seen[c] for c in cells], np.array(law) * texts)
    return float(result.statistic), float(result.pvalue)


RULES = {
    "rejection sampling": verify,
    "accept by argmax": by_argmax,
    "resample from p": from_target,
}
TEXTS = 4000  # each of the 64 texts is then expected at least 4 times


def example_test() -> None:
    """Three rules on texts of three tokens: 64 cells, so 63 degrees of freedom."""
    print(f"{TEXTS:,d} texts{'chi-square':>21s}{'p-value':>12s}")
    for name, rule in RULES.items():
        statistic, p = goodness(rule, TEXTS)
        print(f"{name:20s}{statistic:12.1f}{p:12.1e}")


def facts() -> dict[str, str]:
    """Numbers that the page states about the test."""
    p = {name: goodness(rule, TEXTS)[1] for name, rule in RULES.items()}
    return {
        "p_right": f"{p['rejection sampling']:.2f}",
        "p_argmax": f"{p['accept by argmax']:.0e}",
        "p_resample": f"{p['resample from p']:.0e}",
    }


if __name__ == "__main__":
    example_test()
