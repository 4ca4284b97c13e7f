"""Speculative decoding: three rules that look right, and how far each takes the text from the target's law."""

from __future__ import annotations

from fractions import Fraction

from snippets.inference.speculative_decoding.enumeration import (
    Position,
    chain_law,
    chains,
    distance,
    rejection,
    step_law,
    text_law,
)


def by_argmax(
    p: list[Fraction], q: list[Fraction]
) -> tuple[list[Fraction], list[Fraction]]:
    """The mistake: keep a draft token if it is the target's favorite, else sample the target."""
    favorite = p.index(max(p))
    kept = [qx if x == favorite else Fraction(0) for x, qx in enumerate(q)]
    return kept, [(1 - q[favorite]) * px for px in p]


def from_target(
    p: list[Fraction], q: list[Fraction]
) -> tuple[list[Fraction], list[Fraction]]:
    """The smaller mistake: accept rightly, but resample from p instead of the residual."""
    kept, refilled = rejection(p, q)
    return kept, [sum(refilled, Fraction(0)) * px for px in p]


def greedy_unreported(
    p: list[Fraction], q: list[Fraction]
) -> tuple[list[Fraction], list[Fraction]]:
    """The draft takes its favorite, but is verified as if it had been sampled from q."""
    x = q.index(max(q))
    accept = min(Fraction(1), p[x] / q[x])
    missing = [max(Fraction(0), px - qx) for px, qx in zip(p, q, strict=True)]
    total = sum(missing, Fraction(0)) or Fraction(1)
    return [accept * (y == x) for y in range(len(q))], [
        (1 - accept) * m / total for m in missing
    ]


RULES: dict[str, Position] = {
    "rejection sampling": rejection,
    "accept by argmax": by_argmax,
    "resample from p": from_target,
    "greedy draft, q given": greedy_unreported,
}


def example_laws() -> None:
    """Distance from the target's law of five tokens, for four rules and four draft lengths."""
    target, draft = chains()
    right = chain_law(target, 0, 5)
    print(f"{'rule':22s}" + "".join(f"{f'k = {k}':>11s}" for k in (1, 2, 3, 4)))
    for name, rule in RULES.items():
        line = f"{name:22s}"
        for k in (1, 2, 3, 4):
            steps = {x: step_law(target, draft, x, k, rule) for x in range(len(target))}
            d = distance(right, text_law(steps.__getitem__, 0, 5))
            line += f"{'exactly 0' if d == 0 else f'{float(d):.4f}':>11s}"
        print(line)


def facts() -> dict[str, str]:
    """Numbers that the page states about exactness."""
    return {"texts": f"{len(chain_law(chains()[0], 0, 5))}"}


if __name__ == "__main__":
    example_laws()
