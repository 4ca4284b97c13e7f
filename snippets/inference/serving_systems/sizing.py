"""Serving systems: how many accelerators one copy of a model gets, and what that buys."""

from __future__ import annotations

from snippets.inference.kv_cache.sizes import sequences_that_fit
from snippets.inference.kv_cache.timing import BANDWIDTH, GB, PEAK, PER_TOKEN, WEIGHTS

LAYERS, WIDTH = 80, 8192  # Llama 3 70B
LINK = 450e9  # bytes/s of NVLink on H100, one direction
# Seconds of one all-reduce of 4,096 float32, 16 KiB, on 1, 2, 4, 8 H100: sglang pull request 2904.
LATENCY = {1: 0.0, 2: 3.9e-6, 4: 3.7e-6, 8: 5.7e-6}


# --8<-- [start:step]
def decode_step(
    weight_bytes: float, cache_bytes: float, chips: int, bandwidth: float
) -> float:
    """Seconds in which `chips` together read all weights and all of the batch's cache."""
    return (weight_bytes + cache_bytes) / (chips * bandwidth)


# --8<-- [end:step]


def decode_throughput(batch: int, step_s: float, chips: int) -> tuple[float, float]:
    """Tokens per second, of all chips and of one: every step yields `batch` tokens."""
    return batch / step_s, batch / step_s / chips


def queries_per_chip(batch: int, step_s: float, tokens: int, chips: int) -> float:
    """Answers of `tokens` tokens per second and chip."""
    return decode_throughput(batch, step_s, chips)[1] / tokens


def least_chips(weight_bytes: float, chip_bytes: float) -> float:
    """Chips, as a fraction, that the weights alone fill."""
    return weight_bytes / chip_bytes


def tensor_limit(width: int, axes: int, intensity: float) -> float:
    """Chips over which an MLP of `width` can be split before its links take longer than its arithmetic.

    Args:
        width: Inner width of the MLP, F.
        axes: Link axes used at once, as on a torus.
        intensity: FLOPs of a chip per byte over one axis.

    Source: Austin et al. 2025, "Serving LLaMA 3-70B on TPUs".
    """
    return axes * width / intensity


# --8<-- [start:reduce]
def all_reduce(message: float, chips: int, latency_s: float, link: float) -> float:
    """Seconds to sum `message` bytes over `chips`, link in bytes/s of one direction."""
    return latency_s + 2 * (chips - 1) / chips * message / link


def tensor_parallel(batch: int, chips: int, context: int) -> tuple[float, float]:
    """Seconds of a decode step of Llama 3 70B: reading, and two all-reduces a layer."""
    cache = batch * context * PER_TOKEN
    read = decode_step(WEIGHTS, cache, chips, BANDWIDTH)
    message = batch * WIDTH * 2  # bf16
    return read, 2 * LAYERS * all_reduce(message, chips, LATENCY[chips], LINK)


def prefill_tax(chips: int) -> float:
    """Seconds on the links for each second of arithmetic at peak, during a long prefill."""
    compute = WEIGHTS / (chips * PEAK)  # 2 FLOPs × N = 2 bytes × N
    message = WIDTH * 2
    return 2 * LAYERS * all_reduce(message, chips, 0.0, LINK) / compute


# --8<-- [end:reduce]


def example_node() -> None:
    """Eight H100, Llama 3 70B in bf16, 8,192 tokens of context: one way to cut the node per row."""
    print(
        f"{'copies':>6s}{'users':>7s}{'ms/token':>10s}{'full, ms':>10s}{'tokens/s':>10s}{'prefill tax':>13s}"
    )
    for chips in (2, 4, 8):
        copies = 8 // chips
        users = sequences_that_fit(chips * 80 * GB, WEIGHTS, 8192, PER_TOKEN)
        alone, full = (sum(tensor_parallel(batch, chips, 8192)) for batch in (1, users))
        print(
            f"{copies:2d} × {chips}{copies * users:7d}{alone * 1e3:10.1f}{full * 1e3:10.1f}"
            f"{copies * users / full:10,.0f}{prefill_tax(chips):13.0%}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about tensor parallelism."""
    users = {n: sequences_that_fit(n * 80 * GB, WEIGHTS, 8192, PER_TOKEN) for n in (2, 8)}
    one = {n: tensor_parallel(1, n, 8192) for n in (2, 8)}
    full = {n: sum(tensor_parallel(users[n], n, 8192)) for n in (2, 8)}
    # one cache of 8,192 tokens on TPU v5e: bf16 on 16 chips, int8 on 8, int4 on 4
    fit = {
        b: sequences_that_fit(8 * b * 16 * GB, 70e9 * b, 8192, 162e3 * b)
        for b in (2, 1, 0.5)
    }
    return {
        "tpu_limit": f"{tensor_limit(28_672, 2, 2550):.0f}",
        "users_two": f"{4 * users[2]}",
        "users_eight": f"{users[8]}",
        "alone_two": f"{sum(one[2]) * 1e3:.1f} ms",
        "alone_eight": f"{sum(one[8]) * 1e3:.1f} ms",
        "full_two": f"{full[2] * 1e3:.1f}",
        "full_eight": f"{full[8] * 1e3:.1f} ms",
        "speedup": f"{sum(one[2]) / sum(one[8]):.1f}",
        "reduce_share": f"{one[8][1] / sum(one[8]):.0%}",
        "tax_two": f"{prefill_tax(2):.0%}",
        "tax_eight": f"{prefill_tax(8):.0%}",
        "int8_left": f"{8 * 16 - 70} GB",
        "int4_left": f"{4 * 16 - 35} GB",
        "fit_all": f"{fit[2]}" if len(set(fit.values())) == 1 else "different",
        "int4_qps": f"{queries_per_chip(fit[0.5], 0.019, 512, 4):.2f}",
    }


if __name__ == "__main__":
    example_node()
