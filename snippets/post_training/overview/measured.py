# /// fieldguide
# timeout_s = 120
# memory_mb = 3000
# ///
"""The planner's parts beside tensors that PyTorch, PEFT and bitsandbytes hold after a real step."""

from __future__ import annotations

import io
from contextlib import redirect_stderr
from dataclasses import replace

import torch
from torch import nn
from torch.autograd.graph import saved_tensors_hooks
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3Config, Qwen3ForCausalLM

from snippets.post_training.overview.memory import Run, layer_bytes, states
from snippets.shapes.models import Shape

TINY = Shape(
    2, 256, 4, 2, 64, 512, 320
)  # sizes that fill whole blocks of quantized numbers


def build(
    dtype: torch.dtype, layers: int = TINY.layers, qk_norm: bool = False
) -> LlamaForCausalLM | Qwen3ForCausalLM:
    """A Llama of those sizes, or a Qwen3, with random weights."""
    torch.manual_seed(0)
    config = (Qwen3Config if qk_norm else LlamaConfig)(
        vocab_size=TINY.vocab, hidden_size=TINY.hidden, intermediate_size=TINY.width,
        num_hidden_layers=layers, num_attention_heads=TINY.heads, head_dim=TINY.head_dim,
        num_key_value_heads=TINY.kv_heads, use_cache=False, attn_implementation="sdpa",
    )  # fmt: skip
    return (Qwen3ForCausalLM if qk_norm else LlamaForCausalLM)(config).to(dtype).train()


def in_four_bits(model: nn.Module) -> None:
    """Replace the matrices of the layers by bitsandbytes' NF4, in place."""
    from bitsandbytes.nn.modules import Linear4bit, Params4bit

    for name, module in list(model.named_modules()):
        if isinstance(module, nn.Linear) and "layers" in name:
            small = Linear4bit(
                module.in_features, module.out_features, bias=False,
                compute_dtype=torch.bfloat16, compress_statistics=True, quant_type="nf4",
            )  # fmt: skip
            small.weight = Params4bit(
                module.weight.data.float(), requires_grad=False, quant_type="nf4"
            )
            model.set_submodule(name, small.to("cpu"))


def adapted(model: nn.Module, rank: int) -> nn.Module:
    """PEFT's LoRA beside each matrix of the layers."""
    from peft import LoraConfig, get_peft_model

    matrices = ["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"]
    return get_peft_model(model, LoraConfig(r=rank, target_modules=matrices))


# --8<-- [start:held]
def held(model: nn.Module) -> dict[str, int]:
    """Bytes of what is there after one step of AdamW, by part."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    ids = torch.arange(32).unsqueeze(0)  # [B, T]
    model(input_ids=ids, labels=ids).loss.backward()
    optimizer.step()
    averages = [v for s in optimizer.state.values() for k, v in s.items() if k != "step"]
    adapter = sum(p.nbytes for name, p in model.named_parameters() if "lora_" in name)
    return {
        "weights": sum(weight_bytes(p) for p in model.parameters()) - adapter,
        "adapter": adapter,
        "gradients": sum(p.grad.nbytes for p in trained if p.grad is not None),
        "optimizer": sum(v.nbytes for v in averages),
    }


# --8<-- [end:held]


def weight_bytes(p: nn.Parameter) -> int:
    """Bytes of a weight; of a quantized one with its scales, without the constant tables."""
    quantized = getattr(p, "quant_state", None)
    if quantized is None:
        return p.nbytes
    return p.nbytes + int(quantized.absmax.nbytes) + int(quantized.state2.absmax.nbytes)


def kept(dtype: torch.dtype, qk_norm: bool = False, tokens: int = 16) -> float:
    """Bytes that autograd saves for each token in one layer: two layers less one."""

    def saved(layers: int) -> int:
        model, seen = build(dtype, layers, qk_norm), {}
        weights = {p.untyped_storage().data_ptr() for p in model.parameters()}

        def pack(t: torch.Tensor) -> torch.Tensor:
            place = t.untyped_storage()
            if place.data_ptr() not in weights and t.numel() > 1:
                seen[place.data_ptr()] = (place.nbytes(), t)
            return t

        with saved_tensors_hooks(pack, lambda t: t):
            out = model.model(input_ids=torch.arange(tokens).unsqueeze(0))
        return sum(size for size, _ in seen.values()) if out[0].requires_grad else 0

    return (saved(3) - saved(2)) / tokens


def measured() -> dict[str, tuple[dict[str, int], Run]]:
    """Four runs of one step, with the plan of each."""
    four = build(torch.bfloat16)
    in_four_bits(four)
    return {
        "full, fp32": (held(build(torch.float32)), Run(TINY, precision="fp32")),
        "full, bf16": (held(build(torch.bfloat16)), Run(TINY, precision="bf16")),
        "LoRA, r = 8": (
            held(adapted(build(torch.bfloat16), 8)),
            Run(TINY, method="LoRA", rank=8),
        ),
        "QLoRA, r = 8": (held(adapted(four, 8)), Run(TINY, method="QLoRA", rank=8)),
    }


def example_held() -> None:
    """Bytes after one step, measured and planned."""
    with redirect_stderr(io.StringIO()):
        runs = measured()
    columns = ("weights", "adapter", "gradients", "optimizer")
    print(f"{'':22s}{''.join(f'{c:>11s}' for c in columns)}")
    for name, (sizes, run) in runs.items():
        plan = states(run)
        print(f"{name:14s}held    {''.join(f'{sizes[c]:11,}' for c in columns)}")
        print(f"{'':14s}planned {''.join(f'{round(plan[c]):11,}' for c in columns)}")


def example_kept() -> None:
    """Bytes that a layer keeps of one token, as autograd saves them and as planned."""
    print(f"{'':11s}{'saved':>8s}{'planned':>9s}")
    for name, dtype, width in (("bf16", torch.bfloat16, 2.0), ("fp32", torch.float32, 4.0)):
        for model, norm in (("Llama", False), ("Qwen3", True)):
            plan = layer_bytes(replace(TINY, qk_norm=norm), width)
            print(f"{model} {name} {kept(dtype, norm):8,.0f}{plan:9,.0f}")


if __name__ == "__main__":
    example_held()
    example_kept()
