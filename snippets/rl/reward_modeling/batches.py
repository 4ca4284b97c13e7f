"""The score of a reply alone and in a padded batch, by three rules for where it is read."""

# /// fieldguide
# timeout_s = 120
# memory_mb = 3000
# ///

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import torch
from torch import Tensor
from transformers import LlamaForSequenceClassification

from snippets.tiny.tasks import tasks
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import conversations, model

PAD = tokenizer().pad_token_id


@cache
def scorer(seed: int = 0) -> LlamaForSequenceClassification:
    """A reward model with random weights: where it reads is what matters here."""
    config = model(seed).config
    config.num_labels = 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForSequenceClassification(config).eval()


@cache
def rows() -> list[Tensor]:
    """Eight conversations of unlike lengths, without padding."""
    ids = conversations(tasks(0, 8)).ids
    found = [row[row != PAD] for row in ids]
    return [row[: len(row) - i % 3] for i, row in enumerate(found)]


def padded(some: list[Tensor], side: str) -> tuple[Tensor, Tensor]:  # [B, S] twice
    """Rows in one batch, and which places count."""
    ids = torch.nn.utils.rnn.pad_sequence(some, True, PAD, side)
    ones = [torch.ones_like(row) for row in some]
    return ids, torch.nn.utils.rnn.pad_sequence(ones, True, 0, side)


# --8<-- [start:rules]
def last_place(mask: Tensor) -> Tensor:  # [B, S] -> [B]
    """The end of the batch: right for padding on the left."""
    return torch.full_like(mask[:, 0], mask.shape[1] - 1)


def count_less_one(mask: Tensor) -> Tensor:
    """The number of tokens, less one: right for padding on the right."""
    return mask.sum(1) - 1


def last_that_counts(mask: Tensor) -> Tensor:
    """The rightmost place with a token of the reply."""
    return (mask * torch.arange(1, mask.shape[1] + 1)).argmax(1)


# --8<-- [end:rules]
RULES: dict[str, Callable[[Tensor], Tensor]] = {
    "last place": last_place,
    "count less one": count_less_one,
    "last that counts": last_that_counts,
}


@torch.no_grad()
def scores(rule: str, some: list[Tensor], side: str = "right") -> Tensor:  # [B]
    """The head's output at the place that the rule names."""
    ids, mask = padded(some, side)
    states = scorer().model(ids, attention_mask=mask).last_hidden_state
    each = scorer().score(states)[..., 0]  # [B, S]
    return each[torch.arange(len(some)), RULES[rule](mask)]


@torch.no_grad()
def library(some: list[Tensor], side: str = "right") -> Tensor:
    """The class's own rule, which looks for padding by its token."""
    ids, mask = padded(some, side)
    return scorer()(ids, attention_mask=mask).logits[:, 0]


def change(read: Callable[[list[Tensor], str], Tensor], side: str) -> float:
    """Largest difference between a score alone and in the batch."""
    alone = torch.cat([read([row], side) for row in rows()])
    return (read(rows(), side) - alone).abs().max().item()


def example_batches() -> None:
    """How far a score moves when the reply shares a batch."""
    print("read at             right padding  left padding")
    for rule in RULES:
        moved = [
            change(lambda some, side, rule=rule: scores(rule, some, side), side)  # type: ignore[misc]
            for side in ("right", "left")
        ]
        print(f"{rule:20s}" + "".join(f"{round(m, 4):14.4f}" for m in moved))
    moved = [change(library, side) for side in ("right", "left")]
    print(f"{'transformers':20s}" + "".join(f"{round(m, 4):14.4f}" for m in moved))


if __name__ == "__main__":
    example_batches()
