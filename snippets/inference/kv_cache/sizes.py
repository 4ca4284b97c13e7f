"""KV cache: bytes that one token adds, and how many tokens fit beside the weights."""

from __future__ import annotations

from snippets.shapes.models import MODELS, parameters

GB = 1e9
LLAMA = MODELS["Llama 3 70B"]
LLAMA3_70B = {
    "layers": LLAMA.layers,
    "kv_heads": LLAMA.kv_heads,
    "head_dim": LLAMA.head_dim,
}
LLAMA3_70B_WEIGHTS = 2 * parameters(LLAMA)  # bytes in bf16


# Layers L, key/value heads K, head width d, bytes per number b: 2 for bf16, 1 for fp8.
# Source: Ainslie et al. 2023.
# --8<-- [start:bytes]
def kv_bytes_per_token(
    layers: int, kv_heads: int, head_dim: int, bytes_per_value: float = 2.0
) -> float:
    """Bytes that one token of one sequence adds to the cache."""
    return 2 * layers * kv_heads * head_dim * bytes_per_value


# --8<-- [end:bytes]


# Source: DeepSeek-V2, section 2.1.
# --8<-- [start:latent]
def latent_bytes_per_token(
    layers: int, latent_dim: int, rope_dim: int, bytes_per_value: float = 2.0
) -> float:
    """The same for a latent cache: one compressed vector and one rotary key a layer."""
    return layers * (latent_dim + rope_dim) * bytes_per_value


# --8<-- [end:latent]


def hybrid_bytes(
    full_layers: int,
    window_layers: int,
    window: int,
    context: int,
    bytes_per_layer_token: float,
) -> float:
    """Cache of one sequence when some layers look back only `window` tokens.

    Args:
        full_layers: Layers that keep the whole context.
        window_layers: Layers that keep at most `window` tokens.
        window: Tokens that a sliding-window layer keeps.
        context: Tokens of the sequence.
        bytes_per_layer_token: Bytes of one token in one layer, 2·K·d·b.
    """
    kept = full_layers * context + window_layers * min(window, context)
    return kept * bytes_per_layer_token


def spare_bytes(memory_bytes: float, weight_bytes: float) -> float:
    """Memory that the weights leave to the cache.

    Raises:
        ValueError: if the weights alone do not fit.
    """
    free = memory_bytes - weight_bytes
    if free < 0:
        raise ValueError(
            f"weights need {weight_bytes:.3g} B, memory has {memory_bytes:.3g} B"
        )
    return free


def tokens_that_fit(
    memory_bytes: float, weight_bytes: float, bytes_per_token: float
) -> float:
    """Tokens, of all sequences together, that can be cached beside the weights."""
    return spare_bytes(memory_bytes, weight_bytes) / bytes_per_token


def sequences_that_fit(
    memory_bytes: float, weight_bytes: float, context: int, bytes_per_token: float
) -> int:
    """Whole sequences of `context` tokens that fit beside the weights."""
    return int(spare_bytes(memory_bytes, weight_bytes) // (context * bytes_per_token))
