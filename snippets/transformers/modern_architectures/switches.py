"""One decoder block with switches, and how five families set them. Standard library only."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

Config = Mapping[str, Any]


# --8<-- [start:shapes]
@dataclass(frozen=True)
class Switches:
    """What a configuration decides: first what gives tensors their shapes, then what does not."""

    layers: int
    hidden: int
    vocab: int
    heads: int
    kv_heads: int
    head_dim: int  # of queries and keys; of a latent without the rotary part
    width: int = 0  # of a dense feed-forward
    experts: int = 0
    expert_width: int = 0
    shared: int = 0
    dense_first: int = 0  # layers before the first with experts
    latent: int = 0
    query_latent: int = 0
    rotary: int = 0  # beside a latent
    value_dim: int = 0
    tied: bool = False
    qk_norm: bool = False
    sandwich: bool = False  # a norm after each half, too
    biases: bool = False
    sinks: bool = False
    # --8<-- [end:shapes]
    # --8<-- [start:silent]
    # From here on, no tensor has another shape.
    pattern: tuple[int | None, ...] = (None,)  # windows of the first layers, repeated
    used: int = 0  # experts per token
    router: str = "softmax"  # or "sigmoid"
    normalized: bool = True
    routed_scale: float = 1.0
    groups: tuple[int, int] = (1, 1)  # of experts, and how many of them are kept
    activation: str = "silu"  # or "gelu", "clamped"
    limit: float = 0.0  # of a clamped activation
    fused: str = "halves"  # how gate and up share a matrix; or "pairs"
    theta: float = 10_000.0
    local_theta: float = 0.0  # of layers with a window, where they have their own
    adjacent: bool = False  # rotary pairs are neighbors
    scale: float = 0.0  # of the scores; 0: one over the root of the head's width
    unit_norm: bool = False  # a norm multiplies by 1 + w
    embed_scale: float = 1.0
    eps: float = 1e-6


# --8<-- [end:silent]


def common(c: Config) -> dict[str, Any]:
    """What every family here calls by the same name; a missing field is an error, not a default."""
    return {
        "layers": c["num_hidden_layers"], "hidden": c["hidden_size"], "vocab": c["vocab_size"],
        "heads": c["num_attention_heads"], "kv_heads": c["num_key_value_heads"],
        "tied": c["tie_word_embeddings"], "eps": c["rms_norm_eps"],
    }  # fmt: skip


def theta(c: Config, kind: str = "") -> float:
    """The base of the rotation, of one kind of layers where they differ."""
    given = c["rope_parameters"]
    return float((given[kind] if kind else given)["rope_theta"])


def pattern(c: Config) -> tuple[int | None, ...]:
    """The shortest run of windows whose repetition gives every layer its own."""
    sliding = [kind == "sliding_attention" for kind in c["layer_types"]]
    sizes = [c["sliding_window"] if window else None for window in sliding]
    lengths = range(1, len(sizes) + 1)
    period = next(n for n in lengths if all(w == sizes[i % n] for i, w in enumerate(sizes)))
    return tuple(sizes[:period])


# --8<-- [start:families]
def llama(c: Config) -> Switches:
    """Llama 3: every switch in its first position."""
    return Switches(
        **common(c), head_dim=c["head_dim"], width=c["intermediate_size"], theta=theta(c)
    )


def gemma3(c: Config) -> Switches:
    """Gemma 3: windows, norms before and after that add one, a scaled embedding."""
    return Switches(
        **common(c), head_dim=c["head_dim"], width=c["intermediate_size"],
        pattern=pattern(c), qk_norm=True, sandwich=True, unit_norm=True, activation="gelu",
        embed_scale=c["hidden_size"] ** 0.5, scale=c["query_pre_attn_scalar"] ** -0.5,
        theta=theta(c, "full_attention"), local_theta=theta(c, "sliding_attention"),
    )  # fmt: skip


# --8<-- [end:families]


def qwen3_moe(c: Config) -> Switches:
    """Qwen3-MoE: experts in every layer, a norm on queries and keys."""
    return Switches(
        **common(c), head_dim=c["head_dim"], qk_norm=True, theta=theta(c),
        experts=c["num_experts"], used=c["num_experts_per_tok"],
        expert_width=c["moe_intermediate_size"], normalized=c["norm_topk_prob"],
    )  # fmt: skip


def gpt_oss(c: Config) -> Switches:
    """gpt-oss: windows in alternation, sinks, biases, a clamped activation, gate and up in pairs."""
    return Switches(
        **common(c), head_dim=c["head_dim"], pattern=pattern(c), theta=theta(c),
        experts=c["num_local_experts"], used=c["num_experts_per_tok"],
        expert_width=c["intermediate_size"], biases=c["attention_bias"], sinks=True,
        activation="clamped", limit=c["swiglu_limit"], fused="pairs",
    )  # fmt: skip


def deepseek_v3(c: Config) -> Switches:
    """DeepSeek-V3: latents, neighbors as rotary pairs, a sigmoid router with groups."""
    return Switches(
        **common(c), head_dim=c["qk_nope_head_dim"], width=c["intermediate_size"],
        latent=c["kv_lora_rank"], query_latent=c["q_lora_rank"], theta=theta(c),
        rotary=c["qk_rope_head_dim"], value_dim=c["v_head_dim"], adjacent=c["rope_interleave"],
        experts=c["n_routed_experts"], used=c["num_experts_per_tok"],
        expert_width=c["moe_intermediate_size"], shared=c["n_shared_experts"],
        dense_first=c["first_k_dense_replace"], router="sigmoid", normalized=c["norm_topk_prob"],
        routed_scale=c["routed_scaling_factor"], groups=(c["n_group"], c["topk_group"]),
    )  # fmt: skip


FAMILIES: dict[str, Callable[[Config], Switches]] = {
    "llama": llama,
    "qwen3_moe": qwen3_moe,
    "gemma3_text": gemma3,
    "gpt_oss": gpt_oss,
    "deepseek_v3": deepseek_v3,
}


def read(c: Config) -> Switches:
    """The switches of a configuration."""
    return FAMILIES[c["model_type"]](c)
