"""Training planner: shapes of published models, and how many parameters each part has."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Shape:
    """A decoder as its paper or configuration gives it; zero where a model lacks the part."""

    layers: int
    hidden: int  # h
    heads: int  # query heads
    kv_heads: int
    head_dim: int  # of queries and keys, without the rotary part of a latent
    width: int  # of a dense feed-forward layer
    vocab: int
    gated: bool = True  # three matrices in a feed-forward layer instead of two
    tied: bool = False  # one matrix for embedding and output
    parallel: bool = False  # attention and feed-forward read the same input
    positions: int = 0  # learned ones
    biases: bool = False  # and layer norms with two vectors
    experts: int = 0  # routed, in a layer, of which `active` run for a token
    active: int = 0
    expert_width: int = 0
    shared: int = 0  # experts that always run
    dense_layers: int = 0  # first layers, without experts
    latent: int = 0  # MLA: width of the latent, of the rotary key, of the query's latent
    rope: int = 0
    query_latent: int = 0
    value_dim: int = 0


def gpt(layers: int, hidden: int, heads: int) -> Shape:
    """A GPT as Megatron's papers train it: sequences of 2,048, vocabulary of 51,200."""
    return Shape(
        layers, hidden, heads, heads, hidden // heads, 4 * hidden, 51_200,
        gated=False, tied=True, positions=2048, biases=True,
    )  # fmt: skip


# dubey2024llama3, chowdhery2022palm, korthikanti2022reducing, deepseek2024config
MODELS = {
    "Llama 3 8B": Shape(32, 4096, 32, 8, 128, 14_336, 128_256),
    "Llama 3 70B": Shape(80, 8192, 64, 8, 128, 28_672, 128_256),
    "Llama 3 405B": Shape(126, 16_384, 128, 8, 128, 53_248, 128_256),
    "GPT 22B": gpt(48, 6144, 64),
    "GPT-3 175B": gpt(96, 12_288, 96),
    "GPT 530B": gpt(105, 20_480, 128),
    "GPT 1T": gpt(128, 25_600, 160),
    "PaLM 540B": Shape(118, 18_432, 48, 1, 256, 73_728, 256_000, tied=True, parallel=True),
    "DeepSeek-V3": Shape(
        61, 7168, 128, 128, 128, 18_432, 129_280, experts=256, active=8, expert_width=2048,
        shared=1, dense_layers=3, latent=512, rope=64, query_latent=1536, value_dim=128,
    ),
}  # fmt: skip


def attention_params(m: Shape) -> int:
    """Parameters of one attention layer."""
    if m.latent:
        query = m.query_latent * (m.hidden + 1 + m.heads * (m.head_dim + m.rope))
        cached = m.hidden * (m.latent + m.rope) + m.latent
        rebuilt = m.latent * m.heads * (m.head_dim + m.value_dim)
        return query + cached + rebuilt + m.heads * m.value_dim * m.hidden
    queries, keys = m.heads * m.head_dim, m.kv_heads * m.head_dim
    return 2 * m.hidden * (queries + keys) + m.biases * (queries + 2 * keys + m.hidden)


def expert_params(m: Shape) -> int:
    """Parameters of one routed expert."""
    return 3 * m.hidden * m.expert_width


@cache  # a search asks very often
def layer_params(m: Shape, layer: int) -> tuple[int, int]:
    """Parameters of one layer: what every rank of its stage has, and routed experts."""
    norms = (1 if m.parallel else 2) * m.hidden * (2 if m.biases else 1)
    dense = attention_params(m) + norms
    if m.experts and layer >= m.dense_layers:
        router = m.hidden * m.experts
        return dense + router + m.shared * expert_params(m), m.experts * expert_params(m)
    matrices = 3 if m.gated else 2
    return dense + matrices * m.hidden * m.width + m.biases * (m.width + m.hidden), 0


def embedding_params(m: Shape) -> int:
    """Parameters of the embedding; the output layer has as many, without positions."""
    return (m.vocab + m.positions) * m.hidden


def parameters(m: Shape) -> int:
    """All parameters."""
    layers = sum(sum(layer_params(m, layer)) for layer in range(m.layers))
    output = 0 if m.tied else m.vocab * m.hidden
    return layers + embedding_params(m) + output + m.hidden * (2 if m.biases else 1)


def active_params(m: Shape, layer: int) -> float:
    """Parameters of one layer that a token is multiplied with."""
    dense, routed = layer_params(m, layer)
    return dense + routed * m.active / max(m.experts, 1)
