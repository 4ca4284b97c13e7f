"""Where probability goes, predicted from hidden states before the first step; and the step itself."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import copy

import torch
import torch.nn.functional as F
from torch import Tensor

from snippets.post_training.dpo.losses import dpo, margin
from snippets.post_training.dpo.phrases import WORDS, Writer, logps
from snippets.post_training.dpo.weights import dpo_weight

BETA, RATE, STEPS = 0.1, 0.05, 8


# --8<-- [start:predict]
def pull(model: Writer, answers: Tensor) -> Tensor:  # [A, 1 + T] -> [A, h, V]
    """Gradient of each answer's log-probability at the head: its states times its errors."""
    states = model.states(answers)
    errors = F.one_hot(answers[:, 1:], WORDS) - model.head(states).softmax(-1)
    return torch.einsum("ath,atv->ahv", states, errors)


def predicted(
    model: Writer, pair: Tensor, answers: Tensor
) -> Tensor:  # [2, 1 + T], [A, 1 + T] -> [A]
    """How much a step on the pair lifts each answer: overlap with chosen less that with rejected."""
    chosen, rejected = pull(model, pair)
    return (pull(model, answers) * (chosen - rejected)).sum((1, 2))


# --8<-- [end:predict]


# --8<-- [start:ches]
def ches(model: Writer, pair: Tensor) -> Tensor:
    """Razin's score: overlap of the summed states, less the square of the chosen sum."""
    chosen, rejected = model.states(pair).sum(1)
    return chosen @ rejected - chosen @ chosen


# --8<-- [end:ches]


# --8<-- [start:train]
def tuned(model: Writer, pair: Tensor, steps: int = STEPS, anchor: float = 0.0) -> Writer:
    """A copy after steps of DPO on one pair; `anchor` weighs cross-entropy on the chosen answer."""
    policy = copy.deepcopy(model)
    reference = logps(model, pair).detach().unsqueeze(0)
    optimizer = torch.optim.SGD(policy.parameters(), lr=RATE)
    for _ in range(steps):
        now = logps(policy, pair).unsqueeze(0)
        loss = dpo(margin(now, reference), BETA).mean() - anchor * now[0, 0]
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return policy


# --8<-- [end:train]


def in_nats(lift: Tensor) -> Tensor:
    """The lift after all steps, if the head alone moved and the push stayed that of the first step."""
    return STEPS * RATE * dpo_weight(torch.tensor(0.0), BETA) * lift
