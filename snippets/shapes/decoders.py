"""Families of decoders with keys and values: which fields they have, and which blocks these mean."""

from __future__ import annotations

from dataclasses import dataclass

from snippets.shapes.blocks import attention, experts, feed_forward
from snippets.shapes.fields import ConfigError, Fields
from snippets.shapes.layers import Block, Layers
from snippets.shapes.mixtures import feeds


@dataclass(frozen=True)
class Traits:
    """In what a family differs from Llama."""

    bias: bool | None = (
        None  # of queries, keys and values; None: the field `attention_bias` says
    )
    out_bias: bool | None = None
    qk_norm: str = ""  # "head": one vector for all heads; "all": one for all heads' numbers
    norms: int = 2  # vectors of the hidden width in a layer
    head_dim: int | None = None  # None: hidden width over heads
    window: int | None = None  # if `sliding_window` is not given
    pattern: int = 0  # one full layer in so many; 0: all layers alike
    feed: str = "dense"


TRAITS = {
    "llama": Traits(),
    "mistral": Traits(bias=False, out_bias=False, window=4096, pattern=-1),
    "mixtral": Traits(bias=False, out_bias=False, pattern=-1, feed="local"),
    "qwen2": Traits(bias=True, out_bias=False, pattern=-2),
    "qwen3": Traits(qk_norm="head", head_dim=128, pattern=-2),
    "qwen3_moe": Traits(qk_norm="head", pattern=-2, feed="sparse"),
    "olmo2": Traits(qk_norm="all"),
    "olmo3": Traits(qk_norm="all", window=4096, pattern=4),
    "olmoe": Traits(qk_norm="all", feed="local"),
    "phi3": Traits(bias=False, out_bias=False, pattern=-1),
    "gemma2": Traits(norms=4, head_dim=256, window=4096, pattern=2),
    "gemma3_text": Traits(norms=4, qk_norm="head", head_dim=256, window=4096, pattern=6),
    "cohere2": Traits(norms=1, window=4096, pattern=4),
    "minimax_m2": Traits(bias=False, out_bias=False, qk_norm="all", feed="local"),
    "glm4_moe": Traits(out_bias=False, feed="routed"),
}  # fmt: skip


def gpt2(f: Fields) -> Layers:
    """GPT-2: learned positions, a bias in every linear layer, LayerNorm."""
    hidden, heads = f.size("n_embd"), f.size("n_head")
    width = f.optional("n_inner") or 4 * hidden
    mixer = attention(hidden, heads, heads, hidden // heads, other=4 * hidden + 2 * hidden)
    return [
        (mixer, feed_forward(hidden, width, gated=False, bias=True, norm=2 * hidden))
    ] * f.size("n_layer")


def windows(f: Fields, traits: Traits) -> list[int | None]:
    """The window of each layer: of all, of those that `layer_types` names, or of none."""
    count = f.size("num_hidden_layers")
    if traits.pattern == 0:
        return [None] * count
    if traits.pattern == -2 and not f.get("use_sliding_window", False):
        f.ignore("sliding_window", "max_window_layers")
        return [None] * count
    window = f.optional("sliding_window", traits.window)
    if traits.pattern == -1 or window is None:
        return [window] * count
    if traits.pattern == -2:
        full = f.get("max_window_layers", count)
        assumed = [
            "full_attention" if i < full else "sliding_attention" for i in range(count)
        ]
    else:
        every = (
            1
            if f.given("layer_types")
            else f.optional("sliding_window_pattern", traits.pattern)
        )
        assumed = [
            "sliding_attention" if (i + 1) % every else "full_attention"
            for i in range(count)
        ]
    kinds = f.layers("layer_types", count, assumed, "the pattern of the family")
    return [window if kind == "sliding_attention" else None for kind in kinds]


def mixer(f: Fields, traits: Traits, window: int | None) -> Block:
    """One attention layer, its norms included."""
    hidden, heads = f.size("hidden_size"), f.size("num_attention_heads")
    kv_heads = f.get("num_key_value_heads", heads, "as many as query heads")
    quotient = "" if traits.head_dim else "`hidden_size` over `num_attention_heads`"
    head_dim = f.get("head_dim", traits.head_dim or hidden // heads, quotient)
    queries, keys = heads * head_dim, kv_heads * head_dim
    given = f.get("attention_bias", False) if traits.bias is None else False
    other = (traits.bias or given) * (queries + 2 * keys)
    other += (given if traits.out_bias is None else traits.out_bias) * hidden
    norm = traits.qk_norm
    if f.family == "glm4_moe" and f.get("use_qk_norm", False):
        norm = "head"
    other += {"head": 2 * head_dim, "all": queries + keys, "": 0}[norm]
    return attention(
        hidden, heads, kv_heads, head_dim, window, other + (traits.norms + 1) // 2 * hidden
    )


def plain_decoder(f: Fields) -> Layers:
    """A family of `TRAITS`."""
    traits, norm = TRAITS[f.family], TRAITS[f.family].norms // 2 * f.size("hidden_size")
    seen = windows(f, traits)
    mixers = {window: mixer(f, traits, window) for window in seen}
    return [
        (mixers[w], feed) for w, feed in zip(seen, feeds(f, traits.feed, norm), strict=True)
    ]


def gpt_oss(f: Fields) -> Layers:
    """gpt-oss: windows in alternation, a bias in every linear layer, a sink for each query head."""
    hidden, heads = f.size("hidden_size"), f.size("num_attention_heads")
    count = f.size("num_hidden_layers")
    if not f.get("attention_bias", True):
        raise ConfigError("`attention_bias` is false: no gpt_oss is known without.")
    kv_heads, head_dim = f.size("num_key_value_heads"), f.get("head_dim", 64)
    window = f.optional("sliding_window", 128)
    assumed = [
        "sliding_attention" if (i + 1) % 2 else "full_attention" for i in range(count)
    ]
    kinds = f.layers("layer_types", count, assumed, "the pattern of the family")
    other = (heads + 2 * kv_heads) * head_dim + 2 * hidden + heads
    mixers = {
        kind: attention(hidden, heads, kv_heads, head_dim, span, other)
        for kind, span in (("sliding_attention", window), ("full_attention", None))
    }
    used = f.size("num_experts_per_tok", "experts_per_token")
    mixture = experts(
        hidden,
        f.size("intermediate_size"),
        f.size("num_local_experts", "num_experts"),
        used,
        norm=hidden,
        biases=True,
    )
    return [(mixers[kind], mixture) for kind in kinds]
