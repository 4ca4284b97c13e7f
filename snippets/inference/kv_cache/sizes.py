"""KV cache: what one more token of context costs, in bytes and in milliseconds."""

from __future__ import annotations


# --8<-- [start:bytes]
def kv_bytes_per_token(
    layers: int, kv_heads: int, head_dim: int, bytes_per_value: float = 2.0
) -> float:
    """Bytes that one token of one sequence adds to the cache.

    Every layer keeps a key and a value, each `head_dim` wide, for every KV head.
    Query heads do not appear: that is the whole point of grouped-query attention.

    Args:
        layers: Decoder layers, L.
        kv_heads: Key/value heads per layer, K.
        head_dim: Width of one head, D.
        bytes_per_value: Bytes of one number: 2 for bf16, 1 for fp8.

    Source: Ainslie et al. 2023.
    """
    return 2 * layers * kv_heads * head_dim * bytes_per_value


# --8<-- [end:bytes]


# --8<-- [start:latent]
def latent_bytes_per_token(
    layers: int, latent_dim: int, rope_dim: int, bytes_per_value: float = 2.0
) -> float:
    """The same for multi-head latent attention: one shared latent and one rotary key.

    No factor 2 and no heads: keys and values of all heads are rebuilt from the latent.

    Source: DeepSeek-V2, section 2.1.
    """
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
        bytes_per_layer_token: Bytes of one token in one layer, 2·K·D·b.
    """
    kept = full_layers * context + window_layers * min(window, context)
    return kept * bytes_per_layer_token


def sequences_that_fit(
    memory_bytes: float, weight_bytes: float, context: int, bytes_per_token: float
) -> int:
    """Whole sequences of `context` tokens that fit beside the weights.

    Raises:
        ValueError: if the weights alone do not fit.
    """
    free = memory_bytes - weight_bytes
    if free < 0:
        raise ValueError(
            f"weights need {weight_bytes:.3g} B, memory has {memory_bytes:.3g} B"
        )
    return int(free // (context * bytes_per_token))


KIB, GB = 1024, 1e9
LLAMA3_70B = {"layers": 80, "kv_heads": 8, "head_dim": 128}  # and 64 query heads
LLAMA3_70B_WEIGHTS = 2 * 70_553_706_496  # bytes in bf16
GPT_OSS = {
    "full_layers": 18,
    "window_layers": 18,
    "window": 128,
    "bytes_per_layer_token": 2 * 8 * 64 * 2,
}


def example_models() -> None:
    """Bytes per token of six designs, and of 8,192 and 131,072 tokens of context."""
    designs = {
        "OPT-13B      MHA, 40 heads": kv_bytes_per_token(40, 40, 128),
        "Llama 3 8B   GQA, 8 KV heads": kv_bytes_per_token(32, 8, 128),
        "Llama 3 70B  GQA, 8 KV heads": kv_bytes_per_token(**LLAMA3_70B),
        "  were it MHA, 64 heads": kv_bytes_per_token(80, 64, 128),
        "  were it MQA, 1 KV head": kv_bytes_per_token(80, 1, 128),
        "DeepSeek-V3  MLA, 512 + 64": latent_bytes_per_token(61, 512, 64),
    }
    print(f"{'bf16':30s}{'KiB/token':>10s}{'GB at 8K':>10s}{'GB at 128K':>12s}")
    for name, size in designs.items():
        print(
            f"{name:30s}{size / KIB:10.1f}{size * 8192 / GB:10.2f}{size * 131072 / GB:12.2f}"
        )
    short, long = (hybrid_bytes(context=c, **GPT_OSS) for c in (8192, 131072))
    print(
        f"{'gpt-oss-120b half window 128':30s}{short / 8192 / KIB:10.1f}{short / GB:10.2f}{long / GB:12.2f}"
    )


def facts() -> dict[str, str]:
    """Numbers that the page states about sizes."""
    per_token, spare = kv_bytes_per_token(**LLAMA3_70B), 160 * GB - LLAMA3_70B_WEIGHTS
    full, hybrid = (
        hybrid_bytes(36, 0, 128, 131072, 2048),
        hybrid_bytes(context=131072, **GPT_OSS),
    )
    latent = latent_bytes_per_token(61, 512, 64)
    return {
        "weights_70b": f"{LLAMA3_70B_WEIGHTS / GB:.0f} GB",
        "spare": f"{spare / GB:.1f} GB",
        "per_token_70b": f"{per_token / KIB:.0f} KiB",
        "users_8k": f"{sequences_that_fit(160 * GB, LLAMA3_70B_WEIGHTS, 8192, per_token)}",
        "users_8k_fp8": f"{sequences_that_fit(160 * GB, LLAMA3_70B_WEIGHTS, 8192, per_token / 2)}",
        "users_8k_usable": f"{sequences_that_fit(144 * GB, LLAMA3_70B_WEIGHTS, 8192, per_token)}",
        "users_8k_fp8_usable": f"{sequences_that_fit(144 * GB, LLAMA3_70B_WEIGHTS, 8192, per_token / 2)}",
        "gqa_saving": f"{64 // 8}×",
        "mha_70b_8k": f"{kv_bytes_per_token(80, 64, 128) * 8192 / GB:.1f} GB",
        "latent_v3": f"{latent / KIB:.1f} KiB",
        "latent_ratio": f"{kv_bytes_per_token(126, 8, 128) / latent:.2f}×",
        "window_saving": f"{full / hybrid:.2f}×",
        "tokens_that_fit": f"{spare / per_token:,.0f}",
        "tokens_usable": f"{(spare - 16 * GB) / per_token:,.0f}",
    }


if __name__ == "__main__":
    example_models()
