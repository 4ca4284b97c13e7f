"""Where memory goes."""

from __future__ import annotations

from typing import Any

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.distributed.memory import activations, recipes


def zero_memory(inputs: Inputs, unit: str) -> list[float]:
    """States per device at ZeRO stages 1, 2 and 3."""
    recipe = recipes.Recipe(inputs["bytes_weights"], inputs["bytes_grads"], inputs["bytes_optimizer"])
    sizes = [recipes.zero_bytes(inputs["params"], inputs["dp_degree"], stage, recipe) for stage in (1, 2, 3)]
    return [in_unit(size, unit) for size in sizes]


def deepspeed_zero2(inputs: Inputs, unit: str) -> float:
    """What DeepSpeed documents for stage 2."""
    gpus = inputs["gpus"] * inputs.get("nodes", 1)
    return in_unit(recipes.deepspeed_zero2(inputs["params"], gpus, inputs["offload_optimizer"]), unit)


def deepspeed_zero3(inputs: Inputs, unit: str) -> float | list[float]:
    """What DeepSpeed documents for stage 3; all three kinds of offloading where none is named."""
    gpus = inputs["gpus"] * inputs.get("nodes", 1)
    if "zero_init" in inputs:
        return in_unit(recipes.deepspeed_host(inputs["params"], inputs["nodes"], inputs["buffer_factor"]), unit)

    def size(optimizer: bool, params: bool) -> float:
        need = recipes.deepspeed_zero3(inputs["params"], inputs["largest_layer_params"], gpus, optimizer, params)
        return in_unit(need, unit)

    if "offload_optimizer" in inputs:
        return size(inputs["offload_optimizer"], inputs["offload_param"])
    return [size(False, False), size(True, True), size(True, False)]


def layer_bytes(inputs: Inputs, unit: str, **choice: Any) -> float:
    """Activations of one layer."""
    shape = inputs["seq"], inputs["batch"], inputs["hidden"], inputs["heads"]
    return in_unit(activations.activation_bytes(*shape, **choice), unit)


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
    every = activations.activation_bytes(*shape)
    selective = activations.activation_bytes(*shape, keep="selective")
    sbh = inputs["seq"] * inputs["hidden"]
    return [(every - selective) / sbh, 100 * (1 - selective / every)]


def output_pipeline(inputs: Inputs, unit: str) -> float:
    """Outputs of the first pipeline stage that need not be kept."""
    size = activations.output_pipeline_bytes(
        inputs["seq"], inputs["batch"], inputs["hidden"], inputs["pipeline"], inputs["bytes"]
    )
    return in_unit(size, unit)


def selective_throughput(inputs: Inputs, unit: str) -> float:
    """Gain of a shorter step."""
    return in_unit(activations.throughput_gain(inputs["full_recompute_s"], inputs["present_s"]), unit)


def hfu_mfu_ratio(inputs: Inputs, unit: str) -> float:
    """FLOPs of the hardware over those of the model."""
    return in_unit(activations.selective_overhead(inputs["seq"], inputs["hidden"]), unit)


FAMILIES: dict[str, Adapter] = {
    "act-5as-h": squares,
    "act-dealloc": output_pipeline,
    "act-layer-bytes": layer_bytes,
    "act-layer-bytes-tp": layer_bytes_tp,
    "ds-zero2-est": deepspeed_zero2,
    "ds-zero3-est": deepspeed_zero3,
    "hfu-mfu-ratio": hfu_mfu_ratio,
    "selective-throughput": selective_throughput,
    "zero-memory-128B": zero_memory,
    "zero-memory-1T": zero_memory,
    "zero-memory-7": zero_memory,
}
