"""Layer kinds: a decoder as a list of blocks, with what each weighs, keeps and multiplies."""

from __future__ import annotations

from dataclasses import dataclass


# --8<-- [start:records]
@dataclass(frozen=True)
class Weights:
    """Parameters stored alike: `copies` of `numbers`; a token meets `used` copies."""

    name: str
    numbers: int
    copies: int = 1
    used: int = 1
    multiplied: bool = True  # in a matrix product; False: looked up, added or scaled
    width: float | None = None  # bytes per number, where they differ from the model's


@dataclass(frozen=True)
class Part:
    """Numbers that stay in memory: keys, values, a latent, a state, scales."""

    name: str
    numbers: int
    width: float | None = None  # bytes per number, where the cache's type does not decide


@dataclass(frozen=True)
class Look:
    """What a query multiplies with each token that it looks back at."""

    name: str
    width: int  # multiply-adds for each pair of query and token
    reach: int | None = None  # tokens, itself included; None: all so far


# --8<-- [end:records]


# --8<-- [start:block]
@dataclass(frozen=True)
class Block:
    """A mixer of tokens or a feed-forward, as its configuration gives it."""

    name: str
    weights: tuple[Weights, ...]
    cache: tuple[Part, ...] = ()  # what a token adds
    window: int | None = None  # tokens that the cache keeps; None: all
    state: tuple[Part, ...] = ()  # what a sequence keeps, whatever its length
    looks: tuple[Look, ...] = ()
    updates: int = 0  # multiply-adds of a token with the state


@dataclass(frozen=True)
class Kind:
    """So many layers of equal blocks."""

    count: int
    blocks: tuple[Block, ...]


# --8<-- [end:block]

Layers = list[tuple[Block, ...]]  # the blocks of each layer


@dataclass(frozen=True)
class Model:
    """A decoder: its layer kinds, and what stands before and after them."""

    name: str
    kinds: tuple[Kind, ...]
    ends: tuple[Weights, ...]  # embedding, positions, output, last norm
    drafts: tuple[
        Kind, ...
    ] = ()  # layers for multi-token prediction, in the checkpoint besides
    width: float = 2.0  # bytes per number
    notes: tuple[str, ...] = ()  # what the configuration left open, and what was assumed
