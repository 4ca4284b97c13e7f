"""Tool output that stays in the loss (planted): what the gradient is then about."""

# /// fieldguide
# timeout_s = 60
# tolerance.leak = {rel = 0.1, abs = 0.03, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

from functools import cache
from statistics import mean

import torch
from torch import Tensor
from torch.nn.utils.rnn import pad_sequence

from snippets.post_training.grpo.losses import RECIPES, advantages, policy_loss
from snippets.tiny.sampling import rewards, sample
from snippets.tiny.tasks import tasks
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import Batch, logprobs, started

SEEDS, PROMPTS, GROUP, LONG = range(5), 8, 8, (0, 5, 20)


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


@cache
def leak(seed: int) -> list[tuple[float, float, float]]:
    """By length of output: its share of the tokens, what is left of the right gradient, cosine."""
    policy, given = started(seed, 60), tasks(seed + 80, PROMPTS)
    draw = torch.Generator().manual_seed(seed)
    drawn = sample(policy, given, GROUP, generator=draw)
    gain, rows = advantages(rewards(given, drawn.replies), GROUP), []

    def gradient(batch: Batch, mask: Tensor) -> Tensor:
        new = logprobs(policy, batch.ids, mask)
        loss = policy_loss(RECIPES["DAPO"], new, new.detach(), gain, mask, 1)
        parts = torch.autograd.grad(loss, list(policy.parameters()))
        return torch.cat([part.flatten() for part in parts])

    for length in LONG:
        batch, output = with_output(drawn, length, draw)
        right = gradient(batch, batch.trains.float())
        wrong = gradient(batch, batch.trains.float() + output)
        share = output.sum() / (batch.trains.sum() + output.sum())
        along = wrong @ right / right.norm() ** 2
        rows.append(
            (
                share.item(),
                along.item(),
                torch.cosine_similarity(wrong, right, dim=0).item(),
            )
        )
    return rows


def mean_leak(row: int, column: int) -> float:
    """One entry of the table, in the mean over the seeds."""
    return mean(leak(seed)[row][column] for seed in SEEDS)


def example_leak() -> None:
    """What a leak does to one step's gradient, by the length of the tool's output."""
    print("output   share of tokens   kept of the right gradient   cosine")
    for row, length in enumerate(LONG):
        share, kept, cosine = (mean_leak(row, column) for column in range(3))
        print(f"{length + 1:6d}{share:18.0%}{kept:29.0%}{cosine:9.2f}")


def facts() -> dict[str, str]:
    """Numbers of the page about tools."""
    return {"leak_share": f"{mean_leak(2, 0):.0%}", "leak_cosine": f"{mean_leak(2, 2):.2f}"}


if __name__ == "__main__":
    example_leak()
