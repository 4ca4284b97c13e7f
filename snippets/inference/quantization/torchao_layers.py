"""Quantization: torchao on a small model, the bytes that it holds and the error that it makes."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import copy

import torch
from torch import nn
from torchao.quantization import (
    Float8WeightOnlyConfig,
    Int8DynamicActivationInt8WeightConfig,
    Int8WeightOnlyConfig,
    IntxWeightOnlyConfig,
    PerGroup,
    quantize_,
)
from transformers import LlamaConfig, LlamaForCausalLM

FOUR_BITS: torch.dtype = torch.int4  # type: ignore[attr-defined]  # missing in the stubs


def model() -> LlamaForCausalLM:
    """A small random Llama in bf16."""
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=256, hidden_size=256, intermediate_size=512, num_hidden_layers=2,
        num_attention_heads=4, num_key_value_heads=2,
    )  # fmt: skip
    return LlamaForCausalLM(config).to(torch.bfloat16).eval()


# --8<-- [start:configs]
CONFIGS = {
    "int8 weights": Int8WeightOnlyConfig(),
    "int8 both": Int8DynamicActivationInt8WeightConfig(),
    "fp8 weights": Float8WeightOnlyConfig(),
    "int4 weights, groups of 32": IntxWeightOnlyConfig(
        weight_dtype=FOUR_BITS, granularity=PerGroup(32)
    ),
}
# --8<-- [end:configs]


def bits_held(module: nn.Module) -> float:
    """Bits per weight of the linear layers, as they lie in memory, scales included."""
    bits = count = 0
    for layer in module.modules():
        if isinstance(layer, nn.Linear):
            parts = getattr(layer.weight, "tensor_data_names", ())
            bits += sum(8 * getattr(layer.weight, name).nbytes for name in parts)
            count += layer.weight.numel()
    return bits / count


def example_compare() -> None:
    """Each configuration on the linear layers of the same model."""
    original, tokens = model(), torch.arange(64).reshape(1, 64)
    with torch.no_grad():
        right = original(tokens).logits.float()
        print(f"{'':28s}{'bits held':>9s}{'error of logits':>17s}")
        for name, config in CONFIGS.items():
            quantized = copy.deepcopy(original)
            quantize_(quantized, config)  # replaces the weights of every nn.Linear
            off = (quantized(tokens).logits.float() - right).norm() / right.norm()
            print(f"{name:28s}{bits_held(quantized):9.2f}{off:16.1%}")


def facts() -> dict[str, str]:
    """Numbers that the page states about torchao."""
    quantized = model()
    quantize_(quantized, CONFIGS["int4 weights, groups of 32"])
    return {"int4_held": f"{bits_held(quantized):.2f}"}


if __name__ == "__main__":
    example_compare()
