"""Serving systems: prefill and decoding in one pool or in two, and how large the pools are."""

from __future__ import annotations

from snippets.inference.kv_cache.timing import BANDWIDTH, PEAK, PER_TOKEN, WEIGHTS
from snippets.inference.serving_systems.sizing import decode_step

DAY = 86_400


def prefill_seconds(tokens: int, chips: int, utilization: float = 0.5) -> float:
    """Arithmetic of a prompt of Llama 3 70B: 2 FLOPs for each parameter and token."""
    rate = chips * PEAK * utilization
    return WEIGHTS * tokens / rate  # bytes in bf16 = 2 × parameters


def transfer_seconds(tokens: int, link: float) -> float:
    """The cache of a prompt, sent to the pool that decodes, over `link` bytes/s."""
    return tokens * PER_TOKEN / link


# --8<-- [start:pools]
def pools(
    inputs: float, outputs: float, prefill_rate: float, decode_rate: float
) -> tuple[float, float]:
    """Workers busy with prefill and with decoding.

    Args:
        inputs: Prompt tokens per second that arrive.
        outputs: Tokens per second to generate.
        prefill_rate: Prompt tokens per second of one prefill worker.
        decode_rate: Tokens per second of one decode worker.
    """
    return inputs / prefill_rate, outputs / decode_rate


# --8<-- [end:pools]


def example_stall() -> None:
    """A prompt of 8,192 tokens arrives at four H100 that decode for 32 users."""
    step = decode_step(WEIGHTS, 32 * 8192 * PER_TOKEN, 4, BANDWIDTH)
    whole, chunk = prefill_seconds(8192, 4), prefill_seconds(512, 4)
    print(f"{'':30s}{'longest gap':>12s}{'prefill takes':>15s}")
    print(
        f"{'whole prompt between two steps':30s}{(whole + step) * 1e3:9.0f} ms{whole * 1e3:12.0f} ms"
    )
    both = 16 * (chunk + step)
    print(
        f"{'chunks of 512, one a step':30s}{(chunk + step) * 1e3:9.0f} ms{both * 1e3:12.0f} ms"
    )
    sent = transfer_seconds(8192, 50e9)
    print(
        f"{'another pool, 400 Gbit/s':30s}{step * 1e3:9.0f} ms{(whole + sent) * 1e3:12.0f} ms"
    )


def example_deepseek() -> None:
    """One day of DeepSeek-V3/R1: nodes that its token counts and rates imply."""
    prefill, decode = pools(608e9 / DAY, 168e9 / DAY, 73.7e3, 14.8e3)
    print(f"prefill nodes  {prefill:6.1f}")
    print(f"decode nodes   {decode:6.1f}")
    print(f"together       {prefill + decode:6.1f}   published average 226.75, peak 278")


def facts() -> dict[str, str]:
    """Numbers that the page states about disaggregation."""
    step = decode_step(WEIGHTS, 32 * 8192 * PER_TOKEN, 4, BANDWIDTH)
    prefill, decode = pools(608e9 / DAY, 168e9 / DAY, 73.7e3, 14.8e3)
    return {
        "step": f"{step * 1e3:.0f} ms",
        "gap": f"{(prefill_seconds(8192, 4) + step) * 1e3:.0f} ms",
        "sent": f"{transfer_seconds(8192, 50e9) * 1e3:.0f} ms",
        "nodes": f"{prefill + decode:.1f}",
        "prefill_share": f"{prefill / (prefill + decode):.0%}",
        "ratio": f"{608 / 168:.1f}",
        "computed_ratio": f"{(608 - 342) / 168:.1f}",  # 342 were read from the cache
    }


if __name__ == "__main__":
    example_stall()
    example_deepseek()
