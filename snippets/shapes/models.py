"""Shapes of published decoders, and what follows from a shape: parameters and cached bytes."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache


@dataclass(frozen=True)
class Shape:
    """A decoder as its paper or configuration gives it; zero where a model lacks the part."""

    layers: int
    hidden: int  # h, width of the residual stream
    heads: int  # H, query heads
    kv_heads: int  # K, key/value heads
    head_dim: int  # d, of queries and keys, without the rotary part of a latent
    width: int  # of a dense feed-forward layer
    vocab: int
    experts: int = 0  # routed experts in a layer, of which `active` run for a token
    active: int = 0
    expert_width: int = 0
    shared: int = 0  # experts that always run
    dense_layers: int = 0  # first layers, without experts
    latent: int = 0  # MLA: width of the cached latent
    rope: int = 0  # MLA: width of the cached rotary key
    query_latent: int = 0
    value_dim: int = 0
    window: int = 0  # tokens that a sliding-window layer looks back
    window_layers: int = 0
    gated: bool = True  # three matrices in a feed-forward layer instead of two
    tied: bool = False  # one matrix for embedding and output
    parallel: bool = False  # attention and feed-forward read the same input
    positions: int = 0  # learned ones
    biases: bool = False  # of every linear layer
    layer_norm: bool = False  # two vectors in a norm instead of one
    sinks: bool = False  # one number for each query head
    qk_norm: bool = False


def gpt(layers: int, hidden: int, heads: int) -> Shape:
    """A GPT as Megatron's papers train it: sequences of 2,048, vocabulary of 51,200."""
    return Shape(
        layers, hidden, heads, heads, hidden // heads, 4 * hidden, 51_200,
        gated=False, tied=True, positions=2048, biases=True, layer_norm=True,
    )  # fmt: skip


# dubey2024llama3, lightning2026litgpt (Qwen3, Mixtral), deepseek2024config, openai2025gptoss,
# chowdhery2022palm, korthikanti2022reducing (GPT)
MODELS = {
    "Llama 3 8B": Shape(32, 4096, 32, 8, 128, 14_336, 128_256),
    "Llama 3 70B": Shape(80, 8192, 64, 8, 128, 28_672, 128_256),
    "Llama 3 405B": Shape(126, 16_384, 128, 8, 128, 53_248, 128_256),
    "Qwen3 32B": Shape(64, 5120, 64, 8, 128, 25_600, 151_936, qk_norm=True),
    "Qwen3 235B-A22B": Shape(
        94, 4096, 64, 4, 128, 0, 151_936, 128, 8, 1536, qk_norm=True
    ),
    "Mixtral 8x7B": Shape(32, 4096, 32, 8, 128, 0, 32_000, 8, 2, 14_336),
    "DeepSeek-V3": Shape(
        61, 7168, 128, 128, 128, 18_432, 129_280, 256, 8, 2048, 1, 3,
        latent=512, rope=64, query_latent=1536, value_dim=128,
    ),
    "gpt-oss-120b": Shape(
        36, 2880, 64, 8, 64, 0, 201_088, 128, 4, 2880,
        window=128, window_layers=18, biases=True, sinks=True,
    ),
    "GPT 22B": gpt(48, 6144, 64),
    "GPT-3 175B": gpt(96, 12_288, 96),
    "GPT 530B": gpt(105, 20_480, 128),
    "GPT 1T": gpt(128, 25_600, 160),
    "PaLM 540B": Shape(118, 18_432, 48, 1, 256, 73_728, 256_000, tied=True, parallel=True),
}  # fmt: skip


def attention_params(m: Shape) -> int:
    """Parameters of one attention layer."""
    if m.latent:
        query = m.query_latent * (m.hidden + 1 + m.heads * (m.head_dim + m.rope))
        cached = m.hidden * (m.latent + m.rope) + m.latent
        rebuilt = m.latent * m.heads * (m.head_dim + m.value_dim)
        return query + cached + rebuilt + m.heads * m.value_dim * m.hidden
    queries, keys = m.heads * m.head_dim, m.kv_heads * m.head_dim
    biases = m.biases * (queries + 2 * keys + m.hidden) + m.sinks * m.heads
    return 2 * m.hidden * (queries + keys) + biases + m.qk_norm * 2 * m.head_dim


def feed_forward_params(m: Shape, width: int) -> int:
    """Parameters of one feed-forward layer, or of one expert, of this width."""
    into = 2 if m.gated else 1  # matrices from h to the width; one leads back
    return (into + 1) * m.hidden * width + m.biases * (into * width + m.hidden)


def expert_params(m: Shape) -> int:
    """Parameters of one routed expert."""
    return feed_forward_params(m, m.expert_width)


@cache  # a search asks very often
def layer_params(m: Shape, layer: int) -> tuple[int, int]:
    """Parameters of one layer: what every rank of its stage has, and routed experts."""
    norms = (1 if m.parallel else 2) * m.hidden * (2 if m.layer_norm else 1)
    dense = attention_params(m) + norms
    if m.experts and layer >= m.dense_layers:
        router = (m.hidden + m.biases) * m.experts
        return dense + router + m.shared * expert_params(m), m.experts * expert_params(m)
    return dense + feed_forward_params(m, m.width), 0


def embedding_params(m: Shape) -> int:
    """Parameters of the embedding; the output layer has as many, without positions."""
    return (m.vocab + m.positions) * m.hidden


@cache
def parameters(m: Shape, routed: int | None = None) -> int:
    """Parameters, of all experts or of only `routed` in each layer that has any."""
    layers = [layer_params(m, layer) for layer in range(m.layers)]
    share = (m.experts if routed is None else routed) * expert_params(m)
    body = sum(dense + (share if experts else 0) for dense, experts in layers)
    output = 0 if m.tied else m.vocab * m.hidden
    return body + embedding_params(m) + output + m.hidden * (2 if m.layer_norm else 1)


def active_params(m: Shape) -> int:
    """Parameters that one token is multiplied with; an embedding is only looked up."""
    looked_up = m.positions * m.hidden + (0 if m.tied else m.vocab * m.hidden)
    return parameters(m, m.active) - looked_up


def active_layer_params(m: Shape, layer: int) -> float:
    """Parameters of one layer that a token is multiplied with."""
    dense, routed = layer_params(m, layer)
    return dense + routed * m.active / max(m.experts, 1)


def cache_bytes(m: Shape, context: int, width: float = 2.0) -> float:
    """Bytes that one sequence of `context` tokens keeps, `width` bytes a number."""
    if m.latent:
        return m.layers * (m.latent + m.rope) * context * width
    full = (m.layers - m.window_layers) * context
    kept = full + m.window_layers * min(m.window, context)
    return 2 * m.kv_heads * m.head_dim * kept * width
