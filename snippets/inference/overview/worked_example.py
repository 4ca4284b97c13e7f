"""The planner's functions on a worked example that others have published."""

from __future__ import annotations

from dataclasses import replace

from snippets.inference.overview.load import sequences_that_fit
from snippets.inference.overview.setup import Setup, weight_bytes
from snippets.inference.overview.sizes import SERVED
from snippets.inference.overview.step_time import decode_step, prefill_seconds
from snippets.shapes.accelerators import ACCELERATORS

BOOK = Setup(  # Llama 3 70B in int8 on TPU v5e, arithmetic in bf16, nothing lost
    SERVED["Llama 3 70B"], ACCELERATORS["TPU v5e"], 8, "8-bit", "8-bit",
    compute_share=1.0, bandwidth_share=1.0, memory_share=1.0, node=64, hop_us=0.0,
    split_users=True,
)  # fmt: skip


def example_book() -> None:
    """Austin et al. 2025, part 8, beside what the planner says; no line is fitted."""
    chips = weight_bytes(BOOK) / 16e9
    step = decode_step(BOOK, 32, 8192)
    half = replace(BOOK, weights="bf16", cache="bf16", chips=16)
    fits, fits_half = sequences_that_fit(BOOK, 8192), sequences_that_fit(half, 8192)
    read = max(step.weights, step.matmul) + step.attention
    long = prefill_seconds(replace(half, compute_share=0.4), 8192)
    rows = [
        ("chips for the weights, int8", "4.38", f"{chips:.2f}"),
        ("chips for the weights, bf16", "8.75", f"{weight_bytes(half) / 16e9:.2f}"),
        ("step, 32 users at 8K, 8 chips", "17 ms", f"{read * 1e3:.1f} ms"),
        ("tokens/s in that step", "1882", f"{32 / read:.0f}"),
        ("users at 8K, bf16, 16 chips", "43", f"{fits_half}"),
        ("users at 8K, int8, 8 chips", "52", f"{fits}"),
        ("prompt of 8K, 16 chips at 40%", "0.91 s", f"{long:.2f} s"),
    ]
    print(f"{'':31s}{'book':>8s}{'planner':>10s}")
    for name, theirs, ours in rows:
        print(f"{name:31s}{theirs:>8s}{ours:>10s}")


def facts() -> dict[str, str]:
    """Numbers that the page states about the worked example."""
    rounded = int((8 * 16e9 - 70e9) / (162e3 * 8192))  # with the book's own sizes
    smaller = int((4 * 16e9 - 70e9 / 2) / (81e3 * 8192))
    return {
        "spare_int8": f"{8 * 16 - 70}",
        "users_int8": f"{rounded}",
        "users_exact": f"{sequences_that_fit(BOOK, 8192)}",
        "users_int4": f"{smaller}",
        "qps_int4": f"{smaller / (0.019 * 512 * 4):.2f}",
        "qps_int8": f"{rounded / (0.019 * 512 * 8):.2f}",
    }


if __name__ == "__main__":
    example_book()
