"""Memory of a fine-tuning run. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.post_training.lora.counts import CHOICES
from snippets.post_training.lora.planner import Recipe, card_bytes, in_gb, plan
from snippets.shapes.models import MODELS, parameters

MOMENTS = {"fp32": 8.0, "8-bit": 2.0}
BYTES = {"bf16": 2.0, "fp32": 4.0}


def memory(
    model: Literal["Llama 3 8B", "Llama 3 70B", "Llama 3 405B"] = "Llama 3 8B",
    method: Literal["full", "LoRA", "QLoRA"] = "QLoRA",
    rank: Annotated[int, "", (1, 1024)] = 16,
    tokens: Annotated[int, "tokens", (1, 1_000_000)] = 4096,
    gpu: Annotated[float, "GB", (1.0, 10_000.0)] = 24.0,
    *,
    targets: Literal["q and v", "attention", "MLP", "all seven"] = "all seven",
    adapter: Literal["fp32", "bf16"] = "fp32",
    moments: Literal["fp32", "8-bit"] = "fp32",
    rest: Literal["bf16", "fp32"] = "bf16",
    binary: bool = False,
) -> dict[str, object]:
    """Does this fine-tuning run fit, and what takes the memory?

    Args:
        model: Model to adapt.
        method: What is trained. All weights, an adapter, or an adapter over a base in NF4.
        rank: Rank of the adapter, $r$.
        tokens: Tokens of a step, $T$. Sequences times their length, on this GPU.
        gpu: Memory of the GPU.
        targets: Matrices with an adapter.
        adapter: Type of the adapter. PEFT makes it fp32, unless told not to.
        moments: Type of AdamW's two moments.
        rest: Type of embedding and head under NF4. PEFT's preparation for
            4-bit training makes them fp32.
        binary: The card holds GiB. Many hold as many GiB as their name says GB.
    """
    m = MODELS[model]
    recipe = Recipe(
        rank=0 if method == "full" else rank,
        four_bit=method == "QLoRA",
        base=BYTES[rest] if method == "QLoRA" else 2.0,
        trained=BYTES[adapter],
        moments=MOMENTS[moments],
        targets=CHOICES[targets],
    )
    parts = {part: in_gb(size) for part, size in plan(m, recipe, tokens).items() if size}
    whole = sum(parts.values())
    numbers = recipe.trained_numbers(m)
    limit = in_gb(card_bytes(gpu, binary))
    room = limit - whole
    unused = {
        "full": ["rank", "targets", "adapter", "rest"], "LoRA": ["rest"], "QLoRA": [],
    }[method]  # fmt: skip
    return {
        "memory, without workspace": f"{whole:,.1f} GB",
        "it fits" if room >= 0 else "it does not fit": f"{abs(room):,.1f} GB {'to spare' if room >= 0 else 'too much'}",
        "numbers that are trained": f"{numbers:,} ({numbers / parameters(m):.2%})",
        "bars": {"unit": "GB", "limit": limit, "values": parts},
        "unused": unused,
    }  # fmt: skip
