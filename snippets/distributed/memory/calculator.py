"""Where memory goes: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.distributed.memory.activations import activation_bytes
from snippets.distributed.memory.recipes import RECIPES, Recipe, zero_bytes

NF4 = (
    4 + 8 / 64 + 32 / (64 * 256)
) / 8  # bytes: 4 bits, an 8-bit scale for 64, its scale for 256 of those


def training_memory(
    params: Annotated[float, "billion", (0.001, 10_000.0)] = 8.03,
    method: Literal["full", "LoRA", "QLoRA"] = "full",
    gpus: Annotated[int, "", (1, 100_000)] = 8,
    zero_stage: Literal["0", "1", "2", "3"] = "3",
    sequence: Annotated[int, "tokens", (1, 10_000_000)] = 8192,
    memory: Annotated[float, "GB", (1.0, 10_000.0)] = 80.0,
    *,
    batch: Annotated[int, "per GPU", (1, 4096)] = 1,
    recompute: Literal["nothing", "attention", "whole layers"] = "attention",
    precision: Literal[
        "mixed, 16-bit grads", "mixed, fp32 grads", "fp32", "bf16"
    ] = "mixed, fp32 grads",
    trained: Annotated[float, "%", (0.001, 100.0)] = 0.5,
    tensor: Annotated[int, "GPUs", (1, 64)] = 1,
    layers: Annotated[int, "", (1, 1000)] = 32,
    hidden: Annotated[int, "", (16, 200_000)] = 4096,
    heads: Annotated[int, "", (1, 1000)] = 32,
) -> dict[str, object]:
    """Does this training step fit, and what takes the space?

    Args:
        params: Parameters, $N$.
        method: What is trained. All (full), or adapters beside frozen weights in bf16 (LoRA) or
            NF4 (QLoRA).
        gpus: Data-parallel GPUs, $n$. They shard states among them.
        zero_stage: Stage of ZeRO. 0 shards nothing, 1 the optimizer, 2 also gradients, 3 also
            weights.
        sequence: Length of a sequence, $S$.
        memory: Memory of a GPU.
        batch: Sequences of a micro-batch, $B$.
        recompute: What is computed again. The square part of attention (fused attention does
            the same), or layers.
        precision: Recipe for numbers. Formats of weights, gradients and optimizer, for what is
            trained.
        trained: Adapters' share of the parameters.
        tensor: Degree of tensor parallelism, $n_\\text{tp}$. With sequence parallelism.
        layers: Decoder layers, $L$.
        hidden: Width of the model, $h$.
        heads: Query heads, $H$.
    """
    recipe = RECIPES[
        precision if precision.startswith("mixed") else f"{precision} throughout"
    ]
    share = 1.0 if method == "full" else trained / 100
    stage = int(zero_stage)
    here = params * 1e9 / tensor
    states = {
        "weights": zero_bytes(here * share, gpus, stage, Recipe(recipe.weights, 0, 0)),
        "gradients": zero_bytes(here * share, gpus, stage, Recipe(0, recipe.gradients, 0)),
        "optimizer": zero_bytes(here * share, gpus, stage, Recipe(0, 0, recipe.optimizer)),
    }
    if method != "full":
        frozen = Recipe(2 if method == "LoRA" else NF4, 0, 0)
        states["frozen weights"] = zero_bytes(here, gpus, stage, frozen)
    keep = {"nothing": "all", "attention": "selective", "whole layers": "input"}[recompute]
    width = 2 if precision == "fp32" else 1  # the formula counts 16-bit numbers
    shape = (sequence, batch, hidden, heads, tensor, tensor > 1)
    one = width * activation_bytes(*shape, keep=keep)
    if keep == "input" and tensor > 1:
        one /= tensor  # the input of a layer is split along the sequence as well
    again = width * activation_bytes(*shape, keep="selective") if keep == "input" else 0.0
    parts = {**states, "activations": layers * one + again}
    total = sum(parts.values())
    spare = memory * 1e9 - total
    fits = (
        f"yes, with {spare / 1e9:,.1f} GB to spare"
        if spare >= 0
        else f"no, {-spare / 1e9:,.1f} GB too much"
    )
    idle_inputs = {
        "trained": method == "full",
        "heads": recompute != "nothing",
        "zero_stage": gpus == 1,
        "gpus": stage == 0 and gpus > 1,  # one of the two stays in sight
    }
    largest = max(parts, key=lambda name: parts[name])
    return {
        "Does it fit?": fits,
        "needed on each GPU": f"{total / 1e9:,.1f} GB",
        "largest part": f"{largest}, {parts[largest] / total:.0%}",
        "trained parameters": f"{params * share:,.3g} billion, {recipe.total:g} bytes each",
        "activations of one layer": f"{one / 1e6:,.1f} MB",
        "bars": {"unit": "GB", "limit": memory, "values": {k: v / 1e9 for k, v in parts.items()}},
        "unused": [name for name, idle in idle_inputs.items() if idle],
    }  # fmt: skip
