"""What published designs cache: heads of their own, shared ones, a latent, windows."""

from __future__ import annotations

from dataclasses import replace

from snippets.inference.kv_cache.sizes import (
    GB,
    LLAMA,
    LLAMA3_70B_WEIGHTS,
    hybrid_bytes,
    kv_bytes_per_token,
    latent_bytes_per_token,
    sequences_that_fit,
    spare_bytes,
    tokens_that_fit,
)
from snippets.shapes.models import MODELS, Shape

KIB = 1024
FP8 = 1.0  # bytes per number
CONTEXT, LONG = 8192, 131_072  # tokens of one sequence
TWO_GPUS = 2 * 80 * GB  # bytes
USABLE = 0.9 * TWO_GPUS  # a tenth is held back for activations
WIDE = replace(LLAMA, kv_heads=LLAMA.heads)  # were it multi-head attention
NARROW = replace(LLAMA, kv_heads=1)  # were it multi-query attention
V3, OSS = MODELS["DeepSeek-V3"], MODELS["gpt-oss-120b"]
UNWINDOWED = replace(OSS, window_layers=0)
OPT_13B = Shape(40, 5120, 40, 40, 128, 0, 0)  # kwon2023vllm; as much of it as a cache needs


def token_bytes(m: Shape, width: float = 2.0) -> float:
    """Bytes that one token adds, `width` bytes per number, while no window is full."""
    if m.latent:
        return latent_bytes_per_token(m.layers, m.latent, m.rope, width)
    return kv_bytes_per_token(m.layers, m.kv_heads, m.head_dim, width)


def sequence_bytes(m: Shape, context: int) -> float:
    """Cache of one sequence in bf16, of which windowed layers keep only their window."""
    full = m.layers - m.window_layers
    per_layer = token_bytes(m) / m.layers
    return hybrid_bytes(full, m.window_layers, m.window, context, per_layer)


def cache_ratio(larger: Shape, smaller: Shape, context: int = 1) -> float:
    """How many times as much one sequence of `context` tokens costs in one design as in another."""
    return times_larger(sequence_bytes(larger, context), sequence_bytes(smaller, context))


def times_larger(larger: float, smaller: float) -> float:
    """The ratio of two caches, in equal units."""
    return larger / smaller


def in_kib(size: float) -> float:
    """Bytes as KiB."""
    return size / KIB


def in_gb(size: float) -> float:
    """Bytes as GB."""
    return size / GB


def example_models() -> None:
    """Bytes per token of seven designs, and of 8,192 and 131,072 tokens of context."""
    designs = {
        "OPT-13B      MHA, 40 heads": OPT_13B,
        "Llama 3 8B   GQA, 8 KV heads": MODELS["Llama 3 8B"],
        "Llama 3 70B  GQA, 8 KV heads": LLAMA,
        "  were it MHA, 64 heads": WIDE,
        "  were it MQA, 1 KV head": NARROW,
        "DeepSeek-V3  MLA, 512 + 64": V3,
        "gpt-oss-120b half window 128": OSS,
    }
    print(f"{'bf16':30s}{'KiB/token':>10s}{'GB at 8K':>10s}{'GB at 128K':>12s}")
    for name, m in designs.items():
        short, long = sequence_bytes(m, CONTEXT), sequence_bytes(m, LONG)
        mean = in_kib(short / CONTEXT)
        print(f"{name:30s}{mean:10.1f}{in_gb(short):10.2f}{in_gb(long):12.2f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about sizes."""
    weights, bf16, fp8 = LLAMA3_70B_WEIGHTS, token_bytes(LLAMA), token_bytes(LLAMA, FP8)
    return {
        "weights_70b": f"{in_gb(weights):.0f} GB",
        "spare": f"{in_gb(spare_bytes(TWO_GPUS, weights)):.1f} GB",
        "per_token_70b": f"{in_kib(bf16):.0f} KiB",
        "users_8k": f"{sequences_that_fit(TWO_GPUS, weights, CONTEXT, bf16)}",
        "users_8k_fp8": f"{sequences_that_fit(TWO_GPUS, weights, CONTEXT, fp8)}",
        "users_8k_usable": f"{sequences_that_fit(USABLE, weights, CONTEXT, bf16)}",
        "users_8k_fp8_usable": f"{sequences_that_fit(USABLE, weights, CONTEXT, fp8)}",
        "gqa_saving": f"{cache_ratio(WIDE, LLAMA):.0f}×",
        "mha_70b_8k": f"{in_gb(sequence_bytes(WIDE, CONTEXT)):.1f} GB",
        "gqa_70b_128k": f"{in_gb(sequence_bytes(LLAMA, LONG)):.0f} GB",
        "latent_v3": f"{in_kib(token_bytes(V3)):.1f} KiB",
        "latent_ratio": f"{cache_ratio(MODELS['Llama 3 405B'], V3):.2f}×",
        "window_saving": f"{cache_ratio(UNWINDOWED, OSS, LONG):.2f}×",
        "tokens_that_fit": f"{tokens_that_fit(TWO_GPUS, weights, bf16):,.0f}",
        "tokens_usable": f"{tokens_that_fit(USABLE, weights, bf16):,.0f}",
    }


if __name__ == "__main__":
    example_models()
