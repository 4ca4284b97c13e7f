"""One changed token, traced to the one addition that changes it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from snippets.transformers.attention.decoder import (
    HEAD_DIM,
    HEADS,
    Decoder,
    Watch,
    decode,
    decoder,
    prefill,
    prompts,
)
from snippets.transformers.attention.splits import even_sizes, partial

CASE = (9, 163)  # model and prompt, found by a search for a token that one number changes


def token(m: Decoder, prompt: Tensor, splits: int = 1, watch: Watch | None = None) -> int:
    """The next greedy token of one prompt."""
    return int(decode(m, prompt, prefill(m, prompt), splits, watch=watch).argmax())


def first_layer(m: Decoder, prompt: Tensor, splits: int) -> list[Tensor]:
    """Query, keys, values and output of layer 0 for the last token."""
    seen: list[Tensor] = []

    def watch(layer: int, *tensors: Tensor) -> None:
        if layer == 0:
            seen.extend(x.clone() for x in tensors)

    token(m, prompt, splits, watch)
    return seen


# --8<-- [start:culprits]
def suffices(m: Decoder, prompt: Tensor, head: int, channel: int, value: Tensor) -> bool:
    """Whether this number alone turns the token of one split into that of two."""

    def swap(layer: int, q: Tensor, k: Tensor, v: Tensor, out: Tensor) -> None:
        if layer == 0:
            out[0, head, 0, channel] = value

    return token(m, prompt, watch=swap) == token(m, prompt, splits=2) != token(m, prompt)


def culprits(m: Decoder, prompt: Tensor) -> dict[tuple[int, int], bool]:
    """Head and channel of each number of layer 0 that two splits change: is it enough?"""
    one, two = (first_layer(m, prompt, n)[-1] for n in (1, 2))  # [1, H, 1, d]
    return {
        (head, channel): suffices(m, prompt, head, channel, two[0, head, 0, channel])
        for _, head, _, channel in (one != two).nonzero().tolist()
    }


# --8<-- [end:culprits]


@dataclass(frozen=True)
class Addition:
    """One output number: exact, with one split, and as the sum of two splits."""

    exact: float
    one: float
    addends: tuple[float, float]
    two: float


def addition(m: Decoder, prompt: Tensor, head: int, channel: int) -> Addition:
    """What is added for one output number of layer 0."""
    q, k, v, one = (x[0, head] for x in first_layer(m, prompt, 1))  # [1, d], [S, d], ...
    exact = (q @ k.T * q.shape[-1] ** -0.5).softmax(-1) @ v
    sizes = even_sizes(len(k), 2)
    parts = [partial(q, *part) for part in zip(k.split(sizes), v.split(sizes), strict=True)]
    lse = torch.cat([stat for _, stat in parts])  # [2, 1]
    weights = (lse - lse.logsumexp(0)).exp()
    a, b = (
        float(w * out[0, channel].bfloat16())
        for w, (out, _) in zip(weights, parts, strict=True)
    )
    two = first_layer(m, prompt, 2)[-1][0, head]
    return Addition(
        float(exact[0, channel]), float(one[0, channel]), (a, b), float(two[0, channel])
    )


def case() -> tuple[Decoder, Tensor]:
    """The model and the prompt that the page follows."""
    seed, index = CASE
    return decoder(seed), prompts(seed)[index : index + 1]


def example_trace() -> None:
    """One prompt: each changed number of layer 0 put alone into the run with one split."""
    m, prompt = case()
    found = culprits(m, prompt)
    places = [place for place, enough in found.items() if enough]
    a = addition(m, prompt, *places[0])
    print(f"next token: {token(m, prompt)} with one split, {token(m, prompt, 2)} with two")
    print(
        f"layer 0: {len(found)} of {HEADS * HEAD_DIM} numbers differ, {len(places)} is enough"
    )
    print(f"  exact       {a.exact:.6f}")
    print(f"  one split   {a.one:.6f}")
    print(f"  two splits  {a.addends[0]:.6f} + {a.addends[1]:.6f} = {sum(a.addends):.6f}")
    print(f"  stored as   {a.two:.6f}")


def spacing() -> float:
    """Distance of the two numbers in bf16 between which the page's addition decides."""
    m, prompt = case()
    one, two = (first_layer(m, prompt, n)[-1].flatten() for n in (1, 2))
    place = next(place for place, enough in culprits(m, prompt).items() if enough)
    index = place[0] * HEAD_DIM + place[1]
    return abs(float(two[index] - one[index]))


def facts() -> dict[str, str]:
    """Numbers that the page states about the changed token."""
    return {"spacing": f"{spacing():.6f}"}


if __name__ == "__main__":
    example_trace()
