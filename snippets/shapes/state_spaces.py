"""Families with Mamba layers: alone, between attention layers, or beside them."""

from __future__ import annotations

from snippets.shapes.blocks import experts, feed_forward
from snippets.shapes.fields import ConfigError, Fields
from snippets.shapes.hybrids import full
from snippets.shapes.layers import Block, Layers
from snippets.shapes.recurrences import mamba1
from snippets.shapes.recurrences import mamba2 as mamba2_block


def mamba2(f: Fields) -> Layers:
    """Mamba-2: a state space in every layer, and nothing else."""
    hidden = f.size("hidden_size")
    bias = f.get("use_bias", False)
    block = mamba2_block(
        hidden, f.size("num_heads"), f.size("head_dim"), f.size("n_groups"), f.size("state_size"),
        f.size("conv_kernel"), (bias, bias), f.get("use_conv_bias", True), norm=hidden,
    )  # fmt: skip
    f.ignore("expand", "intermediate_size", "chunk_size", "time_step_rank")
    return [(block,)] * f.size("num_hidden_layers")


def jamba(f: Fields) -> Layers:
    """Jamba: one attention layer in each period of Mamba layers, experts in each other layer."""
    hidden, count = f.size("hidden_size"), f.size("num_hidden_layers")
    rank = f.get("mamba_dt_rank", "auto")
    space = mamba1(
        hidden, f.get("mamba_expand", 2) * hidden, f.get("mamba_d_state", 16), f.get("mamba_d_conv", 4),
        -(-hidden // 16) if rank == "auto" else rank,
        f.get("mamba_proj_bias", False), f.get("mamba_conv_bias", True), norm=hidden,
    )  # fmt: skip
    period, offset = f.get("attn_layer_period", 8), f.get("attn_layer_offset", 4)
    each, first = f.get("expert_layer_period", 2), f.get("expert_layer_offset", 1)
    width, number = f.size("intermediate_size"), f.size("num_experts", "num_local_experts")
    mixture = experts(hidden, width, number, f.size("num_experts_per_tok"), norm=hidden)
    dense, attention = feed_forward(hidden, width, norm=hidden), full(f)
    return [
        (
            attention if i % period == offset else space,
            mixture if number > 1 and i % each == first else dense,
        )
        for i in range(count)
    ]


PATTERN = {
    "M": "linear_attention",
    "*": "full_attention",
    "-": "mlp",
    "E": "moe",
    "mamba": "linear_attention",
    "attention": "full_attention",
}


def nemotron_h(f: Fields) -> Layers:
    """Nemotron-H and Nemotron 3: each layer is one block, of four kinds."""
    fields = ("layers_block_type", "layer_types", "hybrid_override_pattern")
    names = next((f.config[name] for name in fields if f.given(name)), "")
    if not names:
        known = " or ".join(f"`{name}`" for name in fields)
        raise ConfigError(f"{known} must say which layer is what.")
    kinds = [PATTERN.get(name, name) for name in names]
    f.ignore("num_hidden_layers", "expand", "chunk_size")
    build = {
        "linear_attention": space,
        "full_attention": full,
        "mlp": dense,
        "moe": mixture,
    }
    if unknown := set(kinds) - set(build):
        raise ConfigError(
            f"`{min(unknown)}` is no layer of a nemotron_h: {', '.join(build)}."
        )
    blocks: dict[str, Block] = {kind: build[kind](f) for kind in dict.fromkeys(kinds)}
    if "mlp" not in kinds:
        f.ignore("intermediate_size")
    return [(blocks[kind],) for kind in kinds]


def space(f: Fields) -> Block:
    """A Mamba-2 block of Nemotron-H."""
    hidden, bias = f.size("hidden_size"), f.get("use_bias", False)
    return mamba2_block(
        hidden, f.size("mamba_num_heads"), f.size("mamba_head_dim"), f.size("n_groups", "mamba_n_groups"),
        f.size("ssm_state_size"), f.size("conv_kernel", "mamba_d_conv"), (bias, bias),
        f.get("use_conv_bias", True), norm=hidden,
    )  # fmt: skip


def dense(f: Fields) -> Block:
    """A feed-forward block of Nemotron-H: two matrices, with a squared ReLU between them."""
    hidden = f.size("hidden_size")
    return feed_forward(
        hidden, f.size("intermediate_size"), False, f.get("mlp_bias", False), hidden
    )


def mixture(f: Fields) -> Block:
    """Experts of Nemotron 3, which may read a latent of the stream."""
    hidden = f.size("hidden_size")
    if f.get("mlp_bias", False):
        raise ConfigError(
            "`mlp_bias` is true: no mixture of nemotron_h is known with biases."
        )
    return experts(
        hidden, f.size("moe_intermediate_size"), f.size("n_routed_experts"),
        f.size("num_experts_per_tok"), f.size("moe_shared_expert_intermediate_size"),
        gated=False, norm=hidden, inner=f.optional("moe_latent_size"),
    )  # fmt: skip


def falcon_h1(f: Fields) -> Layers:
    """Falcon-H1: attention and a state space side by side in every layer."""
    hidden = f.size("hidden_size")
    heads = f.size("mamba_n_heads")
    inner = f.optional("mamba_d_ssm") or f.get("mamba_expand", 2) * hidden
    f.ignore("mamba_d_head", "mamba_expand", "mamba_chunk_size")
    state = mamba2_block(
        hidden, heads, inner // heads, f.size("mamba_n_groups"), f.size("mamba_d_state"),
        f.size("mamba_d_conv"), (f.get("mamba_proj_bias", False), f.get("projectors_bias", False)),
        f.get("mamba_conv_bias", True), f.get("mamba_rms_norm", False),
    )  # fmt: skip
    feed = feed_forward(
        hidden, f.size("intermediate_size"), bias=f.get("mlp_bias", False), norm=hidden
    )
    return [(full(f, biased=True), state, feed)] * f.size("num_hidden_layers")
