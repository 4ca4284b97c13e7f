"""Quantization: what fewer bits save in time, and when they save nothing."""

from __future__ import annotations

PARAMETERS = 70_553_706_496  # Llama 3 70B
BANDWIDTH, PEAK, PEAK_FP8 = 3.35e12, 989e12, 1979e12  # one H100 SXM: bytes/s, dense FLOP/s
USABLE = 0.9 * 80e9  # bytes of its memory for weights and cache, the share of the planner


def step_seconds(
    tokens: int, parameters: float, bits: float, peak: float, bandwidth: float
) -> tuple[float, float]:
    """Lower bounds of one pass of `tokens` tokens: (reading the weights, multiplying).

    `bits` are stored per weight, scales included; `peak`, FLOP/s, is that of the type which
    is *multiplied*, bf16 for all weight-only formats; `bandwidth` is in bytes/s.
    """
    return parameters * bits / 8 / bandwidth, 2 * parameters * tokens / peak


def balance(bits: float, peak: float, bandwidth: float) -> float:
    """Tokens in a step at which multiplying takes as long as reading the weights."""
    return bits * peak / (16 * bandwidth)


def example_speed() -> None:
    """Llama 3 70B on two H100s: ms per step, at least, and what limits it."""
    kinds = {"bf16": (16, PEAK), "fp8 both": (8, PEAK_FP8), "int4 weights": (4.5, PEAK)}
    print(f"{'tokens in step':>14s}" + "".join(f"{name:>19s}" for name in kinds))
    for tokens in (1, 64, 256, 1024, 8192):
        line = f"{tokens:14,d}"
        for bits, peak in kinds.values():
            read, multiply = step_seconds(tokens, PARAMETERS, bits, 2 * peak, 2 * BANDWIDTH)
            limit = "memory" if read > multiply else "compute"
            line += f"{max(read, multiply) * 1e3:10.1f} {limit:>8s}"
        print(line)


def facts() -> dict[str, str]:
    """Numbers that the page states about time and size."""
    one, four = (
        step_seconds(1, PARAMETERS, b, 2 * PEAK, 2 * BANDWIDTH)[0] for b in (16, 4.5)
    )
    sequence = 8192 * 327_680  # bytes of cache, from the page on it
    return {
        "weights_bf16": f"{PARAMETERS * 2 / 1e9:.0f} GB",
        "weights_fp8": f"{PARAMETERS / 1e9:.1f} GB",
        "weights_int4": f"{PARAMETERS * 4.5 / 8 / 1e9:.1f} GB",
        "sequence": f"{sequence / 1e9:.1f} GB",
        "left_fp8": f"{(USABLE - PARAMETERS) / 1e9:.1f} GB",
        "users_fp8": f"{(USABLE - PARAMETERS) // (sequence / 2):.0f}",
        "users_int4": f"{(USABLE - PARAMETERS * 4.5 / 8) // sequence:.0f}",
        "decode_bf16": f"{one * 1e3:.1f} ms",
        "decode_int4": f"{2 * four * 1e3:.1f} ms",
        "decode_gain": f"{one / four:.1f}×",
        "balance_bf16": f"{balance(16, PEAK, BANDWIDTH):.0f}",
        "balance_int4": f"{balance(4.5, PEAK, BANDWIDTH):.0f}",
        "half_bf16": f"{balance(16, PEAK / 2, BANDWIDTH):.0f}",
        "half_int4": f"{balance(4.5, PEAK / 2, BANDWIDTH):.0f}",
        "llama_cpp_decode": f"{71.93 / 29.17:.1f}×",
        "llama_cpp_bytes": f"{16.0005 / 4.8944:.1f}×",
        "llama_cpp_prompt": f"{821.81 / 923.49:.2f}×",
    }


if __name__ == "__main__":
    example_speed()
