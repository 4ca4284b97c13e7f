"""Published numbers, family by family: the function of ours that a family of cases calls.

An adapter gets the inputs and the unit of a case and returns what the case expects, in that
unit. It implements the family's formula by calling snippets; it never knows a case's value.
A snippet that needs more than the standard library is imported inside its adapter, so that
this file can be read without it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from snippets.distributed import (
    hardware,
    hardware_kernels,
    memory,
    memory_activations,
    pipeline_parallel_cost,
)
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


def zero_memory(inputs: Inputs, unit: str) -> list[float]:
    """States per device at ZeRO stages 1, 2 and 3."""
    recipe = memory.Recipe(inputs["bytes_weights"], inputs["bytes_grads"], inputs["bytes_optimizer"])
    sizes = [memory.zero_bytes(inputs["params"], inputs["dp_degree"], stage, recipe) for stage in (1, 2, 3)]
    return [in_unit(size, unit) for size in sizes]


def deepspeed_zero2(inputs: Inputs, unit: str) -> float:
    """What DeepSpeed documents for stage 2."""
    gpus = inputs["gpus"] * inputs.get("nodes", 1)
    return in_unit(memory.deepspeed_zero2(inputs["params"], gpus, inputs["offload_optimizer"]), unit)


def deepspeed_zero3(inputs: Inputs, unit: str) -> float | list[float]:
    """What DeepSpeed documents for stage 3; all three kinds of offloading where none is named."""
    gpus = inputs["gpus"] * inputs.get("nodes", 1)

    def size(optimizer: bool, params: bool) -> float:
        need = memory.deepspeed_zero3(
            inputs["params"], inputs["largest_layer_params"], gpus, optimizer, params
        )
        return in_unit(need, unit)

    if "offload_optimizer" in inputs:
        return size(inputs["offload_optimizer"], inputs["offload_param"])
    return [size(False, False), size(True, True), size(True, False)]


def layer_bytes(inputs: Inputs, unit: str, **choice: Any) -> float:
    """Activations of one layer."""
    shape = inputs["seq"], inputs["batch"], inputs["hidden"], inputs["heads"]
    return in_unit(memory_activations.activation_bytes(*shape, **choice), unit)


def layer_bytes_tp(inputs: Inputs, unit: str) -> list[float]:
    """Activations of one layer under tensor parallelism, and three further savings."""
    t = inputs["tp"]
    choices: list[dict[str, Any]] = [
        {"tensor": t}, {"tensor": t, "sharded": True},
        {"tensor": t, "sharded": True, "keep": "selective"}, {"tensor": t, "keep": "input"},
    ]  # fmt: skip
    return [layer_bytes(inputs, unit, **choice) for choice in choices]


def squares(inputs: Inputs, unit: str) -> list[float]:
    """The square part of attention in units of sbh bytes, and its share of the layer in percent."""
    shape = inputs["seq"], 1, inputs["hidden"], inputs["heads"]
    every = memory_activations.activation_bytes(*shape)
    selective = memory_activations.activation_bytes(*shape, keep="selective")
    sbh = inputs["seq"] * inputs["hidden"]
    return [(every - selective) / sbh, 100 * (1 - selective / every)]


def output_pipeline(inputs: Inputs, unit: str) -> float:
    """Outputs of the first pipeline stage that need not be kept."""
    size = memory_activations.output_pipeline_bytes(
        inputs["seq"], inputs["batch"], inputs["hidden"], inputs["pipeline"], inputs["bytes"]
    )
    return in_unit(size, unit)


def selective_throughput(inputs: Inputs, unit: str) -> float:
    """Gain of a shorter step."""
    return in_unit(memory_activations.throughput_gain(inputs["full_recompute_s"], inputs["present_s"]), unit)


def hfu_mfu_ratio(inputs: Inputs, unit: str) -> float:
    """FLOPs of the hardware over those of the model."""
    return in_unit(memory_activations.selective_overhead(inputs["seq"], inputs["hidden"]), unit)


def pipeline(inputs: Inputs, unit: str) -> list[float]:
    """Length of a step in milliseconds, and the share of it that is work in percent."""
    p, m = inputs["stages"], inputs["microbatches"]
    step = pipeline_parallel_cost.step_seconds(p, m, inputs["fwd_ms"], inputs["bwd_ms"])
    return [step, 100 / (1 + pipeline_parallel_cost.bubble(p, m))]


def pipeline_bubble(inputs: Inputs, unit: str) -> float:
    """Idle over working time."""
    return in_unit(
        pipeline_parallel_cost.bubble(inputs["stages"], inputs["microbatches"], inputs["chunks"]), unit
    )


FAMILIES: dict[str, Callable[[Inputs, str], object]] = {
    "act-5as-h": squares,
    "act-dealloc": output_pipeline,
    "act-layer-bytes": layer_bytes,
    "act-layer-bytes-tp": layer_bytes_tp,
    "dot-intensity": dot_intensity,
    "ds-zero2-est": deepspeed_zero2,
    "ds-zero3-est": deepspeed_zero3,
    "hfu-mfu-ratio": hfu_mfu_ratio,
    "kv-mla": kv_mla,
    "kv-per-request": kv_total,
    "kv-per-token": kv_per_token,
    "kv-ratio": kv_ratio,
    "kv-total": kv_total,
    "kv-total-mla": kv_total_mla,
    "kv-total-swa": kv_total_swa,
    "matmul-batch": matmul_batch,
    "peak-flops": peak_flops,
    "pipeline": pipeline,
    "pipeline-bubble": pipeline_bubble,
    "ridge-bf16": ridge,
    "ridge-lowp": ridge,
    "selective-throughput": selective_throughput,
    "zero-memory-128B": zero_memory,
    "zero-memory-1T": zero_memory,
    "zero-memory-7": zero_memory,
}
