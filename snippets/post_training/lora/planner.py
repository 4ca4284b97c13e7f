"""Bytes of a fine-tuning run: weights, adapter, gradients, moments, and what the backward pass keeps."""

from __future__ import annotations

from dataclasses import dataclass, replace

from snippets.post_training.lora.codebook import nf4_bits, stored_bytes
from snippets.post_training.lora.counts import EVERY, LLAMA, adapter_params, linear_params
from snippets.shapes.models import MODELS, Shape, parameters

GB, GIB = 1e9, 2.0**30


@dataclass(frozen=True)
class Recipe:
    """What is trained, and in how many bytes a number."""

    rank: int = 0  # 0: everything is trained
    four_bit: bool = False  # the matrices of the layers, in NF4
    base: float = 2.0  # of a frozen or trained weight that is not in NF4
    trained: float = 4.0  # of an adapter's numbers and their gradients; PEFT keeps fp32
    moments: float = 8.0  # of AdamW's two averages, together
    doubly: bool = True  # the scales of NF4 are quantized, too
    targets: tuple[str, ...] = EVERY  # matrices with an adapter

    def trained_numbers(self, m: Shape) -> int:
        """Numbers that are trained."""
        return adapter_params(m, self.rank, self.targets) if self.rank else parameters(m)


# --8<-- [start:states]
def weight_bytes(m: Shape, r: Recipe) -> float:
    """The base model."""
    if not r.four_bit:
        return parameters(m) * r.base
    matrices = linear_params(m)
    quantized = stored_bytes(matrices, nf4_bits(r.doubly))
    return quantized + (parameters(m) - matrices) * r.base


def state_bytes(m: Shape, r: Recipe) -> dict[str, float]:
    """What is there whatever the batch."""
    numbers, width = r.trained_numbers(m), r.trained if r.rank else r.base
    return {
        "weights": weight_bytes(m, r),
        "adapter": numbers * width if r.rank else 0.0,
        "gradients": numbers * width,
        "moments": numbers * r.moments,
    }


# --8<-- [end:states]


# --8<-- [start:kept]
def layer_bytes(m: Shape, r: Recipe) -> float:
    """What one layer keeps of a token for the backward pass, in bf16, with fused attention."""
    h, width = m.hidden, m.width
    queries, keys = m.heads * m.head_dim, m.kv_heads * m.head_dim
    norms = 2 * (4 * h + 4)  # each an fp32 copy, and one number
    attention = 2 * (queries + 2 * keys) + 4 * m.heads  # q, k, v; softmax denominators
    inputs = 2 * h + queries + width  # of the seven matrices, the shared ones once
    shared = norms + attention + 2 * 3 * width  # gate, its activation, up
    if not r.rank:  # the norms train, too, and keep what they scale
        return shared + 2 * 2 * h + 2 * inputs
    low = r.trained * 7 * r.rank
    if r.trained == 2:
        return shared + low + 2 * inputs
    return (
        shared + low + 4 * (inputs + 3 * h) + 2 * queries
    )  # an fp32 copy for each adapter


def batch_bytes(m: Shape, r: Recipe, tokens: int) -> dict[str, float]:
    """What the backward pass needs with every layer checkpointed."""
    return {
        "checkpoints": m.layers * tokens * m.hidden * 2,
        "one layer": tokens * layer_bytes(m, r),
        # as the head makes them; in fp32 their log-softmax and two gradients
        "logits": tokens * m.vocab * (r.base + 3 * 4),
    }


# --8<-- [end:kept]


def plan(m: Shape, r: Recipe, tokens: int) -> dict[str, float]:
    """All parts, in bytes."""
    return {**state_bytes(m, r), **batch_bytes(m, r, tokens)}


RECIPES = {
    "full": Recipe(),
    "LoRA": Recipe(rank=16),
    "QLoRA": Recipe(rank=16, four_bit=True),
    "QLoRA, fp32 rest": Recipe(rank=16, four_bit=True, base=4.0),
}


def whole(name: str, tokens: int = 0, m: Shape = LLAMA) -> float:
    """Bytes of a model under one of the recipes."""
    return sum(plan(m, RECIPES[name], tokens).values())


def layer_growth(trained: float = 4.0) -> float:
    """What a layer keeps with adapters in so many bytes, over what it keeps without."""
    adapters = replace(RECIPES["LoRA"], trained=trained)
    return layer_bytes(LLAMA, adapters) / layer_bytes(LLAMA, RECIPES["full"])


def card_bytes(size: float, binary: bool) -> float:
    """Memory of a card: many hold as many GiB as their name says GB."""
    return size * (GIB if binary else GB)


def in_gb(size: float) -> float:
    """Bytes to GB."""
    return size / GB


def example_llama() -> None:
    """Llama 3 8B, one sequence of 4,096 tokens: GB of each part."""
    parts = list(plan(LLAMA, Recipe(), 1))
    print(
        f"{'GB':17s}" + "".join(f"{part:>{len(part) + 2}s}" for part in parts) + "    all"
    )
    for name, recipe in RECIPES.items():
        sizes = plan(LLAMA, recipe, 4096)
        row = "".join(f"{in_gb(sizes[p]):{len(p) + 2}.2f}" for p in parts)
        print(f"{name:17s}{row}{in_gb(whole(name, 4096)):7.1f}")


def facts() -> dict[str, str]:
    """Numbers that the page states."""
    return {
        "full_8b": f"{in_gb(whole('full')):.1f} GB",
        "lora_8b": f"{in_gb(whole('LoRA')):.1f} GB",
        "qlora_8b": f"{in_gb(whole('QLoRA')):.1f} GB",
        "qlora_8b_4k": f"{in_gb(whole('QLoRA', 4096)):.1f} GB",
        "qlora_70b": f"{in_gb(whole('QLoRA', m=MODELS['Llama 3 70B'])):.1f} GB",
        "prepared_70b": f"{in_gb(whole('QLoRA, fp32 rest', m=MODELS['Llama 3 70B'])):.1f} GB",
        "layer_growth": f"{layer_growth():.2f}",
        "layer_bf16": f"{layer_growth(2.0):.2f}",
    }


if __name__ == "__main__":
    example_llama()
