"""The law of what speculative decoding emits, by enumeration in exact fractions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from fractions import Fraction

Law = dict[tuple[int, ...], Fraction]
Chain = list[list[Fraction]]  # chain[x][y]: probability of y after x
Position = Callable[[list[Fraction], list[Fraction]], tuple[list[Fraction], list[Fraction]]]


def rejection(
    p: list[Fraction], q: list[Fraction]
) -> tuple[list[Fraction], list[Fraction]]:
    """Law of one position: for each token, P(drafted and kept), and P(put in after a rejection)."""
    accept = [
        min(Fraction(1), px / qx) if qx else Fraction(0)
        for px, qx in zip(p, q, strict=True)
    ]
    kept = [qx * ax for qx, ax in zip(q, accept, strict=True)]
    rejected = sum((qx * (1 - ax) for qx, ax in zip(q, accept, strict=True)), Fraction(0))
    missing = [max(Fraction(0), px - qx) for px, qx in zip(p, q, strict=True)]
    total = sum(missing, Fraction(0)) or Fraction(1)  # p = q: nothing is ever rejected
    return kept, [rejected * m / total for m in missing]


def step_law(
    target: Chain, draft: Chain, last: int, k: int, position: Position = rejection
) -> Law:
    """Every list of tokens that one step can emit after `last`, with its probability."""
    law: Law = defaultdict(Fraction)

    def walk(done: tuple[int, ...], probability: Fraction) -> None:
        state = done[-1] if done else last
        if len(done) == k:  # all kept: the bonus token comes from the target itself
            for x, px in enumerate(target[state]):
                law[*done, x] += probability * px
            return
        kept, refilled = position(target[state], draft[state])
        for x in range(len(target)):
            law[*done, x] += probability * refilled[x]  # ends the step
            walk((*done, x), probability * kept[x])

    walk((), Fraction(1))
    return {tokens: p for tokens, p in law.items() if p}


def text_law(step: Callable[[int], Law], start: int, length: int) -> Law:
    """Law of the first `length` tokens when steps follow each other."""
    done: Law = defaultdict(Fraction)
    unfinished: Law = {(start,): Fraction(1)}
    while unfinished:
        longer: Law = defaultdict(Fraction)
        for text, probability in unfinished.items():
            for tokens, p in step(text[-1]).items():
                whole = text + tokens
                place = done if len(whole) > length else longer
                place[whole[: length + 1]] += probability * p
        unfinished = longer
    return {text[1:]: p for text, p in done.items()}


def chain_law(chain: Chain, start: int, length: int) -> Law:
    """Law of `length` tokens sampled from the target alone."""
    return text_law(
        lambda last: {(x,): p for x, p in enumerate(chain[last]) if p}, start, length
    )


def distance(a: Law, b: Law) -> Fraction:
    """Total variation: the largest difference in probability that the laws give to any event."""
    return (
        sum(
            (abs(a.get(t, Fraction(0)) - b.get(t, Fraction(0))) for t in {*a, *b}),
            Fraction(0),
        )
        / 2
    )


def mean_length(law: Law) -> Fraction:
    """Mean number of tokens that a step emits."""
    return sum((len(tokens) * p for tokens, p in law.items()), Fraction(0))


def chains() -> tuple[Chain, Chain]:
    """A target and a draft over three tokens, in tenths."""
    target = [[1, 6, 3], [5, 2, 3], [7, 0, 3]]
    draft = [[3, 4, 3], [3, 3, 4], [4, 3, 3]]
    tenths = [
        [[Fraction(n, 10) for n in row] for row in chain] for chain in (target, draft)
    ]
    return tenths[0], tenths[1]
