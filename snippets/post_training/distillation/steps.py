"""One step of distillation on the small Llama: who writes, and which loss reads."""

# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from functools import cache

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from snippets.post_training.distillation.losses import (
    forward,
    hard,
    mean,
    policy,
    reverse,
)
from snippets.tiny.sampling import sample
from snippets.tiny.tasks import Task
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import Batch

Loss = Callable[[Tensor, Tensor, Tensor], Tensor]
Arm = tuple[bool, Loss]  # whether the student writes, and the loss of each token

# --8<-- [start:arms]
ARMS: dict[str, Arm] = {
    "teacher's text, no logits": (False, lambda q, p, ids: hard(q, ids)),
    "teacher's text, forward": (False, lambda q, p, ids: forward(q, p)),
    "teacher's text, reverse": (False, lambda q, p, ids: reverse(q, p)),
    "student's text, reverse": (True, lambda q, p, ids: reverse(q, p)),
    "student's text, own gap": (True, policy),
}


def next_tokens(model: LlamaForCausalLM, ids: Tensor) -> Tensor:
    """Log-probabilities of what follows each token but the last: [B, S - 1, V]."""
    attended = (ids != tokenizer().pad_token_id).long()
    logits = model(input_ids=ids, attention_mask=attended, use_cache=False).logits
    return logits[:, :-1].log_softmax(-1)


def written(
    writer: LlamaForCausalLM, teacher: LlamaForCausalLM, given: tuple[Task, ...],
    draw: torch.Generator,
) -> tuple[Batch, Tensor]:  # fmt: skip
    """Replies to the prompts, and the teacher's log-probabilities of their tokens."""
    text = sample(writer, given, generator=draw)
    with torch.no_grad():
        return text, next_tokens(teacher, text.ids)


def step_loss(student: LlamaForCausalLM, loss: Loss, text: Batch, p: Tensor) -> Tensor:
    """The student reads the replies, too, and learns."""
    q = next_tokens(student, text.ids)
    return mean(loss(q, p, text.ids[:, 1:]), text.trains[:, 1:])


# --8<-- [end:arms]


@cache
def stored(
    teacher: LlamaForCausalLM, pool: tuple[Task, ...], seed: int
) -> tuple[Batch, Tensor]:
    """The teacher's text for all steps, written once for all students that read it."""
    return written(teacher, teacher, pool, torch.Generator().manual_seed(seed))


def distilled(
    start: LlamaForCausalLM, teacher: LlamaForCausalLM, arm: Arm, pool: list[Task],
    steps: int, seed: int, rate: float = 3e-3,
) -> LlamaForCausalLM:  # fmt: skip
    """A copy of the student after as many steps of AdamW, the rate falling to 0."""
    (writes, loss), student = arm, deepcopy(start)
    draw = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(student.parameters(), lr=rate, weight_decay=0.0)
    size = len(pool) // steps
    for i in range(steps):
        rows = torch.arange(i * size, (i + 1) * size)
        for group in optimizer.param_groups:
            group["lr"] = rate * (1 - i / steps)
        if writes:
            text, p = written(
                student, teacher, tuple(pool[i * size : (i + 1) * size]), draw
            )
        else:
            whole, each = stored(teacher, tuple(pool), seed)
            text, p = whole.rows(rows), each[rows]
        optimizer.zero_grad()
        step_loss(student, loss, text, p).backward()
        torch.nn.utils.clip_grad_norm_(student.parameters(), 1.0)
        optimizer.step()
    return student
