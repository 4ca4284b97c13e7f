"""The log of a run that reuses its rollouts, and of one that only seems to."""

from __future__ import annotations

import torch

from snippets.rl.ppo.batches import rollout
from snippets.rl.ppo.surrogate import policy_loss
from snippets.rl.ppo.task import LANGUAGE
from snippets.sequences.language import Policy

RATE, CLIP = 3.0, 0.2


def backward_passes(
    passes: int, accumulate: int, rollouts: int
) -> list[tuple[int, int, float, float]]:
    """For each backward pass: rollout, pass, largest ratio, share of tokens outside the clip."""
    policy, done, log = Policy(LANGUAGE, 0), 0, []
    optimizer = torch.optim.SGD(policy.parameters(), lr=RATE)
    for number in range(rollouts):
        batch = rollout(policy, number, 32)
        for turn in range(passes):
            new = policy.logits.log_softmax(-1)
            ratio = (new - batch.old).exp().detach()
            outside = (batch.weight * ((ratio - 1).abs() > CLIP)).sum().item()
            largest = ratio[batch.weight > 0].max().item()
            log.append((number + 1, turn + 1, largest, outside))
            loss = policy_loss(new, batch.old, batch.gain, batch.weight, CLIP)
            (loss / accumulate).backward()
            done += 1
            if done % accumulate == 0:
                optimizer.step()
                optimizer.zero_grad()
    return log


def example_log() -> None:
    """The log of a run: rollout, pass over it, largest ratio, share of tokens outside the clip."""
    print("rollout   pass   largest ratio   clip fraction")
    for number, turn, largest, outside in backward_passes(2, 4, 6):
        print(f"{number:7d}{turn:7d}{largest:16.3f}{outside:15.1%}")


if __name__ == "__main__":
    example_log()
