"""What switches cost: the same record, counted instead of run. Standard library only."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from itertools import groupby

from snippets.shapes.blocks import (
    attention,
    experts,
    feed_forward,
    latent_attention,
    vectors,
)
from snippets.shapes.counts import sequence_bytes, token_flops, weight_bytes
from snippets.shapes.layers import Block, Kind, Model, Weights
from snippets.transformers.modern_architectures.switches import Switches


def mixer(s: Switches, window: int | None) -> Block:
    """The attention of a layer, its norms included."""
    norms = s.hidden * (2 if s.sandwich else 1)
    if s.latent:
        return latent_attention(
            s.hidden, s.heads, s.head_dim, s.rotary, s.value_dim, s.latent, s.query_latent, norms
        )  # fmt: skip
    biases = s.biases * ((s.heads + 2 * s.kv_heads) * s.head_dim + s.hidden)
    other = norms + biases + s.sinks * s.heads + s.qk_norm * 2 * s.head_dim
    return attention(s.hidden, s.heads, s.kv_heads, s.head_dim, window, other)


def feed(s: Switches, layer: int) -> Block:
    """What follows attention in a layer, its norms included."""
    norms = s.hidden * (2 if s.sandwich else 1)
    if not s.experts or layer < s.dense_first:
        return feed_forward(s.hidden, s.width, norm=norms)
    return experts(
        s.hidden, s.expert_width, s.experts, s.used, s.shared * s.expert_width,
        norm=norms, biases=s.biases,
    )  # fmt: skip


# --8<-- [start:model]
def model(s: Switches) -> Model:
    """The layer kinds of these switches, to be counted by `snippets/shapes`."""
    windows = [s.pattern[i % len(s.pattern)] for i in range(s.layers)]
    layers = [(mixer(s, window), feed(s, i)) for i, window in enumerate(windows)]
    kinds = [Kind(layers.count(blocks), blocks) for blocks in dict.fromkeys(layers)]
    table = s.vocab * s.hidden
    ends = (Weights("output", table), *vectors("last norm", s.hidden))
    if not s.tied:
        ends = (Weights("embedding", table, multiplied=False), *ends)
    return Model("", tuple(kinds), ends)


# --8<-- [end:model]


@dataclass(frozen=True)
class Cost:
    """What a model takes: bytes of its weights in 16 bits, of one sequence, FLOPs of a token."""

    weights: float
    cache: float
    flops: float

    def __sub__(self, other: Cost) -> Cost:
        return Cost(
            self.weights - other.weights, self.cache - other.cache, self.flops - other.flops
        )


def cost(s: Switches, context: int) -> Cost:
    """The three costs at a context."""
    m = model(s)
    return Cost(weight_bytes(m), sequence_bytes(m, context), token_flops(m, context))


# What is decided together, in the order in which the walk changes it.
DECISIONS: dict[str, tuple[str, ...]] = {
    "layers": ("layers",),
    "width": ("hidden", "embed_scale"),
    "vocabulary": ("vocab",),
    "tied tables": ("tied",),
    "heads": (
        "heads", "kv_heads", "head_dim", "latent", "query_latent", "rotary", "value_dim",
        "adjacent", "scale",
    ),
    "feed-forward": (
        "width", "experts", "expert_width", "shared", "dense_first", "used", "fused",
    ),
    "biases": ("biases",),
    "windows": ("pattern", "local_theta"),
    "sinks": ("sinks",),
    "norms": ("sandwich", "qk_norm", "unit_norm", "eps"),
    "router": ("router", "normalized", "routed_scale", "groups"),
    "activation": ("activation", "limit"),
    "rotation": ("theta",),
}  # fmt: skip


@dataclass(frozen=True)
class Line:
    """One decision in which two models differ."""

    name: str
    before: tuple[object, ...]
    after: tuple[object, ...]
    cost: Cost
    fields: tuple[str, ...]


# --8<-- [start:differences]
def differences(a: Switches, b: Switches, context: int) -> Iterator[Line]:
    """Walk from one model to another, a decision at a time."""
    here = a
    for name, group in DECISIONS.items():
        differ = tuple(f for f in group if getattr(a, f) != getattr(b, f))
        if not differ:
            continue
        there = replace(here, **{f: getattr(b, f) for f in differ})
        step = cost(there, context) - cost(here, context)
        yield Line(
            name,
            tuple(getattr(a, f) for f in differ),
            tuple(getattr(b, f) for f in differ),
            step,
            differ,
        )
        here = there


# --8<-- [end:differences]


def undecided() -> set[str]:
    """Switches that no decision names: there are none."""
    return {f.name for f in fields(Switches)} - {f for g in DECISIONS.values() for f in g}


def runs(pattern: tuple[int | None, ...]) -> str:
    """A pattern of windows in words: 5 of 1,024, then 1 full."""
    parts = [(window, len(list(group))) for window, group in groupby(pattern)]
    return ", ".join(f"{n} × {f'{w:,}' if w else 'full'}" for w, n in parts)
