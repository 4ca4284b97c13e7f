"""Assisted generation of `transformers`: a random Llama, two drafts, and the text of the target alone."""
# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

import copy

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM


def llama(seed: int, layers: int = 2) -> LlamaForCausalLM:
    """A Llama with random weights, large enough to prefer some tokens."""
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=64, hidden_size=32, intermediate_size=64, num_hidden_layers=layers, num_attention_heads=2,
        num_key_value_heads=1, initializer_range=0.3, eos_token_id=None, pad_token_id=0, bos_token_id=1,
    )  # fmt: skip
    return LlamaForCausalLM(config).eval()


def perturbed(model: LlamaForCausalLM, noise: float) -> LlamaForCausalLM:
    """A draft that mostly agrees: the same weights, each off by `noise` of its matrix's spread."""
    draft = copy.deepcopy(model)
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for w in draft.parameters():
            if w.dim() == 2:
                w += noise * w.std() * torch.randn(w.shape, generator=generator)
    return draft


def decode(
    target: LlamaForCausalLM, draft: LlamaForCausalLM | None, tokens: int
) -> tuple[Tensor, int]:
    """Greedy text of the target, with or without a draft, and how often the target ran."""
    runs: list[int] = []
    hook = target.register_forward_hook(lambda *_: runs.append(1))
    prompt = torch.tensor([[1, 5, 9, 13]])
    text = target.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        assistant_model=draft,
        max_new_tokens=tokens,
        do_sample=False,
    )
    hook.remove()
    return text[0, prompt.shape[1] :], len(runs)


def example_assisted() -> None:
    """64 tokens: alone, with drafts of falling quality, and with a stranger."""
    target = llama(0)
    alone, runs = decode(target, None, 64)
    print(f"{'draft':24s}{'target passes':>14s}{'tokens/pass':>13s}  same text")
    print(f"{'none':24s}{runs:14d}{64 / runs:13.2f}")
    drafts = {f"own weights, {n:.0%} noise": perturbed(target, n) for n in (0.0, 0.05, 0.2)}
    for name, draft in {**drafts, "another random model": llama(7, layers=1)}.items():
        draft.generation_config.num_assistant_tokens = 4
        draft.generation_config.num_assistant_tokens_schedule = "constant"
        draft.generation_config.assistant_confidence_threshold = 0.0
        text, runs = decode(target, draft, 64)
        print(f"{name:24s}{runs:14d}{64 / runs:13.2f}  {torch.equal(text, alone)}")


if __name__ == "__main__":
    example_assisted()
