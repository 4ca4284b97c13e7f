"""Published numbers, family by family: the function of ours that a family of cases calls.

An adapter gets the inputs and the unit of a case and returns what the case expects, in that
unit. It implements the family's formula by calling snippets; it never knows a case's value.
A snippet that needs more than the standard library is imported inside its adapter, so that
this file can be read without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from snippets.distributed import hardware, hardware_kernels
from snippets.inference import kv_cache

Inputs = dict[str, Any]

UNITS = {
    "1": 1.0, "x": 1.0, "ratio": 1.0, "fraction": 1.0, "probability": 1.0, "%": 0.01,
    "bytes": 1.0, "B": 1.0,
    "FLOP/byte": 1.0, "OP/byte": 1.0, "tokens": 1.0, "TFLOPS": 1e12,
    "kB (1e3)": 1e3, "MB (1e6)": 1e6, "GB (1e9)": 1e9, "TB (1e12)": 1e12,
    "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40,
    "s": 1.0, "ms": 1e-3, "us": 1e-6, "minutes": 60.0, "hours": 3600.0, "days": 86400.0,
}  # fmt: skip


def in_unit(value: float, unit: str) -> float:
    """A value in bytes, seconds or plain numbers, expressed in the unit of a case."""
    return value / UNITS[unit]


def kv_per_token(inputs: Inputs, unit: str) -> float:
    """Bytes that one token adds to the cache."""
    size = kv_cache.kv_bytes_per_token(
        inputs["layers"], inputs["kv_heads"], inputs["head_dim"], inputs["bytes"]
    )
    return in_unit(size, unit)


def kv_total(inputs: Inputs, unit: str) -> float:
    """Bytes of `batch` sequences of `tokens` tokens."""
    return kv_per_token(inputs, unit) * inputs["tokens"] * inputs.get("batch", 1)


def kv_mla(inputs: Inputs, unit: str) -> float:
    """Bytes that one token adds to a latent cache."""
    size = kv_cache.latent_bytes_per_token(
        inputs["layers"], inputs["kv_lora_rank"], inputs["rope_dim"], inputs["bytes"]
    )
    return in_unit(size, unit)


def kv_total_mla(inputs: Inputs, unit: str) -> list[float]:
    """Totals of one model with every head cached, with grouped heads, and with a latent but no rotary key."""
    heads = kv_total({**inputs, "kv_heads": inputs["heads"]}, unit)
    latent = kv_cache.latent_bytes_per_token(inputs["layers"], inputs["latent"], 0, inputs["bytes"])
    return [heads, kv_total(inputs, unit), in_unit(latent * inputs["tokens"] * inputs.get("batch", 1), unit)]


def kv_total_swa(inputs: Inputs, unit: str) -> float:
    """Total of a model some of whose layers keep only a window."""
    per_layer = kv_cache.kv_bytes_per_token(1, inputs["kv_heads"], inputs["head_dim"], inputs["bytes"])
    size = kv_cache.hybrid_bytes(
        inputs["full_layers"], inputs["swa_layers"], inputs["window"], inputs["tokens"], per_layer
    )
    return in_unit(size * inputs.get("batch", 1), unit)


def kv_ratio(inputs: Inputs, unit: str) -> float:
    """How many times larger the first cache is than the second."""
    return in_unit(inputs["a"] / inputs["b"], unit)


def ridge(inputs: Inputs, unit: str) -> float:
    """FLOPs per byte at which arithmetic becomes the limit, of the 16-bit or the 8-bit rate."""
    bf16, eight = inputs.get("peak_tflops", 0.0), inputs.get("peak_tops", 0.0)
    chip = hardware.Accelerator(bf16, eight, 0.0, inputs["hbm_tb_per_s"], 0.0)
    return in_unit(chip.ridge(16 if bf16 else 8), unit)


def peak_flops(inputs: Inputs, unit: str) -> float:
    """Peak of a chip from its clock and its matrix units."""
    peak = hardware.peak_flops(inputs["clock_mhz"] * 1e6, inputs["fma_per_unit_per_cycle"], inputs["units"])
    return in_unit(peak, unit)


def matmul_batch(inputs: Inputs, unit: str) -> list[float]:
    """Critical batch with 16-bit weights, and with 8-bit weights and 16-bit arithmetic."""
    peak, bandwidth = inputs["bf16_flops"], inputs["hbm_bw"]
    return [in_unit(hardware_kernels.critical_batch(peak, bandwidth, width), unit) for width in (2, 1)]


def dot_intensity(inputs: Inputs, unit: str) -> float:
    """Intensity of a dot product so long that its length no longer matters."""
    flops, moved = hardware_kernels.dot(10**9)
    return in_unit(flops / moved, unit)


FAMILIES: dict[str, Callable[[Inputs, str], object]] = {
    "dot-intensity": dot_intensity,
    "kv-mla": kv_mla,
    "kv-per-request": kv_total,
    "kv-per-token": kv_per_token,
    "kv-ratio": kv_ratio,
    "kv-total": kv_total,
    "kv-total-mla": kv_total_mla,
    "kv-total-swa": kv_total_swa,
    "matmul-batch": matmul_batch,
    "peak-flops": peak_flops,
    "ridge-bf16": ridge,
    "ridge-lowp": ridge,
}
