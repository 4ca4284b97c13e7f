"""Blocks that keep a state of fixed size instead of keys and values."""

from __future__ import annotations

from snippets.shapes.blocks import vectors
from snippets.shapes.layers import Block, Part, Weights

FP32 = 4.0  # the library keeps these states in it, whatever the weights are in


# --8<-- [start:delta]
def delta_rule(
    hidden: int,
    key_heads: int,
    heads: int,  # of values, each with a state of its own
    key: int,
    value: int,
    kernel: int,
    norm: int = 0,
) -> Block:
    """Gated delta rule: a state of `key` times `value` numbers for each head."""
    keys, values = key_heads * key, heads * value
    conv = 2 * keys + values
    products = hidden * (2 * keys + 2 * values + 2 * heads) + values * hidden
    return Block(
        "delta rule",
        (
            Weights("mixer", products + conv * kernel),
            *vectors("norms and gates", norm + 2 * heads + value),
        ),
        state=(
            Part("convolution", conv * kernel),
            Part("state", heads * key * value, FP32),
        ),
        updates=3 * heads * key * value,  # read for the error, write, read for the query
    )


# --8<-- [end:delta]


def channel_delta_rule(
    hidden: int, heads: int, head_dim: int, kernel: int, norm: int = 0
) -> Block:
    """Kimi's delta attention: the gated delta rule with a decay for each channel."""
    wide = heads * head_dim
    products = hidden * (4 * wide + heads + 2 * head_dim) + 2 * head_dim * wide
    return Block(
        "delta rule",
        (
            Weights("mixer", products + 3 * wide * kernel),
            *vectors("norms and gates", norm + wide + heads + head_dim),
        ),
        state=(
            Part("convolution", 3 * wide * kernel),
            Part("state", wide * head_dim, FP32),
        ),
        updates=3 * wide * head_dim,
    )


def linear_attention(hidden: int, heads: int, head_dim: int, norm: int = 0) -> Block:
    """Lightning attention: outer products of keys and values, added up with a fixed decay."""
    wide = heads * head_dim
    return Block(
        "linear attention",
        (Weights("mixer", 5 * hidden * wide), *vectors("norms and gates", norm + wide)),
        state=(Part("state", wide * head_dim),),
        updates=2 * wide * head_dim,  # write, read
    )


def mamba1(
    hidden: int, inner: int, state: int, kernel: int, rank: int,
    bias: bool = False, conv_bias: bool = True, norm: int = 0,
) -> Block:  # fmt: skip
    """Selective state space as Jamba has it: a state for each channel, three small norms."""
    products = (
        hidden * 2 * inner + inner * (rank + 2 * state) + rank * inner + inner * hidden
    )
    small = bias * (2 * inner + hidden) + conv_bias * inner + 2 * inner + inner * state
    return Block(
        "state space",
        (
            Weights("mixer", products + inner * kernel),
            *vectors("norms and gates", norm + small + rank + 2 * state),
        ),
        state=(Part("convolution", inner * kernel), Part("state", inner * state, FP32)),
        updates=2 * inner * state,
    )


def mamba2(
    hidden: int, heads: int, head_dim: int, groups: int, state: int, kernel: int,
    bias: tuple[bool, bool] = (False, False), conv_bias: bool = True, normed: bool = True,
    norm: int = 0,
) -> Block:  # fmt: skip
    """Mamba-2: one decay for each head, `bias` of the projections in and out."""
    inner = heads * head_dim
    conv = inner + 2 * groups * state
    into = inner + conv + heads
    small = (
        bias[0] * into + bias[1] * hidden + conv_bias * conv + 3 * heads + normed * inner
    )
    return Block(
        "state space",
        (
            Weights("mixer", hidden * into + inner * hidden + conv * kernel),
            *vectors("norms and gates", norm + small),
        ),
        state=(Part("convolution", conv * kernel), Part("state", inner * state, FP32)),
        updates=2 * inner * state,
    )


def short_convolution(hidden: int, kernel: int, bias: bool = False, norm: int = 0) -> Block:
    """A gated convolution over the last `kernel` tokens."""
    return Block(
        "convolution",
        (
            Weights("mixer", 4 * hidden * hidden + hidden * kernel),
            *vectors("norms and gates", norm + bias * 5 * hidden),
        ),
        state=(Part("convolution", hidden * kernel),),
    )
