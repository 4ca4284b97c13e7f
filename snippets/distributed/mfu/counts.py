"""FLOPs and MFU: the same counts by PyTorch, on real modules."""

# /// fieldguide
# timeout_s = 60
# memory_mb = 3000
# ///

from __future__ import annotations

import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import GPT2Config, GPT2LMHeadModel

from snippets.distributed.mfu.flops import gpt_forward_flops, train_flops_per_token

SMALL = (12, 768, 1024, 50_257)


# --8<-- [start:count]
def counted(
    layers: int, hidden: int, seq: int, vocab: int, backward: bool, again: bool = False
) -> int:
    """FLOPs that PyTorch counts for one sequence, on the meta device: shapes without data."""
    config = GPT2Config(
        n_layer=layers, n_embd=hidden, n_head=hidden // 64, n_positions=seq,
        vocab_size=vocab, use_cache=False, attn_implementation="eager",
    )  # fmt: skip
    with torch.device("meta"):
        model = GPT2LMHeadModel(config).train()
        tokens = torch.zeros(1, seq, dtype=torch.long)
    if again:
        model.activation_checkpointing_enable()
    with FlopCounterMode(display=False) as counter:
        logits = model(tokens, attention_mask=torch.ones_like(tokens)).logits
        if backward:
            logits.sum().backward()
    return counter.get_total_flops()


# --8<-- [end:count]


def example_counted() -> None:
    """GPT-2 small, one sequence of 1,024 tokens: our formula, and PyTorch's counter."""
    seq = SMALL[2]
    ours = {
        "forward": sum(gpt_forward_flops(*SMALL).values()),
        "forward and backward": train_flops_per_token(*SMALL) * seq,
        "recomputing layers": train_flops_per_token(*SMALL, "layers") * seq,
    }
    theirs = (
        counted(*SMALL, backward=False),
        counted(*SMALL, backward=True),
        counted(*SMALL, backward=True, again=True),
    )
    print(f"{'GFLOP':22s}{'formula':>10s}{'PyTorch':>10s}")
    for (name, flops), count in zip(ours.items(), theirs, strict=True):
        print(f"{name:22s}{flops / 1e9:10.3f}{count / 1e9:10.3f}")


if __name__ == "__main__":
    example_counted()
