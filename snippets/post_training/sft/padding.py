# /// fieldguide
# timeout_s = 60
# ///
"""Labels by value and by length: where padding has the id of the end of turn."""

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from snippets.post_training.sft.masks import IGNORED
from snippets.tiny.tasks import tasks
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import Batch, conversations

END = tokenizer().convert_tokens_to_ids("<|end|>")
EASY = (2, 3)  # digits of a task


# --8<-- [start:labels]
def by_value(ids: Tensor, pad: int) -> Tensor:
    """Labels as a general collator makes them: whatever equals the padding is left out."""
    return ids.masked_fill(ids == pad, IGNORED)


def by_length(ids: Tensor, lengths: Tensor) -> Tensor:
    """Labels from the length of each row, whatever its tokens are."""
    inside = torch.arange(ids.shape[1]) < lengths.unsqueeze(1)
    return ids.masked_fill(~inside, IGNORED)


# --8<-- [end:labels]


@cache
def rows(shared: bool, n: int = 256) -> Batch:
    """Training rows; with a shared id, labels by value take the end of turn along."""
    batch = conversations(tasks(7, n, digits=EASY))
    lengths = (batch.ids != 0).sum(1)
    padded = batch.ids.masked_fill(batch.ids == 0, END) if shared else batch.ids
    kept = by_value(padded, END) if shared else by_length(padded, lengths)
    return Batch(batch.ids, batch.trains & (kept != IGNORED))


def ends_trained(batch: Batch) -> int:
    """Labels that are an end of turn."""
    return int((batch.ids[batch.trains] == END).sum())


def example_audit() -> None:
    """What two releases of a data pipeline hand to the same trainer."""
    print("release    rows  labels  labels that end a turn")
    for name, shared in (("monday", False), ("tuesday", True)):
        batch = rows(shared)
        print(
            f"{name:9}  {len(batch.ids):4}  {int(batch.trains.sum()):6}  {ends_trained(batch):22}"
        )


if __name__ == "__main__":
    example_audit()
