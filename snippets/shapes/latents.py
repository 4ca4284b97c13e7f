"""Families with multi-head latent attention, and their layers for multi-token prediction."""

from __future__ import annotations

from snippets.shapes.blocks import latent_attention
from snippets.shapes.fields import Fields
from snippets.shapes.layers import Block, Kind, Layers, Weights
from snippets.shapes.mixtures import routed


def latent(f: Fields) -> Block:
    """Latent attention of DeepSeek and its heirs, with the norm before it."""
    hidden, query = f.size("hidden_size"), f.optional("q_lora_rank")
    kept = f.size("kv_lora_rank")
    rotary = f.size("qk_rope_head_dim")
    bias = f.get("attention_bias", False) * ((query or 0) + kept + rotary + hidden)
    index = None
    if f.family == "deepseek_v32":
        index = f.size("index_n_heads"), f.size("index_head_dim"), f.size("index_topk")
    f.ignore("num_key_value_heads", "head_dim")
    return latent_attention(
        hidden, f.size("num_attention_heads"), f.size("qk_nope_head_dim"), rotary,
        f.size("v_head_dim"), kept, query, hidden + bias, index,
    )  # fmt: skip


def deepseek(f: Fields) -> Layers:
    """DeepSeek-V2, V3 and V3.2: latents in every layer, experts in most."""
    mixer = latent(f)
    return [(mixer, feed) for feed in routed(f, f.size("hidden_size"))]


def drafts(f: Fields, layers: Layers) -> tuple[Kind, ...]:
    """Layers for multi-token prediction: each like the last, with a projection of two inputs."""
    name = "num_mtp_layers" if f.given("num_mtp_layers") else "num_nextn_predict_layers"
    count, hidden = f.get(name, 0), f.size("hidden_size")
    join = (
        Weights("projection", 2 * hidden**2),
        Weights("norms", 3 * hidden, multiplied=False),
    )
    return (Kind(count, (*layers[-1], Block("draft", join))),) if count else ()
