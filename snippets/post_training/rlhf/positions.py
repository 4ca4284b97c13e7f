"""Where a reward model reads its score: by the value of a padding token, or where the reply ends."""

# /// fieldguide
# timeout_s = 180
# memory_mb = 3000
# tolerance.read = {rel = 0.15, abs = 0.06, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import random
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import LlamaForSequenceClassification

from snippets.tiny.tasks import Task, tasks
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import conversations, started

PAD, END = tokenizer().pad_token_id, tokenizer().eos_token_id


def swapped(task: Task, draw: random.Random) -> Task:
    """The task with a wrong answer: one digit is another."""
    place = draw.randrange(len(task.answer))
    digit = draw.choice([d for d in "0123456789" if d != task.answer[place]])
    return Task(task.prompt, task.answer[:place] + digit + task.answer[place + 1 :])


def pairs(seed: int, n: int, test: bool = False) -> tuple[list[Task], list[Task]]:
    """Right answers and wrong ones."""
    draw, good = random.Random(seed), tasks(seed, n, test=test)
    return good, [swapped(task, draw) for task in good]


def fresh(seed: int = 0) -> LlamaForSequenceClassification:
    """A reward model whose body is the model after supervised training."""
    body = started(seed, 40)
    body.config.num_labels = 1
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        scorer = LlamaForSequenceClassification(body.config)
    scorer.model.load_state_dict(body.model.state_dict())
    return scorer


@cache
def trained(seed: int = 0, steps: int = 100) -> LlamaForSequenceClassification:
    """The Bradley-Terry loss on pairs, padding with a token of its own."""
    scorer, draw = fresh(seed), torch.Generator().manual_seed(seed)
    ids = conversations([task for side in pairs(seed, 256) for task in side]).ids
    optimizer = torch.optim.AdamW(scorer.parameters(), lr=3e-3)
    for _ in range(steps):
        some = torch.randint(256, (16,), generator=draw)
        both = ids[torch.cat([some, 256 + some])]
        scores = scorer(both, use_cache=False).logits.squeeze(-1)
        loss = -F.logsigmoid(scores[:16] - scores[16:]).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return scorer.eval()


# --8<-- [start:rules]
def before_first_pad(ids: Tensor, pad: int) -> Tensor:  # [B, S] -> [B]
    """The rule before 2025: one place before the first padding token."""
    return (ids == pad).int().argmax(-1) - 1


def last_other(ids: Tensor, pad: int) -> Tensor:  # [B, S] -> [B]
    """Today's rule: the rightmost token that is not padding."""
    places = torch.arange(ids.shape[-1])
    return ((ids != pad) * places).argmax(-1)


# --8<-- [end:rules]


@torch.no_grad()
def scores(
    scorer: LlamaForSequenceClassification, ids: Tensor, pad: int, rule: str
) -> Tensor:
    """Scores of a batch padded on the right with `pad`; today's rule is the library's own."""
    filled = ids.masked_fill(ids == PAD, pad)
    scorer.config.pad_token_id = pad
    if rule == "today":
        found = scorer(filled, attention_mask=(ids != PAD).long()).logits.squeeze(-1)
    else:
        states = scorer.model(filled, attention_mask=(ids != PAD).long()).last_hidden_state
        each = scorer.score(states).squeeze(-1)
        found = each[torch.arange(len(ids)), before_first_pad(filled, pad)]
    scorer.config.pad_token_id = PAD
    return found


@cache
def held_out(seed: int) -> Tensor:
    """Pairs of new tasks, the right replies first, with room for one more turn: [2B, S]."""
    good, bad = pairs(seed + 50, 200, test=True)
    return F.pad(conversations(good + bad).ids, (0, 1), value=PAD)


def judged(pad: int, rule: str, seed: int = 0) -> tuple[float, float, float]:
    """Pairs ordered rightly, pairs of equal scores, and the loss, on held-out pairs."""
    gap = torch.sub(*scores(trained(seed), held_out(seed), pad, rule).view(2, -1))
    equal = (gap.abs() < 1e-6).float()
    loss = -F.logsigmoid(gap).mean().item()
    return ((gap > 1e-6).float() + equal / 2).mean().item(), equal.mean().item(), loss


CASES = [("before 2025", PAD), ("before 2025", END), ("today", PAD), ("today", END)]
SEEDS = range(5)


@cache
def over_seeds(rule: str, pad: int) -> tuple[list[float], list[float]]:
    """Mean and deviation of what `judged` returns, over five reward models."""
    found = torch.tensor([judged(pad, rule, seed) for seed in SEEDS])
    return found.mean(0).tolist(), found.std(0).tolist()


def example_read() -> None:
    """Five reward models, read by two rules with two padding tokens."""
    print("rule         padding      right  equal scores   loss")
    for rule, pad in CASES:
        (right, equal, loss), (spread, *_) = over_seeds(rule, pad)
        name = "own" if pad == PAD else "end"
        print(f"{rule:12s}{name:>8s}{right:7.0%} ± {spread:.0%}{equal:12.0%}{loss:9.3f}")


if __name__ == "__main__":
    example_read()
