"""Tool output that stays in the loss (planted): what the gradient is then about."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence
from transformers import LlamaForCausalLM

from snippets.post_training.grpo.losses import RECIPES, policy_loss
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import Batch, logprobs

LONG = (0, 5, 20)  # digits of a tool's output


# --8<-- [start:rows]
def with_output(batch: Batch, length: int, draw: torch.Generator) -> tuple[Batch, Tensor]:
    """The replies, each followed by a tool's digits; and where those stand: [B, S]."""
    tool, zero = tokenizer().convert_tokens_to_ids(["<|tool|>", "0"])
    rows, trains, foreign = [], [], []
    for ids, mask in zip(batch.ids, batch.trains, strict=True):
        said = ids != tokenizer().pad_token_id
        digits = zero + torch.randint(10, (length,), generator=draw)
        output = torch.cat([torch.tensor([tool]), digits])
        rows.append(torch.cat([ids[said], output]))
        trains.append(torch.cat([mask[said], torch.zeros(len(output), dtype=torch.bool)]))
        foreign.append(torch.cat([torch.zeros(int(said.sum())), torch.ones(len(output))]))
    ids, mask, tool_mask = (
        pad_sequence(x, batch_first=True) for x in (rows, trains, foreign)
    )
    return Batch(ids, mask), tool_mask


# --8<-- [end:rows]


def leak(
    policy: LlamaForCausalLM, drawn: Batch, gain: Tensor, draw: torch.Generator
) -> list[tuple[float, float, float]]:
    """By length of output: its share of the tokens, what is left of the right gradient, cosine."""

    def gradient(each: Tensor, mask: Tensor) -> Tensor:
        new = each * mask
        loss = policy_loss(RECIPES["DAPO"], new, new.detach(), gain, mask, 1)
        parts = torch.autograd.grad(loss, list(policy.parameters()), retain_graph=True)
        return torch.cat([part.flatten() for part in parts])

    rows = []
    for length in LONG:
        batch, output = with_output(drawn, length, draw)
        own = batch.trains.float()
        each = logprobs(policy, batch.ids, torch.ones_like(own))  # of both gradients
        right, wrong = gradient(each, own), gradient(each, own + output)
        share = output.sum() / (batch.trains.sum() + output.sum())
        along = wrong @ right / right.norm() ** 2
        cosine = torch.cosine_similarity(wrong, right, dim=0)
        rows.append((share.item(), along.item(), cosine.item()))
    return rows
