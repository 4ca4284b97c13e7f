"""KV cache: what reading, moving or recomputing it costs in time."""

from __future__ import annotations

GB = 1e9
WEIGHTS = 2 * 70_553_706_496  # Llama 3 70B in bf16, bytes
PER_TOKEN = 327_680  # bytes of its cache per token: kv_cache.kv_bytes_per_token(80, 8, 128)
BANDWIDTH, PEAK, PCIE = (
    3.35e12,
    989e12,
    64e9,
)  # one H100 SXM: bytes/s, dense bf16 FLOP/s, bytes/s one way


def decode_step_seconds(
    weight_bytes: float, batch: int, context: int, bytes_per_token: float, bandwidth: float
) -> float:
    """Lower bound of one decode step: every weight and every cached byte is read once.

    Holds while the step is memory-bound, that is while `batch` is far below the
    chip's FLOPs-per-byte ratio.
    """
    return (weight_bytes + batch * context * bytes_per_token) / bandwidth


def example_users() -> None:
    """How many users two 80 GB GPUs hold, and what one decode step then costs."""
    print(
        f"{'context':>8s}{'users':>7s}{'ms/step':>9s}{'tokens/s':>10s}{'cache share':>13s}"
    )
    for context in (1024, 2048, 8192, 32768):
        users = int((160 * GB - WEIGHTS) // (context * PER_TOKEN))
        step = decode_step_seconds(WEIGHTS, users, context, PER_TOKEN, 2 * BANDWIDTH)
        share = users * context * PER_TOKEN / (WEIGHTS + users * context * PER_TOKEN)
        print(f"{context:8,d}{users:7d}{step * 1e3:9.1f}{users / step:10,.0f}{share:12.0%}")


def fetch_seconds(tokens: int, bytes_per_token: float, link_bandwidth: float) -> float:
    """Time to bring a stored cache back over a link of `link_bandwidth` bytes/s."""
    return tokens * bytes_per_token / link_bandwidth


def recompute_seconds(
    tokens: int, params: float, peak_flops: float, utilization: float
) -> float:
    """Time to compute it again: 2 FLOPs per parameter and token, attention not counted."""
    return 2 * params * tokens / (peak_flops * utilization)


def break_even_bandwidth(
    bytes_per_token: float, params: float, peak_flops: float, utilization: float
) -> float:
    """Link bandwidth, bytes/s, above which fetching beats recomputing, at any length."""
    return bytes_per_token * peak_flops * utilization / (2 * params)


def example_offload() -> None:
    """8,192 tokens of Llama 3 70B on two H100s: fetch or recompute?"""
    again = recompute_seconds(8192, WEIGHTS / 2, 2 * PEAK, utilization=0.5)
    print(f"recompute at half of peak          {again * 1e3:7.0f} ms")
    links = {
        "host memory, 2 × PCIe Gen5 x16": 2 * PCIE,
        "network at 100 Gbit/s": 12.5e9,
        "one disk at 5 GB/s": 5e9,
    }
    for name, bandwidth in links.items():
        seconds = fetch_seconds(8192, PER_TOKEN, bandwidth)
        print(f"{name:35s}{seconds * 1e3:7.0f} ms {again / seconds:6.1f}× faster")


def facts() -> dict[str, str]:
    """Numbers that the page states about time."""
    break_even = break_even_bandwidth(PER_TOKEN, WEIGHTS / 2, 2 * PEAK, 0.5)
    return {
        "floor_ms": f"{WEIGHTS / (2 * BANDWIDTH) * 1e3:.1f} ms",
        "crossover": f"{WEIGHTS / PER_TOKEN:,.0f}",
        "break_even": f"{break_even / GB:.1f} GB/s",
        "fetch_gain": f"{recompute_seconds(1, WEIGHTS / 2, 2 * PEAK, 0.5) / fetch_seconds(1, PER_TOKEN, 2 * PCIE):.0f}",
    }


if __name__ == "__main__":
    example_users()
    example_offload()
