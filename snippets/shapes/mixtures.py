"""The feed-forward of each layer: dense, or experts in one of the ways that families write them."""

from __future__ import annotations

from snippets.shapes.blocks import experts, feed_forward, plus
from snippets.shapes.fields import Fields
from snippets.shapes.layers import Block, Weights


def feeds(f: Fields, feed: str, norm: int) -> list[Block]:
    """The feed-forward of each layer, with `norm` numbers of norms."""
    if feed != "dense":
        return {"local": local, "sparse": sparse, "routed": routed}[feed](f, norm)
    bias = f.get("mlp_bias", False) if f.family == "llama" else False
    block = feed_forward(
        f.size("hidden_size"), f.size("intermediate_size"), bias=bias, norm=norm
    )
    return [block] * f.size("num_hidden_layers")


def local(f: Fields, norm: int) -> list[Block]:
    """Mixtral's way: equal experts in every layer, as wide as `intermediate_size`."""
    number, used = f.size("num_local_experts", "num_experts"), f.size("num_experts_per_tok")
    block = experts(
        f.size("hidden_size"), f.size("intermediate_size"), number, used, norm=norm
    )
    return [block] * f.size("num_hidden_layers")


def sparse(f: Fields, norm: int, shared: bool = False) -> list[Block]:
    """Qwen's way: experts in every so many layers, perhaps one shared expert behind a gate."""
    hidden, count = f.size("hidden_size"), f.size("num_hidden_layers")
    number, used = f.size("num_experts", "num_local_experts"), f.size("num_experts_per_tok")
    beside = f.size("shared_expert_intermediate_size") if shared else 0
    block = experts(
        hidden, f.size("moe_intermediate_size"), number, used, beside, norm=norm
    )
    if shared:
        block = plus(block, Weights("gate of the shared expert", hidden))
    step, dense = (
        f.optional("decoder_sparse_step", 1),
        f.optional("mlp_only_layers", []) or [],
    )
    return mixed(f, block, [i in dense or (i + 1) % step != 0 for i in range(count)], norm)


def routed(f: Fields, norm: int) -> list[Block]:
    """DeepSeek's way: dense layers first, then routed experts beside shared ones."""
    hidden, count = f.size("hidden_size"), f.size("num_hidden_layers")
    number = f.size("n_routed_experts", "num_local_experts", "num_experts")
    used = f.size("num_experts_per_tok", "num_experts_per_token")
    width = f.size("moe_intermediate_size")
    shared = width * f.size("n_shared_experts", "num_shared_experts")
    block = experts(hidden, width, number, used, shared, norm=norm)
    if f.given("mlp_layer_types"):
        dense = [kind == "dense" for kind in f.layers("mlp_layer_types", count, (), "")]
        f.ignore("first_k_dense_replace")
    else:
        dense = [i < f.get("first_k_dense_replace", 0) for i in range(count)]
    return mixed(f, block, dense, norm)


def mixed(f: Fields, mixture: Block, dense: list[bool], norm: int) -> list[Block]:
    """Dense layers of `intermediate_size` where `dense` says so, experts elsewhere."""
    f.ignore("intermediate_size")
    if not any(dense):
        return [mixture] * len(dense)
    block = feed_forward(f.size("hidden_size"), f.size("intermediate_size"), norm=norm)
    return [block if here else mixture for here in dense]
