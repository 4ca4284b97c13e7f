"""Replies that reach a limit (planted): what their last value should be, and what their last token is."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.rl.ppo.advantages import gae
from snippets.rl.ppo.estimators import reply_gradients
from snippets.rl.ppo.task import prefix_values
from snippets.sequences.language import Language, Policy

WORLD, CUT, SEED, STEPS, RATE = Language(3, 4, end=2), 2, 0, 50, 1.0
LASTS = ("0", "after the cut", "before the last token")


def longer_is_better(policy: Policy) -> Tensor:
    """A reply earns a quarter for each token: [N]."""
    return policy.mask.sum(1).double() / WORLD.length


def cut_gradient(policy: Policy, last: str) -> Tensor:
    """Expected gradient when rollouts stop after CUT tokens, by what stands for the rest: [P, V]."""
    worth = longer_is_better(policy)
    values, mask = prefix_values(policy, worth), policy.mask.double()
    open_ended = mask[:, CUT]  # 1 where the reply goes on after the cut
    rewards = torch.zeros_like(values[:, :CUT])
    ends = mask[:, :CUT].sum(1).long() - 1
    rewards[torch.arange(len(worth)), ends] = worth * (1 - open_ended)
    rest = {
        "0": 0 * open_ended,
        "after the cut": values[:, CUT],
        "before the last token": values[:, CUT - 1],
    }
    gain, _ = gae(
        rewards, values[:, :CUT], mask[:, :CUT], lam=0.95, last=open_ended * rest[last]
    )
    padded = torch.zeros_like(values)
    padded[:, :CUT] = gain
    return policy.mean(reply_gradients(policy, padded)).detach()


def true_gradient(policy: Policy) -> Tensor:
    """The same without a cut, of the prefixes that come before it: [P, V]."""
    found = policy.gradient(policy.mean(longer_is_better(policy))).clone()
    found[sum(WORLD.size**t for t in range(CUT)) :] = 0
    return found


def length_after(last: str | None) -> float:
    """Mean tokens of a reply after some steps along one of the gradients, `None` for the true one."""
    policy = Policy(WORLD, SEED)
    for _ in range(STEPS if last != "start" else 0):
        slope = true_gradient(policy) if last is None else cut_gradient(policy, last)
        policy.logits.data += RATE * slope
    return policy.mean(policy.mask.sum(1).double()).item()


def example_cut() -> None:
    """By the value of the rest: cosine to the true gradient, pull on ending at once, tokens after training."""
    policy = Policy(WORLD, SEED)
    true = true_gradient(policy)
    print(f"{'last value':24s}{'cosine':>8s}{'pull on the end':>17s}{'tokens then':>13s}")
    print(f"{'no cut':24s}{1:8.3f}{true[0, WORLD.end]:17.3f}{length_after(None):13.2f}")
    for last in LASTS:
        found = cut_gradient(policy, last)
        cosine = torch.cosine_similarity(found.flatten(), true.flatten(), dim=0)
        print(
            f"{last:24s}{cosine:8.3f}{found[0, WORLD.end]:17.3f}{length_after(last):13.2f}"
        )
    print(f"tokens before: {length_after('start'):.2f}")


def last_token_pull(overwrite: bool, baseline: bool) -> tuple[float, float]:
    """Expected pull on the good token and on the end token in the last place, summed over prefixes."""
    policy = Policy(Language(3, 3, end=2), SEED)
    worth = (policy.mask[:, 2] & (policy.tokens[:, 2] == 0)).double()
    values = prefix_values(policy, worth) * baseline
    rewards = torch.zeros_like(values)
    rewards[:, 2] = worth
    gain, _ = gae(rewards, values, policy.mask.double(), lam=1.0)
    gain[:, :2] = 0  # the last place alone
    chances = policy.probabilities().detach()
    if overwrite:  # what was sampled keeps its reward, and loses its place in the loss
        policy.tokens = policy.tokens.clone()
        policy.tokens[policy.mask[:, 2], 2] = 2
    each = (chances[:, None, None] * reply_gradients(policy, gain)).sum(0).sum(0)
    return each[0].item(), each[2].item()


def example_overwritten() -> None:
    """Pull on the good token and on the end token in the last place: as sampled, and overwritten."""
    print("last token              good      end")
    for words, overwrite, baseline in (
        ("as sampled", False, True),
        ("overwritten", True, True),
        ("overwritten, values 0", True, False),
    ):
        good, end = last_token_pull(overwrite, baseline)
        print(f"{words:22s}{round(good, 6) + 0.0:6.3f}{round(end, 6) + 0.0:9.3f}")


def facts() -> dict[str, str]:
    """Numbers of the page about cuts."""
    return {
        "length_start": f"{length_after('start'):.1f}",
        "length_zero": f"{length_after('0'):.1f}",
        "length_rest": f"{length_after('after the cut'):.1f}",
    }


if __name__ == "__main__":
    example_cut()
    example_overwritten()
