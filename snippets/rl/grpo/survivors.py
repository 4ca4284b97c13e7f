"""Groups of which a filter has taken replies: what the last one left is compared with."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.rl.grpo.groups import Prompt, groups
from snippets.rl.grpo.worlds import LANGUAGE, opening


# --8<-- [start:remaining]
def remaining(rewards: Tensor, kept: Tensor, lone: float) -> Tensor:
    """Leave-one-out advantages of the kept replies, [..., G]; a last one gets `lone` of its reward."""
    count = kept.sum(-1, keepdim=True)
    total = (rewards * kept).sum(-1, keepdim=True)
    others = (total - rewards) / (count - 1).clamp(min=1)
    gain = torch.where(count > 1, rewards - others, lone * rewards)
    return gain * kept


# --8<-- [end:remaining]


def filtered(prompt: Prompt, kept: Tensor, size: int, lone: float) -> Tensor:
    """Expected gradient over all groups, with the overlong replies taken out: [P]."""
    rows, orders = groups(len(prompt.rewards), size)
    chance = orders * prompt.policy.probabilities().detach()[rows].prod(-1)
    gain = remaining(prompt.rewards[rows], kept[rows], lone) / size
    return torch.einsum("m,mg,mgp->p", chance, gain, prompt.scores().sum(1)[rows])


def short(prompt: Prompt) -> Tensor:
    """Which replies stay below the longest length: 1 or 0, [N]."""
    return (prompt.policy.mask.sum(1) < LANGUAGE.length).double()


def directions(lone: float, size: int) -> tuple[float, float]:
    """Cosine to the gradient of the mean reward of kept replies, and to that of being kept."""
    prompt = opening(0)
    policy, kept = prompt.policy, short(prompt)
    share = policy.mean(kept)
    better = policy.gradient(policy.mean(prompt.rewards * kept) / share).flatten()
    shorter = policy.gradient(share).flatten()
    found = filtered(prompt, kept, size, lone)
    cosine = torch.nn.functional.cosine_similarity
    return cosine(found, better, dim=0).item(), cosine(found, shorter, dim=0).item()


def example_survivors() -> None:
    """Where the expected step points, by what a last reply gets."""
    print("group  advantage of a last reply    to better  to shorter")
    for size in (2, 3):
        for name, lone in (("0", 0.0), ("its reward", 1.0)):
            better, shorter = directions(lone, size)
            print(f"{size:5}  {name:27} {better:10.3f} {shorter:11.3f}")


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {"lone_better": f"{directions(1.0, 2)[0]:.2f}"}


if __name__ == "__main__":
    example_survivors()
