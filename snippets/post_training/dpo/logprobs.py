"""From logits to the log-probability of an answer: the shift, the mask, the sum."""
# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM


# --8<-- [start:answer]
def answer_logps(logits: Tensor, tokens: Tensor, answer: Tensor) -> tuple[Tensor, Tensor]:
    """Sum over the tokens of each answer, and their number.

    Args:
        logits: `[B, S, V]`.
        tokens: `[B, S]`.
        answer: `[B, S]`, 1 where a token belongs to the answer, 0 on prompt and padding.
    """
    logps = logits[:, :-1].log_softmax(-1)  # position t predicts token t + 1
    taken = logps.gather(-1, tokens[:, 1:, None]).squeeze(-1)  # [B, S - 1]
    counted = answer[:, 1:]
    return (taken * counted).sum(-1), counted.sum(-1)


# --8<-- [end:answer]


def tiny() -> LlamaForCausalLM:
    """A Llama of two layers with random weights, the same each time."""
    torch.manual_seed(0)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=32, hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=32,
    ))  # fmt: skip


def batch() -> tuple[Tensor, Tensor]:
    """Two rows of ten tokens: a prompt of four, answers of six and of three."""
    tokens = torch.randint(32, (2, 10), generator=torch.Generator().manual_seed(1))
    answer = torch.zeros_like(tokens)
    answer[0, 4:] = 1
    answer[1, 4:7] = 1
    return tokens, answer


def example_answer() -> None:
    """The sum against the loss of `transformers`, whose labels hide all but the answer."""
    model, (tokens, answer) = tiny(), batch()
    with torch.no_grad():
        sums, counts = answer_logps(model(tokens).logits, tokens, answer)
        for i in range(2):
            labels = tokens[i : i + 1].masked_fill(answer[i : i + 1] == 0, -100)
            loss = model(tokens[i : i + 1], labels=labels).loss.item()
            print(
                f"row {i}: {sums[i].item():9.4f} nats over {counts[i]} tokens, transformers {-loss * counts[i].item():9.4f}"
            )
