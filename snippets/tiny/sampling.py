"""Replies of the model, with the log-probabilities under which they were drawn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from snippets.tiny.tasks import Task, grade
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import Batch

LIMIT = 6  # tokens of a reply: a right one has at most four digits and the end


@dataclass(frozen=True)
class Rollouts(Batch):
    """Prompts padded on the left, replies padded on the right; `trains` marks the replies."""

    logprobs: Tensor  # [B, S], as they were drawn; 0 outside replies
    replies: tuple[str, ...]  # texts, without the end of turn


def prompt_ids(given: Sequence[Task]) -> Tensor:
    """What a server would send to the model: [B, S], padded on the left."""
    return encoded(tuple(given)).clone()


@cache
def encoded(given: tuple[Task, ...]) -> Tensor:
    """The same, once for all draws."""
    texts = tokenizer().apply_chat_template(
        [task.messages[:1] for task in given], add_generation_prompt=True, tokenize=False
    )  # the template writes the special tokens: the tokenizer must not add them again
    rows = tokenizer()(texts, add_special_tokens=False, padding=True, padding_side="left")
    return torch.tensor(rows["input_ids"])


@torch.no_grad()
def sample(
    policy: LlamaForCausalLM,
    given: Sequence[Task],
    n: int = 1,
    *,
    temperature: float = 1.0,
    generator: torch.Generator | None = None,
    limit: int = LIMIT,
) -> Rollouts:
    """Draws `n` replies a task, those of one task side by side; temperature 0 is greedy."""
    pad, end = tokenizer().pad_token_id, tokenizer().eos_token_id
    prompts = prompt_ids(given)
    start = prompts.shape[1]
    out = policy(input_ids=prompts, attention_mask=(prompts != pad).long(), use_cache=True)
    keys = out.past_key_values  # each prompt is read once, for all its replies
    keys.batch_repeat_interleave(n)
    ids, last = (x.repeat_interleave(n, dim=0) for x in (prompts, out.logits[:, -1]))
    going = torch.ones(len(ids), dtype=torch.bool)
    scores: list[Tensor] = []
    written: list[Tensor] = []
    while True:
        scaled = (last / (temperature or 1.0)).log_softmax(-1)
        if temperature:
            chosen = torch.multinomial(scaled.exp(), 1, generator=generator)
        else:
            chosen = scaled.argmax(-1, keepdim=True)
        written.append(going)
        scores.append(scaled.gather(-1, chosen).squeeze(-1) * going)
        fed = torch.where(going[:, None], chosen, pad)
        ids = torch.cat([ids, fed], dim=1)
        going = going & (chosen.squeeze(-1) != end)
        if len(written) == limit or not going.any():
            break
        seen = (ids != pad).long()
        last = policy(
            input_ids=fed, attention_mask=seen, past_key_values=keys, use_cache=True
        ).logits[:, -1]
    before = torch.zeros(len(ids), start)
    trains = torch.cat([before.bool(), torch.stack(written, dim=1)], dim=1)
    drawn = torch.cat([before, torch.stack(scores, dim=1)], dim=1)
    replies = tokenizer().batch_decode(ids[:, start:], skip_special_tokens=True)
    return Rollouts(ids, trains, drawn, tuple(replies))


def rewards(given: Sequence[Task], replies: Sequence[str]) -> Tensor:
    """Grades of the replies, those of one task side by side: [B]."""
    each = len(replies) // len(given)
    return torch.tensor([grade(given[i // each], text) for i, text in enumerate(replies)])


def accuracy(
    policy: LlamaForCausalLM,
    given: Sequence[Task],
    *,
    temperature: float = 0.0,
    generator: torch.Generator | None = None,
) -> float:
    """Share of tasks that one reply solves: the greedy one, unless a temperature is given."""
    drawn = sample(policy, given, temperature=temperature, generator=generator)
    return sum(map(grade, given, drawn.replies)) / len(given)
