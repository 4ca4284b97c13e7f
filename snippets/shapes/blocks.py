"""Blocks of decoders from their widths: attention, latent attention, feed-forward, experts."""

from __future__ import annotations

from dataclasses import replace

from snippets.shapes.layers import Block, Look, Part, Weights


def vectors(name: str, numbers: int, copies: int = 1, used: int = 1) -> tuple[Weights, ...]:
    """Norms, biases and the like, which no matrix product sees; nothing for no numbers."""
    group = Weights(name, numbers, copies, used, multiplied=False)
    return (group,) if numbers else ()


# --8<-- [start:attention]
def attention(
    hidden: int,
    heads: int,
    kv_heads: int,
    head_dim: int,
    window: int | None = None,
    other: int = 0,  # numbers of norms, biases and sinks
    gated: bool = False,  # a gate for each number of the output
) -> Block:
    """Attention with `heads` queries on `kv_heads` keys and values."""
    queries, keys = heads * head_dim, kv_heads * head_dim
    products = hidden * (queries * (3 if gated else 2) + 2 * keys)
    return Block(
        "window" if window else "attention",
        (Weights("attention", products), *vectors("norms and biases", other)),
        cache=(Part("keys", keys), Part("values", keys)),
        window=window,
        looks=(Look("scores and mix", 2 * queries, window),),
    )


# --8<-- [end:attention]


def latent_attention(
    hidden: int,
    heads: int,
    key: int,  # of a head, without the rotary part
    rotary: int,
    value: int,  # of a head
    latent: int,
    query_latent: int | None = None,
    other: int = 0,
    index: tuple[int, int, int] | None = None,  # heads, width, tokens that are kept
) -> Block:
    """Multi-head latent attention, of all tokens or of those that an indexer picks."""
    queries = heads * (key + rotary)
    asked = query_latent * (hidden + queries) if query_latent else hidden * queries
    rebuilt = latent * heads * (key + value)
    products = asked + hidden * (latent + rotary) + rebuilt + heads * value * hidden
    norms = latent + (query_latent or 0) + other
    weights = [Weights("attention", products)]
    cache = [Part("latent", latent), Part("rotary key", rotary)]
    look = Look(
        "scores and mix", heads * (key + rotary + value), index[2] if index else None
    )
    looks = [look]
    if index:
        index_heads, width, _ = index
        weights.append(
            Weights(
                "indexer",
                index_heads * width * (query_latent or hidden)
                + hidden * (width + index_heads),
            )
        )
        norms += 2 * width  # a LayerNorm
        cache.append(Part("indexer", width))
        looks.append(Look("indexer", index_heads * width))
    return Block(
        "latent attention",
        (*weights, *vectors("norms and biases", norms)),
        tuple(cache),
        looks=tuple(looks),
    )


def feed_forward(
    hidden: int, width: int, gated: bool = True, bias: bool = False, norm: int = 0
) -> Block:
    """A dense feed-forward layer: three matrices if it is gated, else two."""
    into = 2 if gated else 1
    biases = bias * (into * width + hidden)
    return Block(
        "dense",
        (
            Weights("feed-forward", (into + 1) * hidden * width),
            *vectors("norms and biases", norm + biases),
        ),
    )


def experts(
    hidden: int,
    width: int,
    count: int,
    used: int,
    shared: int = 0,  # width of all experts that always run
    gated: bool = True,
    norm: int = 0,
    biases: bool = False,  # of router and experts
    inner: int
    | None = None,  # width of what an expert reads, where it is not the hidden one
) -> Block:
    """A router, `count` experts of which a token meets `used`, and shared ones."""
    into = 2 if gated else 1
    read = inner or hidden
    weights = [Weights("router", hidden * count)]
    weights += [Weights("experts", (into + 1) * read * width, count, used)]
    if inner:
        weights.append(Weights("latent of the experts", 2 * hidden * inner))
    if shared:
        weights.append(Weights("shared experts", (into + 1) * hidden * shared))
    more = vectors("biases of the experts", biases * (into * width + read), count, used)
    return Block(
        "experts", (*weights, *vectors("norms and biases", norm + biases * count), *more)
    )


def plus(block: Block, *weights: Weights) -> Block:
    """The block with more weights."""
    return replace(block, weights=block.weights + weights)


def widths(block: Block, wide: dict[str, float]) -> Block:
    """The block with the bytes per number of the groups that are named."""
    groups = (replace(w, width=wide.get(w.name, w.width)) for w in block.weights)
    return replace(block, weights=tuple(groups))


def scaled(block: Block, width: float, group: int, scale: float = 4.0) -> Block:
    """The block with a quantized cache: `scale` bytes for scale and zero point of each group."""
    parts = [
        (replace(p, width=width), Part(f"scales of {p.name}", p.numbers // group, scale))
        for p in block.cache
    ]
    return replace(block, cache=tuple(part for pair in parts for part in pair))
