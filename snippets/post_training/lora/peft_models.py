"""Adapters of PEFT on small models with random weights: tied matrices, and what `all-linear` finds."""
# /// fieldguide
# timeout_s = 90
# memory_mb = 3000
# ///

from __future__ import annotations

import re
import tempfile
from typing import Any, cast

import torch
from peft import LoraConfig, get_peft_model
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM, Qwen3MoeConfig, Qwen3MoeForCausalLM

SMALL: dict[str, Any] = {
    "vocab_size": 64,
    "hidden_size": 64,
    "intermediate_size": 128,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 16,
}
TEXT = torch.arange(32).unsqueeze(0)


def llama(tied: bool) -> LlamaForCausalLM:
    """A Llama of two layers; its output layer may be its embedding."""
    torch.manual_seed(0)
    config = LlamaConfig(**SMALL, tie_word_embeddings=tied, initializer_range=0.1)
    return LlamaForCausalLM(config).eval()


# --8<-- [start:stages]
@torch.no_grad()
def stages(tied: bool, targets: str | list[str]) -> tuple[Tensor, list[Tensor]]:
    """Logits of the base; then attached, merged, and merged, saved and loaded."""
    model = llama(tied)
    base = model(TEXT).logits
    config = LoraConfig(r=4, target_modules=targets, init_lora_weights=False)
    wrapped = get_peft_model(model, config).eval()  # B is random, as if it were trained
    attached = wrapped(TEXT).logits
    model = cast(LlamaForCausalLM, wrapped.merge_and_unload())
    with tempfile.TemporaryDirectory() as folder:
        model.save_pretrained(folder)
        loaded = LlamaForCausalLM.from_pretrained(folder)
    return base, [attached, model(TEXT).logits, loaded(TEXT).logits]


# --8<-- [end:stages]


def gaps(tied: bool, targets: str | list[str]) -> list[float]:
    """Largest distance of the three stages: first from the base, the others from the first."""
    base, logits = stages(tied, targets)
    others = [base, logits[0], logits[0]]
    return [float((a - b).abs().max()) for a, b in zip(logits, others, strict=True)]


def adapted(targets: str | list[str], parameters: list[str] | None = None) -> list[str]:
    """Modules of the first layer of a small Qwen3-MoE that get an adapter."""
    model = Qwen3MoeForCausalLM(Qwen3MoeConfig(
        **SMALL, moe_intermediate_size=16, num_experts=4, num_experts_per_tok=2,
    ))  # fmt: skip
    config = LoraConfig(r=2, target_modules=targets, target_parameters=parameters)
    names = (name for name, _ in get_peft_model(model, config).named_parameters())
    found = (re.search(r"layers\.0\.(.+)\.lora_A", name) for name in names)
    return [match[1].replace(".base_layer", "") for match in found if match]


def example_tied() -> None:
    """Logits, largest distance: attached from the base, the later stages from attached."""
    print(f"{'embedding':11s}{'targets':12s}{'attached':>9s}{'merged':>9s}{'loaded':>9s}")
    for tied in (False, True):
        for targets in ("all-linear", ["lm_head"]):
            name = targets if isinstance(targets, str) else targets[0]
            row = "".join(f"{gap:9.2f}" for gap in gaps(tied, targets))
            print(f"{'tied' if tied else 'untied':11s}{name:12s}{row}")


def example_router() -> None:
    """What two settings adapt in a layer with experts."""
    attention = ["q_proj", "k_proj", "v_proj", "o_proj"]
    experts = ["mlp.experts.gate_up_proj", "mlp.experts.down_proj"]
    settings = {"all-linear": adapted("all-linear"), "named": adapted(attention, experts)}
    for name, found in settings.items():
        short = [part.removeprefix("self_attn.").removeprefix("mlp.") for part in found]
        print(f"{name:11s}{' '.join(sorted(short))}")


def facts() -> dict[str, str]:
    """Numbers that the page states."""
    apart = gaps(True, ["lm_head"])
    return {"tied_effect": f"{apart[0]:.1f}", "tied_gap": f"{apart[1]:.1f}"}


if __name__ == "__main__":
    example_tied()
    example_router()
