"""KV cache: what reading, moving or recomputing it costs in time."""

from __future__ import annotations

from snippets.inference.kv_cache.sizes import (
    LLAMA3_70B,
    LLAMA3_70B_WEIGHTS,
    kv_bytes_per_token,
    sequences_that_fit,
)
from snippets.shapes.accelerators import ACCELERATORS

GB = 1e9
WEIGHTS = LLAMA3_70B_WEIGHTS  # bytes in bf16
PARAMS = WEIGHTS / 2
PER_TOKEN = kv_bytes_per_token(**LLAMA3_70B)  # bytes of its cache per token
BANDWIDTH = ACCELERATORS["H100"].memory_tb_s * 1e12  # bytes/s of one H100 SXM
PEAK = ACCELERATORS["H100"].bf16_tflops * 1e12  # dense FLOP/s of one
PCIE = 64e9  # bytes/s of one, to the host, one way
PAIR_BANDWIDTH, PAIR_PEAK, PAIR_PCIE = 2 * BANDWIDTH, 2 * PEAK, 2 * PCIE
SHARE = 0.5  # of the peak, reached in prefill


def decode_step_seconds(
    weight_bytes: float, batch: int, context: int, bytes_per_token: float, bandwidth: float
) -> float:
    """Lower bound of one decode step: every weight and every cached byte is read once.

    Holds for a dense model while the step is memory-bound, that is while `batch` is far
    below the chip's FLOPs-per-byte ratio.
    """
    return (weight_bytes + batch * context * bytes_per_token) / bandwidth


def example_users() -> None:
    """How many users two 80 GB GPUs hold, and what one decode step then costs."""
    print(
        f"{'context':>8s}{'users':>7s}{'ms/step':>9s}{'tokens/s':>10s}{'cache share':>13s}"
    )
    for context in (1024, 2048, 8192, 32768):
        users = sequences_that_fit(160 * GB, WEIGHTS, context, PER_TOKEN)
        step = decode_step_seconds(WEIGHTS, users, context, PER_TOKEN, PAIR_BANDWIDTH)
        share = users * context * PER_TOKEN / (WEIGHTS + users * context * PER_TOKEN)
        print(f"{context:8,d}{users:7d}{step * 1e3:9.1f}{users / step:10,.0f}{share:12.0%}")


def crossover_tokens(weight_bytes: float, bytes_per_token: float) -> float:
    """Cached tokens, of all users together, whose bytes are as many as those of the weights."""
    return weight_bytes / bytes_per_token


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
    again = recompute_seconds(8192, PARAMS, PAIR_PEAK, SHARE)
    print(f"recompute at half of peak          {again * 1e3:7.0f} ms")
    links = {
        "host memory, 2 × PCIe Gen5 x16": PAIR_PCIE,
        "network at 100 Gbit/s": 12.5e9,
        "one disk at 5 GB/s": 5e9,
    }
    for name, bandwidth in links.items():
        seconds = fetch_seconds(8192, PER_TOKEN, bandwidth)
        print(f"{name:35s}{seconds * 1e3:7.0f} ms {again / seconds:6.1f}× faster")


def fetch_gain(
    bytes_per_token: float,
    params: float,
    peak_flops: float,
    utilization: float,
    link: float,
) -> float:
    """How many times faster fetching is than computing, at any length."""
    return link / break_even_bandwidth(bytes_per_token, params, peak_flops, utilization)


def floor_ms() -> float:
    """The least time of a step: the weights of Llama 3 70B, read by two H100s."""
    return decode_step_seconds(WEIGHTS, 0, 0, PER_TOKEN, PAIR_BANDWIDTH) * 1e3


def break_even_gb_s() -> float:
    """The link beyond which the same two H100s had better fetch."""
    return break_even_bandwidth(PER_TOKEN, PARAMS, PAIR_PEAK, SHARE) / GB


def facts() -> dict[str, str]:
    """Numbers that the page states about time."""
    gain = fetch_gain(PER_TOKEN, PARAMS, PAIR_PEAK, SHARE, PAIR_PCIE)
    return {
        "floor_ms": f"{floor_ms():.1f} ms",
        "crossover": f"{crossover_tokens(WEIGHTS, PER_TOKEN):,.0f}",
        "break_even": f"{break_even_gb_s():.1f} GB/s",
        "fetch_gain": f"{gain:.0f}",
    }


if __name__ == "__main__":
    example_users()
    example_offload()
