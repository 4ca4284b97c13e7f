"""Speculative decoding: draft k tokens, keep what the target would have said, and never change its law."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Verify = Callable[[list[int], Array, Array, np.random.Generator], list[int]]


# --8<-- [start:verify]
def residual(p: Array, q: Array) -> Array:
    """What the target gives more often than the draft: norm(max(0, p - q)); p, q: [V]."""
    missing = np.maximum(p - q, 0.0)
    return missing / missing.sum()


def verify(draft: list[int], q: Array, p: Array, rng: np.random.Generator) -> list[int]:
    """Keep a prefix of the draft, and add one token: 1 to k + 1 tokens.

    Args:
        draft: k tokens, sampled one after another from the rows of `q`.
        q: [k, V] the laws they were sampled from, in fact and not in theory.
        p: [k + 1, V] the target's laws at the same positions, from one pass.
        rng: Source of randomness.

    Source: Leviathan et al. 2023, algorithm 1.
    """
    for i, x in enumerate(draft):
        if rng.random() >= p[i, x] / q[i, x]:  # rejected: the rest of the draft is void
            return [*draft[:i], int(rng.choice(p.shape[1], p=residual(p[i], q[i])))]
    return [*draft, int(rng.choice(p.shape[1], p=p[-1]))]  # the bonus token


# --8<-- [end:verify]


def generate(
    target: Array, draft: Array, start: int, tokens: int, k: int,
    rng: np.random.Generator, rule: Verify = verify,
) -> tuple[list[int], int]:  # fmt: skip
    """Sample from a Markov chain with the help of another; returns tokens and target passes.

    Args:
        target: [V, V] law of the next token after each token.
        draft: [V, V] the same of the draft.
        start: The token before the first one.
        tokens: Tokens to return.
        k: Draft length.
        rng: Source of randomness.
        rule: What to keep of a draft.
    """
    out, passes = [start], 0
    while len(out) <= tokens:
        guess: list[int] = []
        for _ in range(k):  # k small steps, one after another
            guess.append(int(rng.choice(len(draft), p=draft[[*out, *guess][-1]])))
        states = [out[-1], *guess]
        out += rule(guess, draft[states[:-1]], target[states], rng)  # one pass for all
        passes += 1
    return out[1 : tokens + 1], passes


def acceptance(p: Array, q: Array) -> float:
    """Probability that one draft token is kept: the overlap of the two laws."""
    return float(np.minimum(p, q).sum())


def chains() -> tuple[Array, Array]:
    """A target and a draft over four tokens: [V, V] each; the draft is the target, blurred and biased."""
    target = np.array([
        [0.10, 0.60, 0.20, 0.10],
        [0.30, 0.10, 0.50, 0.10],
        [0.25, 0.25, 0.10, 0.40],
        [0.70, 0.10, 0.10, 0.10],
    ])  # fmt: skip
    draft = np.array([
        [0.25, 0.40, 0.25, 0.10],
        [0.20, 0.20, 0.30, 0.30],
        [0.25, 0.25, 0.25, 0.25],
        [0.34, 0.22, 0.22, 0.22],
    ])  # fmt: skip
    return target, draft


def example_step() -> None:
    """One position, token by token: kept, refilled, and together."""
    target, draft = chains()
    p, q = target[0], draft[0]
    kept = np.minimum(p, q)
    refilled = (1 - kept.sum()) * residual(p, q)
    print(
        f"{'token':>5s}{'target p':>10s}{'draft q':>9s}{'kept':>7s}{'refilled':>10s}{'sum':>6s}"
    )
    for x in range(4):
        print(
            f"{x:5d}{p[x]:10.2f}{q[x]:9.2f}{kept[x]:7.2f}{refilled[x]:10.2f}{kept[x] + refilled[x]:6.2f}"
        )
    print(
        f"{'all':>5s}{p.sum():10.2f}{q.sum():9.2f}{kept.sum():7.2f}{refilled.sum():10.2f}{1:6.2f}"
    )


def example_greedy() -> None:
    """The same draft model, sampled and asked for its favorite: which draft is kept more often?"""
    print(f"{'after token':>11s}{'sampled: overlap':>18s}{'favorite: p of it':>19s}")
    for state, (p, q) in enumerate(zip(*chains(), strict=True)):
        one_hot = np.eye(len(q))[q.argmax()]  # the law of a draft that takes its favorite
        print(f"{state:11d}{acceptance(p, q):18.2f}{acceptance(p, one_hot):19.2f}")


if __name__ == "__main__":
    example_step()
    example_greedy()
