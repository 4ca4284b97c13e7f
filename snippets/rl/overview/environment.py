"""The language as an environment of Gymnasium, and the estimator in a loop over episodes."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import torch
from gymnasium.spaces import Discrete
from torch import Tensor

from snippets.rl.overview.baselines import baselines
from snippets.rl.overview.losses import policy_loss
from snippets.rl.overview.moments import moments
from snippets.rl.overview.tasks import LANGUAGE, exact, fresh, policy, to_go
from snippets.sequences.language import Language, Policy


# --8<-- [start:environment]
class Words(gymnasium.Env[np.int64, np.int64]):
    """A token an action, the prefix the state; the reward is that of `fresh`."""

    def __init__(self, language: Language = LANGUAGE) -> None:
        self.language = language
        nodes = sum(language.size**t for t in range(language.length + 1))
        self.observation_space = Discrete(nodes)
        self.action_space = Discrete(language.size)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[np.int64, dict[str, Any]]:
        """Begin with the empty prefix, which has the number 0."""
        super().reset(seed=seed)
        self.tokens: list[int] = []
        self.state = np.int64(0)
        return self.state, {}

    def step(self, action: np.int64) -> tuple[np.int64, float, bool, bool, dict[str, Any]]:
        """Append the token: no chance is involved but the policy's."""
        reward = float(action not in self.tokens)
        self.tokens.append(int(action))
        self.state = self.state * self.language.size + action + 1
        return self.state, reward, len(self.tokens) == self.language.length, False, {}


# --8<-- [end:environment]
# --8<-- [start:loop]
def estimate(policy: Policy, episodes: int, seed: int) -> Tensor:
    """Gradient from episodes played in the environment: [prefixes, size]."""
    env, chance = Words(), policy.logits.detach().softmax(-1).numpy()
    dice = np.random.default_rng(seed)
    states, actions, rewards = [], [], []
    for _ in range(episodes):
        state, _ = env.reset()
        over = False
        while not over:
            action = np.int64(dice.choice(len(chance[state]), p=chance[state]))
            states.append(state)
            actions.append(action)
            state, reward, terminated, truncated, _ = env.step(action)
            rewards.append(reward)
            over = terminated or truncated
    worth = to_go(torch.tensor(rewards, dtype=torch.float64).view(episodes, -1)).flatten()
    logits = policy.logits[torch.tensor(states)]
    every = torch.ones_like(worth)
    loss = policy_loss(logits, torch.tensor(actions), worth, every)
    return -policy.gradient(loss) * len(actions) / episodes  # a sum over tokens, not a mean


# --8<-- [end:loop]
def distances(episodes: int, seeds: int) -> tuple[list[float], float]:
    """Distance of each loop's gradient from the exact one, and the one to expect."""
    model = policy()
    rewards = fresh(model.tokens)
    truth = exact(model, rewards)
    found = [
        (estimate(model, episodes, seed) - truth).norm().item() for seed in range(seeds)
    ]
    of = moments(model, baselines(model, rewards)["reward to go"])
    return found, (of.variance / episodes) ** 0.5


def example_loop() -> None:
    """Five loops at three numbers of episodes."""
    print("episodes   expected   found, seeds 0 to 4")
    for episodes in (50, 200, 800):
        found, expected = distances(episodes, 5)
        print(f"{episodes:8d}{expected:11.3f}   " + " ".join(f"{d:.3f}" for d in found))


if __name__ == "__main__":
    example_loop()
