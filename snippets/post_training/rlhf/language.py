"""A language of forty replies, small enough to list: what is written, how often, and what it is worth."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import product

import torch
from torch import Tensor

WORDS = ("fact", "checked", "um")
END, LIMIT = len(WORDS), 3  # the fourth token ends a reply; the third word does, too

# Chances of fact, checked, um and end, by the last word; "" begins a reply. All are planted.
USUAL = {
    "": (0.35, 0.06, 0.35, 0.24),
    "fact": (0.12, 0.33, 0.10, 0.45),
    "checked": (0.12, 0.08, 0.10, 0.70),
    "um": (0.30, 0.06, 0.28, 0.36),
}

# --8<-- [start:replies]
REPLIES = [reply for n in range(LIMIT + 1) for reply in product(WORDS, repeat=n)]
PREFIXES = [reply for reply in REPLIES if len(reply) < LIMIT]  # where a token is chosen


def path(reply: tuple[str, ...]) -> list[tuple[int, int]]:
    """The choices that write a reply: a prefix and a token each."""
    tokens = [WORDS.index(word) for word in reply] + [END]
    return [(PREFIXES.index(reply[:t]), tokens[t]) for t in range(min(len(tokens), LIMIT))]


# --8<-- [end:replies]

PATHS = [path(reply) for reply in REPLIES]
MASK = torch.tensor([[t < len(p) for t in range(LIMIT)] for p in PATHS])  # [A, T]
STATES, TOKENS = (
    torch.tensor([[p[t][i] if t < len(p) else 0 for t in range(LIMIT)] for p in PATHS])
    for i in (0, 1)
)


# --8<-- [start:logps]
def token_logps(logits: Tensor) -> Tensor:  # [..., P, V] -> [..., A, T]
    """Log-probability of each token of each reply; 0 behind its end."""
    return logits.log_softmax(-1)[..., STATES, TOKENS] * MASK


def reply_logps(logits: Tensor) -> Tensor:  # [..., P, V] -> [..., A]
    """Log-probability of each reply: the sum over its tokens."""
    return token_logps(logits).sum(-1)


def kl(policy: Tensor, reference: Tensor) -> Tensor:  # [..., A], [A] -> [...]
    """KL divergence of a policy from the reference, in nats; a reply that it never writes adds 0."""
    return torch.special.xlogy(policy, policy / reference).sum(-1)


# --8<-- [end:logps]


def tree(chances: Mapping[str, tuple[float, ...]] = USUAL) -> Tensor:
    """Logits of a writer who looks at the last word: [P, V]."""
    rows = [chances[prefix[-1] if prefix else ""] for prefix in PREFIXES]
    return torch.tensor(rows, dtype=torch.float64).log()


# --8<-- [start:truth]
def worth(reply: tuple[str, ...]) -> float:
    """What a user has of a reply: one fact helps most, and a check is worth something behind a fact."""
    total = 0.0
    for t, word in enumerate(reply):
        if word == "fact":
            total += 2.0 if "fact" not in reply[:t] else -0.8  # it repeats itself
        elif word == "checked":
            total += 0.8 if reply[:t][-1:] == ("fact",) else -1.2
        else:
            total -= 0.5
    return total


# --8<-- [end:truth]

TREE = tree()
REFERENCE = reply_logps(TREE).exp()  # [A]
TRUTH = torch.tensor([worth(reply) for reply in REPLIES], dtype=torch.float64)


def expected(policy: Tensor, values: Tensor = TRUTH) -> float:
    """Expected value of a reply."""
    return (policy * values).sum().item()


def size() -> int:
    """Replies of the language."""
    return len(REPLIES)


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {"replies": f"{size()}", "truth_before": f"{expected(REFERENCE):.2f}"}
