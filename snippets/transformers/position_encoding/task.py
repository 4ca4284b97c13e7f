"""A language of facts, questions and text: far distances decide the answers, near ones the text."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

TEXT, KEYS, VALUES = 16, 8, 8
ASK = TEXT  # first question; a question is one token, "what is k?"
FACT = ASK + KEYS  # first fact; a fact is one token, "k is v"
VOCABULARY = FACT + KEYS * VALUES
NO_TARGET = -100


def features() -> Tensor:
    """What each token is made of: [V, text + keys + values + question], ones and zeros."""
    x = torch.zeros(VOCABULARY, TEXT + KEYS + VALUES + 1)
    for token in range(TEXT):
        x[token, token] = 1
    for k in range(KEYS):
        x[ASK + k, [TEXT + k, TEXT + KEYS + VALUES]] = 1
        for v in range(VALUES):
            x[FACT + k * VALUES + v, [TEXT + k, TEXT + KEYS + v]] = 1
    return x


# --8<-- [start:sample]
def sample(
    n: int, length: int, generator: torch.Generator, keys: int = KEYS
) -> tuple[Tensor, Tensor]:
    """Sequences and what to predict at each place: both [n, length]."""
    key, kind, noise, tokens = (
        torch.randint(high, (n, length), generator=generator)
        for high in (keys, 20, 10, TEXT)
    )
    value = torch.randint(VALUES, (n, KEYS), generator=generator).gather(1, key)
    for t in range(
        2, length
    ):  # text follows the token two places before, nine times in ten
        follows = (kind[:, t - 2] >= 9) & (noise[:, t] > 0)
        tokens[:, t] = torch.where(follows, (5 * tokens[:, t - 2] + 3) % TEXT, tokens[:, t])
    tokens = torch.where(kind < 9, ASK + key, tokens)  # four in twenty ask
    tokens = torch.where(
        kind < 5, FACT + key * VALUES + value, tokens
    )  # five in twenty tell
    following = F.pad(tokens[:, 1:], (0, 1), value=VOCABULARY)
    text = torch.where(following < TEXT, following, NO_TARGET)
    return tokens, torch.where((tokens >= ASK) & (tokens < FACT), TEXT + value, text)


# --8<-- [end:sample]


# --8<-- [start:needles]
def needles(
    n: int, distance: int, length: int, generator: torch.Generator
) -> tuple[Tensor, Tensor]:
    """Sequences that end with a question whose only fact lies `distance` back, and its answer."""
    tokens, _ = sample(n, length, generator, keys=KEYS - 1)  # the last key is nowhere else
    value = torch.randint(VALUES, (n,), generator=generator)
    tokens[:, -1] = ASK + KEYS - 1
    tokens[:, -1 - distance] = FACT + (KEYS - 1) * VALUES + value
    return tokens, value


# --8<-- [end:needles]
