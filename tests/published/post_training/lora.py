"""LoRA and QLoRA: numbers that are trained, NF4's levels, bytes, and a learning rate to start with."""

from __future__ import annotations

import re

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.post_training.lora import codebook, counts, first_step
from snippets.shapes.models import Shape

ALL = {"all linear": counts.EVERY}
NAMES = {"q_proj": "q", "v_proj": "v", "query": "q", "value": "v"}


def shape(inputs: Inputs) -> Shape:
    """The decoder that a case describes; square attention where it says no more."""
    hidden = inputs["hidden"] if "hidden" in inputs else inputs["d_model"]
    heads, head_dim = inputs.get("heads", 1), inputs.get("head_dim", inputs.get("q_out", hidden))
    keys = inputs.get("kv_out", inputs.get("v_out", hidden))
    kv_heads = inputs["kv"] if "kv" in inputs else keys // head_dim or 1
    if "kv" not in inputs and keys != head_dim:  # grouped, without the number of heads
        heads, head_dim, kv_heads = head_dim // keys, keys, 1
    layers = inputs.get("layers", inputs.get("attention_modules"))
    return Shape(layers, hidden, heads, kv_heads, head_dim, inputs.get("ffn", 0), inputs.get("vocab", 0))


def lora_params(inputs: Inputs, unit: str) -> float:
    """Numbers that are trained, with a head of so many classes where there is one."""
    named = inputs["targets"]
    targets = ALL[named] if isinstance(named, str) else tuple(NAMES.get(name, name) for name in named)
    numbers = counts.adapter_params(shape(inputs), inputs["r"], targets)
    classes = inputs.get("head_classes", 0)
    return numbers + (classes * (inputs["d_model"] + 1) if classes else 0)


def by_part(inputs: Inputs, unit: str) -> list[float]:
    """Numbers at rank 1: feed-forward, attention, output layer."""
    m = shape(inputs)
    parts = [counts.adapter_params(m, 1, targets) for targets in (counts.MLP, counts.ATTENTION)]
    return [*parts, counts.head_params(m, 1)]


def experts(inputs: Inputs, unit: str) -> float:
    """Numbers at rank 1 in feed-forward layers: dense, shared and routed."""
    hidden, width, dense = inputs["d_model"], inputs["moe_ffn"], inputs["dense"]
    routed = counts.expert_params(hidden, width, inputs["experts"], 1, shared=True)
    always = counts.expert_params(hidden, width, inputs["shared"], 1, shared=False)
    first = counts.expert_params(hidden, inputs["ffn"], 1, 1, shared=False) if dense else 0
    return (inputs["layers"] - dense) * (routed + always) + dense * first


def nf4(inputs: Inputs, unit: str) -> list[float]:
    """One side of the code book, with zero on the negative one."""
    above, below = inputs.get("positive_levels", 8), inputs.get("negative_levels", 7)
    values = codebook.nf4_values(inputs["offset"], below, above)
    return values[: below + inputs["zero"]] if "zero" in inputs else values[-above:]


def scales(inputs: Inputs, unit: str) -> float:
    """Bits of scales for a number; what the second quantization saves, in bits or bytes."""
    if "params" in inputs:
        return in_unit(codebook.stored_bytes(inputs["params"], inputs["bits_saved"]), unit)
    if "after" in inputs:
        first, block, second, _, group = map(int, re.findall(r"\d+", inputs["after"]))
        return codebook.saved_bits(inputs["before"], codebook.scale_bits(block, first, group, second))
    if "block2" in inputs:
        first, second = inputs["first_bits"], inputs["second_bits"]
        return codebook.scale_bits(inputs["block"], first, inputs["block2"], second)
    return codebook.scale_bits(inputs["block"], inputs["const_bits"])


def memory(inputs: Inputs, unit: str) -> float:
    """Bytes of so many parameters."""
    bits = 8 * inputs.get("bytes_per_param", 0) + sum(map(float, inputs.get("bits_per_param", "0").split("+")))
    return in_unit(codebook.stored_bytes(inputs["params"], bits), unit)


def start_rate(_inputs: Inputs, _unit: str) -> float:
    """How many times that of full fine-tuning; the function behind the case ignores its input, too."""
    return first_step.start_rate(1.0)


FAMILIES: dict[str, Adapter] = {
    "finetune-mem": memory,
    "lora-lr": start_rate,
    "lora-params": lora_params,
    "lora-params-by-part": by_part,
    "lora-params-moe": experts,
    "nf4-codebook": nf4,
    "qlora-dq": scales,
}
