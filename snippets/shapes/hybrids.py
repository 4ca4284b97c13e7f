"""Families with latents, states, or both, some beside layers of keys and values."""

from __future__ import annotations

from snippets.shapes.blocks import attention, feed_forward
from snippets.shapes.fields import Fields
from snippets.shapes.latents import latent
from snippets.shapes.layers import Block, Layers
from snippets.shapes.mixtures import local, routed, sparse
from snippets.shapes.recurrences import (
    channel_delta_rule,
    delta_rule,
    linear_attention,
    short_convolution,
)

LINEAR = "linear_attention"


def grouped(f: Fields, count: int, usual: int) -> list[str]:
    """Layers of a hybrid: one full layer in so many, the others with a state."""
    every = 1 if f.given("layer_types") else f.optional("full_attention_interval", usual)
    assumed = [LINEAR if (i + 1) % every else "full_attention" for i in range(count)]
    return f.layers("layer_types", count, assumed, "the pattern of the family")


def full(
    f: Fields,
    gated: bool = False,
    qk_norm: bool = False,
    head_dim: int = 0,
    biased: bool = False,
) -> Block:
    """A full attention layer of a hybrid, with the norm before it."""
    hidden, heads = f.size("hidden_size"), f.size("num_attention_heads")
    kv_heads = f.get("num_key_value_heads", heads, "as many as query heads")
    width = f.get("head_dim", head_dim or hidden // heads)
    numbers = (heads * (2 if gated else 1) + 2 * kv_heads) * width + hidden
    bias = numbers if biased and f.get("attention_bias", False) else 0
    other = hidden + bias + 2 * width * qk_norm
    return attention(hidden, heads, kv_heads, width, other=other, gated=gated)


def qwen3_next(f: Fields) -> Layers:
    """Qwen3-Next and 3.5: three gated delta rules, then gated attention."""
    hidden, count = f.size("hidden_size"), f.size("num_hidden_layers")
    mixers = {
        "full_attention": full(f, gated=True, qk_norm=True, head_dim=256, biased=True),
        LINEAR: delta_rule(
            hidden, f.size("linear_num_key_heads"), f.size("linear_num_value_heads"),
            f.size("linear_key_head_dim"), f.size("linear_value_head_dim"),
            f.size("linear_conv_kernel_dim"), norm=hidden,
        ),
    }  # fmt: skip
    if f.family == "qwen3_5_text":
        feeds = [feed_forward(hidden, f.size("intermediate_size"), norm=hidden)] * count
    else:
        feeds = sparse(f, hidden, shared=True)
    kinds = grouped(f, count, 4)
    return [(mixers[kind], feed) for kind, feed in zip(kinds, feeds, strict=True)]


def kimi_linear(f: Fields) -> Layers:
    """Kimi Linear: delta rules with a decay for each channel, and latents without rotation."""
    hidden, count = f.size("hidden_size"), f.size("num_hidden_layers")
    inner = f.optional("linear_attn_config", {}) or {}
    f.config = {**f.config, **{f"linear_{name}": value for name, value in inner.items()}}
    f.ignore("linear_full_attn_layers", "linear_kda_layers")
    delta = channel_delta_rule(
        hidden, f.size("linear_num_heads"), f.size("linear_head_dim"),
        f.size("linear_conv_kernel_dim", "linear_short_conv_kernel_size"), norm=hidden,
    )  # fmt: skip
    if full_layers := inner.get("full_attn_layers"):  # the authors count from one
        kinds = ["full_attention" if i + 1 in full_layers else LINEAR for i in range(count)]
    else:
        assumed = ["full_attention" if i and i % 4 == 0 else LINEAR for i in range(count)]
        kinds = f.layers("layer_types", count, assumed, "the pattern of the family")
    mixers = {"full_attention": latent(f), LINEAR: delta}
    feeds = routed(f, hidden)
    return [(mixers[kind], feed) for kind, feed in zip(kinds, feeds, strict=True)]


def minimax(f: Fields) -> Layers:
    """MiniMax-01 and M1: lightning attention, and softmax attention in some layers."""
    hidden, heads = f.size("hidden_size"), f.size("num_attention_heads")
    head_dim = f.get("head_dim", hidden // heads)
    f.ignore("block_size")
    linear = linear_attention(hidden, heads, head_dim, norm=hidden)
    mixers = {"full_attention": full(f), LINEAR: linear}
    if f.given("attn_type_list"):  # the authors' own field: 1 is softmax
        names = [
            ("full_attention" if kind else LINEAR) for kind in f.config["attn_type_list"]
        ]
        f.config = {**f.config, "layer_types": names}
    count = f.size("num_hidden_layers")
    assumed = [LINEAR if i % 2 else "full_attention" for i in range(count)]
    kinds = f.layers("layer_types", count, assumed, "the pattern of the family")
    return [
        (mixers[kind], feed) for kind, feed in zip(kinds, local(f, hidden), strict=True)
    ]


def lfm2(f: Fields) -> Layers:
    """LFM2: gated short convolutions, attention in some layers, a width that is rounded up."""
    hidden, count = f.size("hidden_size"), f.size("num_hidden_layers")
    width = f.size("block_ff_dim", "intermediate_size")
    if f.get("block_auto_adjust_ff_dim", True):
        unit, scale = (
            f.get("block_multiple_of", 256),
            f.get("block_ffn_dim_multiplier", 1.0),
        )
        width = -(-int(scale * int(2 * width / 3)) // unit) * unit
    chosen = (
        f.optional("full_attn_idxs", list(range(count)))
        if not f.given("layer_types")
        else []
    )
    assumed = ["full_attention" if i in chosen else "conv" for i in range(count)]
    mixers = {
        "full_attention": full(f, qk_norm=True),
        "conv": short_convolution(
            hidden, f.size("conv_L_cache"), f.get("conv_bias", False), hidden
        ),
    }
    feed = feed_forward(hidden, width, norm=hidden)
    kinds = f.layers("layer_types", count, assumed, "from `full_attn_idxs`")
    return [(mixers[kind], feed) for kind in kinds]
