"""Three ways in which attention goes wrong without an exception."""

from __future__ import annotations

from math import log

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.nn.attention.bias import causal_lower_right

from snippets.transformers.attention.tiles import State, absorb, tensors

HIDDEN = float("-inf")


# scores: [..., keys], in fp16.
def naive_softmax(scores: Tensor) -> Tensor:
    """The mistake: exponentials of the scores as they are."""
    weights = scores.exp()
    return weights / weights.sum(-1, keepdim=True)


def example_overflow() -> None:
    """Eight keys in fp16, of which one scores higher than the others."""
    print("highest score   as they are   maximum subtracted")
    for highest in (8.0, 11.0, 12.0):
        scores = torch.zeros(8, dtype=torch.float16)
        scores[0] = highest
        both = naive_softmax(scores)[0].item(), scores.softmax(-1)[0].item()
        print(f"{highest:13.0f}{both[0]:14.4f}{both[1]:21.4f}")


# --8<-- [start:chunk]
def chunk_errors(new: int, keys: int = 6) -> dict[str, list[float]]:
    """Error of each new query for three masks, when the cache holds the earlier keys."""
    q, k, v, _ = (x[None, None] for x in tensors(keys))
    right = F.scaled_dot_product_attention(q, k, v, is_causal=True)[0, 0, -new:]
    q = q[:, :, -new:]
    got = {
        "is_causal=True": F.scaled_dot_product_attention(q, k, v, is_causal=True),
        "no mask": F.scaled_dot_product_attention(q, k, v),
        "causal_lower_right": F.scaled_dot_product_attention(
            q, k, v, causal_lower_right(new, keys)
        ),
    }
    return {name: (out[0, 0] - right).norm(dim=-1).tolist() for name, out in got.items()}


# --8<-- [end:chunk]


def example_chunks() -> None:
    """The last query, or the last two, against six keys."""
    print(f"{'mask':>18s}{'one query':>12s}{'first of two':>15s}{'second of two':>16s}")
    alone, pair = chunk_errors(1), chunk_errors(2)
    for name in alone:
        first, second = pair[name]
        print(f"{name:>18s}{alone[name][0]:12.2f}{first:15.2f}{second:16.2f}")


# --8<-- [start:guard]
def guarded(state: State, scores: Tensor, v: Tensor) -> State:
    """Take a tile in, even if a query has seen no key so far."""
    m, z, o = state
    m_new = torch.maximum(m, scores.amax(-1, keepdim=True))
    base = m_new.masked_fill(m_new == HIDDEN, 0.0)
    shrink, weights = (m - base).exp(), (scores - base).exp()
    return m_new, shrink * z + weights.sum(-1, keepdim=True), shrink * o + weights @ v


# --8<-- [end:guard]


def padded(take: object) -> Tensor:
    """Two tiles of keys, of which the first is padding: the output of one query."""
    assert callable(take)
    q, k, v, _ = tensors(8)
    scores = q[-1:] @ k.T
    scores[:, :4] = HIDDEN
    state = torch.full((1, 1), HIDDEN), torch.zeros(1, 1), torch.zeros(1, 16)
    for tile in (slice(0, 4), slice(4, 8)):
        state = take(state, scores[:, tile], v[tile])
    return state[2] / state[1]


def example_padding() -> None:
    """A query whose first tile of keys is padding."""
    print(
        f"absorb:  {padded(absorb).isnan().float().mean().item():.0%} of the output is NaN"
    )
    print(
        f"guarded: {padded(guarded).isnan().float().mean().item():.0%} of the output is NaN"
    )


def highest_score(dtype: torch.dtype) -> float:
    """The score above which an exponential overflows."""
    return log(torch.finfo(dtype).max)


def facts() -> dict[str, str]:
    """Numbers that the page states about overflow."""
    return {
        "fp16_largest": f"{torch.finfo(torch.float16).max:,.0f}",
        "fp16_score": f"{highest_score(torch.float16):.1f}",
        "bf16_score": f"{highest_score(torch.bfloat16):.1f}",
    }


if __name__ == "__main__":
    example_overflow()
    example_chunks()
    example_padding()
