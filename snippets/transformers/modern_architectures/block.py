"""The two halves of a block, each with its switches: attention, and what follows it."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from snippets.transformers.modern_architectures.experts import experts, feed_forward
from snippets.transformers.modern_architectures.parts import Weights, linear, norm, part
from snippets.transformers.modern_architectures.switches import Switches

Kept = tuple[Tensor, Tensor]  # keys and values, or latents and rotary keys


def rotate(x: Tensor, start: int, theta: float, adjacent: bool) -> Tensor:
    """Turn pairs of components by the position: x [B, H, S, d], tokens from `start` on."""
    length, width = x.shape[-2:]
    speeds = 1 / theta ** (torch.arange(0, width, 2) / width)
    angles = torch.arange(start, start + length)[:, None] * speeds  # [S, d/2]
    a, b = (x[..., ::2], x[..., 1::2]) if adjacent else x.chunk(2, dim=-1)
    turned = a * angles.cos() - b * angles.sin(), b * angles.cos() + a * angles.sin()
    return torch.cat(turned, dim=-1)


# --8<-- [start:mix]
def mix(
    q: Tensor, k: Tensor, v: Tensor, scale: float, window: int | None, sinks: Tensor | None
) -> Tensor:
    """Causal attention: q [B, H, S, d] are the last of T tokens in k [B, K, T, d]."""
    k, v = (x.repeat_interleave(q.shape[1] // x.shape[1], dim=1) for x in (k, v))
    scores = q @ k.transpose(-1, -2) * scale  # [B, H, S, T]
    total, new = k.shape[-2], q.shape[-2]
    ago = torch.arange(total - new, total)[:, None] - torch.arange(total)
    scores = scores.masked_fill((ago < 0) | (ago >= (window or total)), -torch.inf)
    # A sink is one more score for each head, which takes weight and gives nothing.
    if sinks is not None:
        sink = sinks[:, None, None].expand(*scores.shape[:-1], 1)
        scores = torch.cat([scores, sink], dim=-1)
    return (scores.softmax(-1)[..., :total] @ v).transpose(1, 2).flatten(2)  # [B, S, H d]


# --8<-- [end:mix]


def heads(x: Tensor, count: int) -> Tensor:
    """Split the last axis: [B, S, n d] to [B, n, S, d]."""
    return x.unflatten(-1, (count, -1)).transpose(1, 2)


def joined(past: Kept | None, kept: Kept) -> Kept:
    """What is kept of earlier tokens and of the new ones."""
    return (
        kept
        if past is None
        else (torch.cat([past[0], kept[0]], -2), torch.cat([past[1], kept[1]], -2))
    )


# --8<-- [start:grouped]
def grouped(
    x: Tensor, w: Weights, s: Switches, window: int | None, past: Kept | None
) -> tuple[Tensor, Kept]:
    """Attention of query heads that share keys and values: x [B, S, h]."""
    q = heads(linear(x, w, "q_proj"), s.heads)
    k, v = (heads(linear(x, w, name), s.kv_heads) for name in ("k_proj", "v_proj"))
    if s.qk_norm:
        q, k = norm(q, w["q_norm.weight"], s), norm(k, w["k_norm.weight"], s)
    theta = s.local_theta if window and s.local_theta else s.theta
    start = past[0].shape[-2] if past else 0
    q, k = (rotate(y, start, theta, s.adjacent) for y in (q, k))
    kept = joined(past, (k, v))
    scale = s.scale or s.head_dim**-0.5
    mixed = mix(q, *kept, scale, window, w["sinks"] if s.sinks else None)
    return linear(mixed, w, "o_proj"), kept


# --8<-- [end:grouped]


# --8<-- [start:latent]
def latent(x: Tensor, w: Weights, s: Switches, past: Kept | None) -> tuple[Tensor, Kept]:
    """Multi-head latent attention: only the latent and one rotary key are kept."""
    asked = norm(linear(x, w, "q_a_proj"), w["q_a_layernorm.weight"], s)
    q, q_turned = heads(linear(asked, w, "q_b_proj"), s.heads).split(
        [s.head_dim, s.rotary], -1
    )
    c, k_turned = linear(x, w, "kv_a_proj_with_mqa").split([s.latent, s.rotary], -1)
    c = norm(c, w["kv_a_layernorm.weight"], s)
    start = past[0].shape[-2] if past else 0
    q_turned = rotate(q_turned, start, s.theta, s.adjacent)
    k_turned = rotate(k_turned[:, None], start, s.theta, s.adjacent)
    c, k_turned = kept = joined(past, (c, k_turned))
    k, v = heads(linear(c, w, "kv_b_proj"), s.heads).split([s.head_dim, s.value_dim], -1)
    k = torch.cat([k, k_turned.expand(-1, s.heads, -1, -1)], -1)
    scale = s.scale or (s.head_dim + s.rotary) ** -0.5
    mixed = mix(torch.cat([q, q_turned], -1), k, v, scale, None, None)
    return linear(mixed, w, "o_proj"), kept


# --8<-- [end:latent]


# --8<-- [start:block]
def block(
    x: Tensor, w: Weights, s: Switches, layer: int, past: Kept | None
) -> tuple[Tensor, Kept]:
    """One layer: x [B, S, h], and what it keeps for the next tokens."""
    window, attention = s.pattern[layer % len(s.pattern)], part(w, "self_attn.")
    y = norm(x, w["input_layernorm.weight"], s)
    y, kept = (
        latent(y, attention, s, past)
        if s.latent
        else grouped(y, attention, s, window, past)
    )
    if s.sandwich:  # here the name means what it says
        y = norm(y, w["post_attention_layernorm.weight"], s)
    x = x + y
    before = "pre_feedforward" if s.sandwich else "post_attention"
    y = norm(x, w[f"{before}_layernorm.weight"], s)
    routed = s.experts and layer >= s.dense_first
    y = (experts if routed else feed_forward)(y, part(w, "mlp."), s)
    if s.sandwich:
        y = norm(y, w["post_feedforward_layernorm.weight"], s)
    return x + y, kept


# --8<-- [end:block]


def decode(
    tokens: Tensor, w: Weights, s: Switches, past: list[Kept] | None = None
) -> tuple[Tensor, list[Kept]]:
    """Logits of new tokens [B, S] after those in `past`, and the cache that now holds both."""
    x = w["model.embed_tokens.weight"][tokens] * s.embed_scale
    now = []
    for i in range(s.layers):
        x, kept = block(x, part(w, f"model.layers.{i}."), s, i, past[i] if past else None)
        now.append(kept)
    head = "model.embed_tokens" if s.tied else "lm_head"
    return F.linear(norm(x, w["model.norm.weight"], s), w[f"{head}.weight"]), now
