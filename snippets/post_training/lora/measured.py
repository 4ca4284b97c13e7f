"""The planner beside tensors: a small Llama under full fine-tuning, LoRA and QLoRA, byte by byte."""
# /// fieldguide
# timeout_s = 90
# memory_mb = 3000
# ///

from __future__ import annotations

import tempfile
from typing import Any

import torch
from peft import LoraConfig, get_peft_model, prepare_model_for_kbit_training
from torch import Tensor, nn
from transformers import BitsAndBytesConfig, LlamaConfig, LlamaForCausalLM

from snippets.post_training.lora.planner import Recipe, batch_bytes, state_bytes
from snippets.shapes.models import Shape

SHAPE = Shape(layers=2, hidden=256, heads=8, kv_heads=2, head_dim=64, width=320, vocab=96)
TOKENS, RANK = 40, 4
TEXT = torch.zeros(1, TOKENS, dtype=torch.long)


def config(layers: int = SHAPE.layers) -> LlamaConfig:
    """The shape, as `transformers` spells it."""
    return LlamaConfig(
        vocab_size=SHAPE.vocab, hidden_size=SHAPE.hidden, intermediate_size=SHAPE.width,
        num_hidden_layers=layers, num_attention_heads=SHAPE.heads,
        num_key_value_heads=SHAPE.kv_heads, head_dim=SHAPE.head_dim, tie_word_embeddings=False,
    )  # fmt: skip


def in_four_bits(model: LlamaForCausalLM) -> Any:
    """The model, saved, and loaded in NF4 with scales quantized twice."""
    how = BitsAndBytesConfig(
        load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        return LlamaForCausalLM.from_pretrained(
            folder, quantization_config=how, dtype=torch.bfloat16
        )


def build(recipe: Recipe, layers: int = SHAPE.layers) -> Any:
    """A model with random weights, as the recipe trains it."""
    torch.manual_seed(0)
    model: Any = LlamaForCausalLM(config(layers)).bfloat16()
    if recipe.four_bit:
        model = in_four_bits(model)
        if recipe.base == 4:  # PEFT's own preparation makes the rest fp32
            model = prepare_model_for_kbit_training(model, use_gradient_checkpointing=False)
    if not recipe.rank:
        return model
    how = LoraConfig(r=recipe.rank, target_modules="all-linear")
    return get_peft_model(model, how, autocast_adapter_dtype=recipe.trained == 4)


def stored(parameter: nn.Parameter) -> int:
    """Bytes of a parameter, the scales of NF4 included."""
    state = getattr(parameter, "quant_state", None)
    scales = [] if state is None else [state.absmax, state.state2.absmax]
    return parameter.nbytes + sum(t.nbytes for t in scales)


def states(model: Any) -> dict[str, int]:
    """Bytes of frozen weights and adapter; of gradients and moments after a step of AdamW."""
    parts = {"weights": 0, "adapter": 0}
    for name, p in model.named_parameters():
        parts["adapter" if "lora_" in name else "weights"] += stored(p)
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(trained)
    model(input_ids=TEXT, labels=TEXT).loss.backward()
    optimizer.step()
    moments = (t for state in optimizer.state.values() for t in state.values() if t.dim())
    parts["gradients"] = sum(p.grad.nbytes for p in trained)
    return parts | {"moments": sum(t.nbytes for t in moments)}


# --8<-- [start:kept]
def kept(model: Any) -> int:
    """Bytes that autograd saves in a forward pass, without the model's own tensors."""
    own = {t.untyped_storage().data_ptr() for t in (*model.parameters(), *model.buffers())}
    found: dict[int, Tensor] = {}

    def pack(tensor: Tensor) -> Tensor:
        found[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        model(input_ids=TEXT, labels=TEXT)
    return sum(t.untyped_storage().nbytes() for p, t in found.items() if p not in own)


# --8<-- [end:kept]


def layer_kept(recipe: Recipe, checkpointed: bool = False) -> int:
    """What one more layer adds to that."""
    sizes = []
    for layers in (2, 3):
        model = build(recipe, layers).train()
        if checkpointed:
            model.enable_input_require_grads()
            model.gradient_checkpointing_enable()
        sizes.append(kept(model))
    return sizes[1] - sizes[0]


RECIPES = {
    "full": Recipe(moments=4.0),  # PyTorch's AdamW keeps moments in the weights' type
    "LoRA": Recipe(rank=RANK),
    "LoRA in bf16": Recipe(rank=RANK, trained=2.0, moments=4.0),
    "QLoRA": Recipe(rank=RANK, four_bit=True),
    "QLoRA, fp32 rest": Recipe(rank=RANK, four_bit=True, base=4.0),
}


def example_states() -> None:
    """Bytes of the model, and what the planner is off by."""
    print(
        f"{'':17s}{'weights':>10s}{'adapter':>9s}{'gradients':>11s}{'moments':>10s}{'plan off by':>13s}"
    )
    for name, recipe in RECIPES.items():
        real, planned = states(build(recipe)), state_bytes(SHAPE, recipe)
        off = sum(abs(planned[part] - size) for part, size in real.items())
        row = "".join(
            f"{size:{w},}" for size, w in zip(real.values(), (10, 9, 11, 10), strict=True)
        )
        print(f"{name:17s}{row}{off:13.0f}")


def example_kept() -> None:
    """Bytes that a layer keeps of 40 tokens, planned and found; then with checkpoints."""
    print(f"{'':13s}{'planned':>9s}{'found':>9s}{'checkpoint':>12s}{'found':>8s}")
    for name in ("full", "LoRA", "LoRA in bf16"):
        recipe = RECIPES[name]
        planned = batch_bytes(SHAPE, recipe, TOKENS)
        point = round(planned["checkpoints"] / SHAPE.layers)
        found = layer_kept(recipe), layer_kept(recipe, checkpointed=True)
        print(
            f"{name:13s}{planned['one layer']:9,.0f}{found[0]:9,}{point:12,}{found[1]:8,}"
        )


if __name__ == "__main__":
    example_states()
    example_kept()
