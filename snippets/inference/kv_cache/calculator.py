"""KV cache: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

BYTES = {"fp32": 4.0, "bf16": 2.0, "fp8": 1.0, "int4": 0.5}


def kv_cache(
    layers: Annotated[int, "", (1, 256)] = 80,
    kv_heads: Annotated[int, "", (1, 256)] = 8,
    context: Annotated[int, "tokens", (1, 4_000_000)] = 8192,
    dtype: Literal["fp32", "bf16", "fp8", "int4"] = "bf16",
    weights: Annotated[float, "GB", (0.0, 10_000.0)] = 141.107412992,
    memory: Annotated[float, "GB", (1.0, 100_000.0)] = 160.0,
    *,
    head_dim: Annotated[int, "", (8, 1024)] = 128,
    usable: Annotated[float, "%", (1.0, 100.0)] = 90.0,
) -> dict[str, object]:
    """How many sequences fit beside the weights, and when does the cache outgrow them?

    Args:
        layers: Decoder layers, $L$.
        kv_heads: Key/value heads, $K$.
        context: Length of the context, $S$. Tokens of one sequence.
        dtype: Type of the cached numbers.
        weights: Memory of the weights.
        memory: Memory of all accelerators.
        head_dim: Width of one head, $d$. For a latent cache, give 1 head and half of latent +
            rotary width.
        usable: Memory for weights and cache. Servers hold back the rest for activations.
    """
    room = memory * usable / 100
    if weights > room:
        raise ValueError(
            f"the weights ({weights:g} GB) do not fit into {room:g} of {memory:g} GB."
        )
    per_token = 2 * layers * kv_heads * head_dim * BYTES[dtype]
    sequence = per_token * context / 1e9
    users = int((room - weights) // sequence)
    lengths = [2**i for i in range(9, 21)]
    return {
        f"sequences of {context:,} tokens that fit": f"{users:,}",
        "one token": f"{per_token / 1024:,.1f} KiB",
        "one sequence": f"{sequence:,.2f} GB",
        "tokens that fit": f"{(room - weights) * 1e9 / per_token:,.0f}",
        "cache as large as the weights at": f"{weights * 1e9 / per_token:,.0f} tokens",
        "bars": {"unit": "GB", "limit": room, "values": {"weights": weights, f"cache of {users}": users * sequence}},
        "lines": {
            "x": "tokens in one sequence", "y": "GB", "log": "xy",
            "series": {"cache of one sequence": [(n, per_token * n / 1e9) for n in lengths]},
            "points": {"yours": (context, sequence)},
        },
    }  # fmt: skip
