"""Policies that are trained on samples: clipped policy gradient, with the KL inside each token's reward."""
# /// fieldguide
# timeout_s = 60
# tolerance.runs = {rel = 0.02, abs = 0.02, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

from functools import cache

import torch
from torch import Tensor

from snippets.post_training.rlhf.language import (
    MASK,
    REFERENCE,
    STATES,
    TREE,
    TRUTH,
    expected,
    kl,
    reply_logps,
    token_logps,
)
from snippets.post_training.rlhf.optimum import tilted
from snippets.post_training.rlhf.preferences import proxy
from snippets.post_training.rlhf.tokens import returns, token_rewards

SEEDS, STEPS, BATCH, PASSES, CLIP, RATE = 5, 200, 64, 2, 0.2, 0.06
BETAS = (1.0, 0.5, 0.25, 0.0)


# --8<-- [start:loss]
def clipped_loss(new: Tensor, old: Tensor, gains: Tensor, mask: Tensor) -> Tensor:
    """PPO's loss of a reply, [...]: no pull on a token whose ratio left the clip the way its gain points."""
    ratio = (new - old).exp()
    flat = ratio.clamp(1 - CLIP, 1 + CLIP)
    return -(torch.minimum(ratio * gains, flat * gains) * mask).sum(-1)


# --8<-- [end:loss]


# --8<-- [start:step]
def step(logits: Tensor, values: Tensor, optimizer: torch.optim.Optimizer,
         score: Tensor, beta: Tensor, draw: torch.Generator) -> None:  # fmt: skip
    """Sample, score, compare with what is usual after each prefix, update; for R runs at once."""
    with torch.no_grad():
        drawn = torch.multinomial(reply_logps(logits).exp(), BATCH, True, generator=draw)
        old = picked(token_logps(logits), drawn)  # [R, B, T]
        mask, states = MASK[drawn], STATES[drawn]
        rewards = token_rewards(score[drawn], old, token_logps(TREE)[drawn], beta, mask)
        gains = returns(rewards) - values.gather(1, states.flatten(1)).view_as(old)
        values += 0.1 * by_state(gains * mask, states) / by_state(mask, states).clamp(min=1)
    for _ in range(PASSES):
        loss = clipped_loss(picked(token_logps(logits), drawn), old, gains, mask)
        optimizer.zero_grad()
        loss.mean(1).sum().backward()  # the mean over replies; runs do not touch each other
        optimizer.step()


# --8<-- [end:step]


def picked(logps: Tensor, drawn: Tensor) -> Tensor:  # [R, A, T], [R, B] -> [R, B, T]
    """The rows of the drawn replies."""
    return logps[torch.arange(len(drawn)).unsqueeze(1), drawn]


def by_state(x: Tensor, states: Tensor) -> Tensor:  # [R, B, T] twice -> [R, P]
    """Sums over all tokens that follow the same prefix."""
    sums = torch.zeros(len(x), len(TREE), dtype=torch.float64)
    return sums.scatter_add(1, states.flatten(1), x.flatten(1).double())


def train(score: Tensor, betas: Tensor, seed: int = 0, steps: int = STEPS) -> Tensor:
    """One run for each beta; the policies after every other step: [K, R, A]."""
    draw = torch.Generator().manual_seed(seed)
    logits = TREE.repeat(len(betas), 1, 1).requires_grad_()
    values = torch.zeros(len(betas), len(TREE), dtype=torch.float64)
    optimizer = torch.optim.Adam([logits], lr=RATE)
    kept = [reply_logps(logits.detach()).exp()]
    for number in range(steps):
        step(logits, values, optimizer, score, betas.view(-1, 1, 1), draw)
        if number % 2:
            kept.append(reply_logps(logits.detach()).exp())
    return torch.stack(kept)


@cache
def runs() -> Tensor:
    """Five runs at each price, against the reward model: [K, betas, seeds, A]."""
    betas = torch.tensor(BETAS, dtype=torch.float64).repeat_interleave(SEEDS)
    return train(proxy(), betas).unflatten(1, (len(BETAS), SEEDS))


def ends() -> Tensor:
    """KL, score and worth of each run in the mean of its last 50 steps: [betas, seeds, 3]."""
    late = runs()[-25:]
    return torch.stack([kl(late, REFERENCE), late @ proxy(), late @ TRUTH], dim=-1).mean(0)


def example_runs() -> None:
    """Five runs at each price, beside the optimum."""
    print("beta   optimum: KL  proxy    trained: KL         proxy        worth")
    for beta, found in zip(BETAS, ends(), strict=True):
        best = tilted(proxy(), beta or 0.01)
        middle, deviation = found.mean(0).tolist(), found.std(0).tolist()
        row = "".join(f"{m:7.2f} ± {s:.3f}" for m, s in zip(middle, deviation, strict=True))
        print(
            f"{beta:4.2f}{kl(best, REFERENCE).item():14.2f}{expected(best, proxy()):7.2f}{row:>48s}"
        )


if __name__ == "__main__":
    example_runs()
