"""V-trace: value targets from tokens that another policy wrote."""

from __future__ import annotations

import torch
from torch import Tensor

from snippets.rl.on_and_off_policy.worlds import World, world


# --8<-- [start:vtrace]
def vtrace(
    rewards: Tensor,
    discounts: Tensor,
    ratios: Tensor,
    values: Tensor,
    after: Tensor,
    rho: float = 1.0,
    c: float = 1.0,
    decay: float = 1.0,
) -> Tensor:
    """Targets minus values, [T], from the values before and `after` each step; ratios are cut at rho and c."""
    surprise = ratios.clamp(max=rho) * (rewards + discounts * after - values)
    trace = decay * ratios.clamp(max=c)
    errors = []
    carried = torch.zeros_like(values[..., 0])
    for t in reversed(range(values.shape[-1])):
        carried = surprise[..., t] + discounts[..., t] * trace[..., t] * carried
        errors.append(carried)
    return torch.stack(errors[::-1], -1)


# --8<-- [end:vtrace]
def value(w: World, rho: float) -> Tensor:
    """Value of each prefix where V-trace has nothing left to correct, and of each sequence: [P + N]."""
    size = w.policy.language.size
    policy, sampler = w.policy.logits.softmax(-1), w.sampler.logits.softmax(-1)
    cut = torch.minimum(policy, rho * sampler).detach()
    cut = cut / cut.sum(-1, keepdim=True)  # the policy whose values V-trace learns
    values = torch.cat([torch.zeros(len(cut), dtype=torch.float64), w.reward])
    for prefix in reversed(range(len(cut))):
        child = prefix * size + 1
        values[prefix] = cut[prefix] @ values[child : child + size]
    return values


def learned_value(rho: float, gap: float = 0.8) -> float:
    """Value of the empty prefix there."""
    return float(value(world(gap), rho)[0])


def example_targets() -> None:
    """Whose value V-trace learns, as the cut moves."""
    w = world(0.8)
    print(f"the sampler's {w.sampler.mean(w.reward).item():.4f}")
    for rho in (0.1, 1.0, 2.0, 10.0):
        print(f"rho {rho:4.1f}      {learned_value(rho):.4f}")
    print(f"the policy's  {w.policy.mean(w.reward).item():.4f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about V-trace."""
    return {"vtrace_one": f"{learned_value(1.0):.4f}"}


if __name__ == "__main__":
    example_targets()
