"""How it breaks: a baseline that sees the token it judges, and by how much that bends the gradient."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.rl.overview.baselines import value
from snippets.rl.overview.moments import Moments, moments, scores, spread
from snippets.rl.overview.tasks import exact, policy, to_go, verdict
from snippets.sequences.language import Policy


# --8<-- [start:late]
def seen(policy: Policy, rewards: Tensor) -> Tensor:
    """Mean reward to go given the prefix and the token itself: [N, T]."""
    after = value(policy, rewards)[:, 1:]  # the prefix that ends with this token
    return rewards + torch.cat([after, 0 * rewards[:, :1]], 1)


def early(policy: Policy, rewards: Tensor) -> Tensor:
    """The value of the prefix one token before: [N, T]."""
    now = value(policy, rewards)
    return torch.cat([now[:, :1], now[:, :-1]], 1)


# --8<-- [end:late]
def corrected(policy: Policy, rewards: Tensor) -> Moments:
    """The same baseline, with what it took from the mean added back over all tokens."""
    table = torch.zeros_like(policy.logits).detach()  # what is seen: [prefixes, size]
    table[policy.before, policy.tokens] = seen(policy, rewards)
    chance = policy.logits.detach().softmax(-1)
    back = chance * (table - (chance * table).sum(-1, keepdim=True))  # [prefixes, size]
    visits = torch.zeros(len(policy.tokens), len(chance), dtype=torch.float64)
    visits.scatter_(1, policy.before, 1.0)
    weights = to_go(rewards) - seen(policy, rewards)
    pushes = torch.einsum("nt,ntkv->nkv", weights, scores(policy))
    return spread(policy, pushes + visits[..., None] * back)


def shifted(policy: Policy, rewards: Tensor, share: float) -> Moments:
    """A critic read one token late that explains this share of what it sees."""
    rest = to_go(rewards)
    return moments(policy, rest - share * seen(policy, rewards))


def example_shift() -> None:
    """A value read in place, one token early and one late, for the verdict."""
    model = policy()
    rewards = verdict(model.tokens)
    truth, rest = exact(model, rewards), to_go(rewards)
    rows = {
        "in place": moments(model, rest - value(model, rewards)),
        "one token early": moments(model, rest - early(model, rewards)),
        "one token late, knows half": shifted(model, rewards, 0.5),
        "one token late, knows all": shifted(model, rewards, 1.0),
        "late, and corrected": corrected(model, rewards),
    }
    print(f"{'value':28s}{'bias':>6s}{'variance':>10s}{'length of mean':>16s}")
    for name, of in rows.items():
        print(f"{name:28s}{of.bias(truth):6.2f}{of.variance:10.3f}{of.mean.norm().item():16.3f}")  # fmt: skip


def shift_bias(share: float) -> float:
    """Bias of the critic read late, as a share of the gradient."""
    model = policy()
    rewards = verdict(model.tokens)
    return shifted(model, rewards, share).bias(exact(model, rewards))


def facts() -> dict[str, str]:
    """What the page says of the shift."""
    return {"late_half": f"{shift_bias(0.5):.2f}", "late_all": f"{shift_bias(1.0):.2f}"}


if __name__ == "__main__":
    example_shift()
