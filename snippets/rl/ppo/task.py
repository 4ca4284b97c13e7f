"""A task with sixty-four replies, and what each prefix is worth under a policy, exactly."""

from __future__ import annotations

from torch import Tensor

from snippets.sequences.language import Language, Policy

LANGUAGE = Language(4, 3)


# --8<-- [start:task]
def in_order(tokens: Tensor) -> Tensor:
    """A reply earns 1 if its digits do not fall: [N]."""
    return (tokens.diff(dim=1) >= 0).all(1).double()


def prefix_values(policy: Policy, worth: Tensor) -> Tensor:
    """Expected worth of the replies that begin with each prefix: [N, T]."""
    reached = policy.probabilities()[:, None] * policy.mask  # [N, T]
    nothing, where = reached.new_zeros(len(policy.logits)), policy.before.flatten()
    total = nothing.index_add(0, where, reached.flatten())
    earned = nothing.index_add(0, where, (reached * worth[:, None]).flatten())
    return (earned / total).nan_to_num()[policy.before].detach()


# --8<-- [end:task]
