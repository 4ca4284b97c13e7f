"""PPO on stale replies: one ratio that does both jobs, or two ratios."""

from __future__ import annotations

from statistics import fmean

import torch
from torch import Tensor

from snippets.rl.on_and_off_policy.worlds import World, world
from snippets.sequences.language import Policy

CLIP = 0.2


# --8<-- [start:losses]
def surrogate(ratio: Tensor, advantage: Tensor, clip: float = CLIP) -> Tensor:
    """PPO's clipped objective of each token, to be maximized."""
    return torch.minimum(ratio * advantage, ratio.clamp(1 - clip, 1 + clip) * advantage)


def coupled(now: Tensor, sampler: Tensor, advantage: Tensor) -> Tensor:
    """One ratio: it corrects for the sampler, and the clip counts from the sampler."""
    return surrogate((now - sampler).exp(), advantage)


def decoupled(now: Tensor, recent: Tensor, sampler: Tensor, advantage: Tensor) -> Tensor:
    """Two ratios: a fixed weight corrects for the sampler, the clip counts from recent weights."""
    weight = (recent - sampler).exp().detach()
    return weight * surrogate((now - recent).exp(), advantage)


# --8<-- [end:losses]
def silent(w: World, two: bool) -> float:
    """Share of tokens without a gradient before the first update, over what the sampler writes."""
    policy, sampler = w.policy, w.sampler
    now = policy.logprobs().detach().requires_grad_()
    advantage = (w.reward - policy.mean(w.reward).detach())[:, None]
    old = sampler.logprobs().detach()
    gain = (
        decoupled(now, now.detach(), old, advantage)
        if two
        else coupled(now, old, advantage)
    )
    pull = torch.autograd.grad(gain.sum(), now)[0]
    p = sampler.probabilities().detach()
    return float(p @ (pull == 0).double().mean(-1))


def moved(w: World, two: bool, updates: int = 40, rate: float = 2.0) -> float:
    """KL from the recent policy to the one after exact gradient steps on one rollout, in nats."""
    policy, p = Policy(w.policy.language), w.sampler.probabilities().detach()
    with torch.no_grad():
        policy.logits.copy_(w.policy.logits)
    recent, old = policy.logprobs().detach(), w.sampler.logprobs().detach()
    advantage = (w.reward - policy.mean(w.reward).detach())[:, None]
    for _ in range(updates):
        now = policy.logprobs()
        gain = (
            decoupled(now, recent, old, advantage) if two else coupled(now, old, advantage)
        )
        step = policy.gradient((p * gain.sum(-1)).sum())
        with torch.no_grad():
            policy.logits.add_(rate * step)
    return policy.mean((policy.logprobs() - recent).sum(-1)).item()


def example_stale() -> None:
    """Tokens silenced before the first update, and how far forty updates go, by gap; three worlds."""
    print("gap   silent: coupled  decoupled   moved: coupled    decoupled")
    for gap in (0.0, 0.4, 0.8):
        worlds = [world(gap, length=6, seed=seed) for seed in range(3)]
        still = [fmean(silent(w, two) for w in worlds) for two in (False, True)]
        far = [[moved(w, two) for w in worlds] for two in (False, True)]
        spans = [f"{min(one):.2f} to {max(one):.2f}" for one in far]
        print(f"{gap:.1f}{still[0]:17.0%}{still[1]:11.0%}{spans[0]:>18s}{spans[1]:>15s}")


if __name__ == "__main__":
    example_stale()
