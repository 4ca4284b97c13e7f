"""A small recurrent model that writes replies, for gaps whose cause is known."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

VOCABULARY, WIDTH = 64, 96


@dataclass(frozen=True)
class Writer:
    """Weights of a recurrent network over tokens, in the type in which it computes."""

    embed: Tensor  # [V, h]
    turn: Tensor  # [h, h]
    head: Tensor  # [h, V]

    def to(self, dtype: torch.dtype) -> Writer:
        """The same weights, rounded to another type; each step is then computed in it."""
        return Writer(self.embed.to(dtype), self.turn.to(dtype), self.head.to(dtype))

    def moved(self, size: float, seed: int) -> Writer:
        """Weights a share `size` away, in a random direction: as if updates lay between."""
        draw = torch.Generator().manual_seed(seed)
        return Writer(*(noisy(x, size, draw) for x in (self.embed, self.turn, self.head)))

    def step(self, last: Tensor, state: Tensor) -> tuple[Tensor, Tensor]:
        """Logits in fp32, [B, V], and the new state after one more token, [B]."""
        state = torch.tanh(self.embed[last] + state @ self.turn)
        return (state @ self.head).float(), state


def noisy(x: Tensor, size: float, draw: torch.Generator) -> Tensor:
    """A tensor with noise of a share `size` of its own spread."""
    return x + size * x.std() * torch.randn(x.shape, generator=draw)


def writer(seed: int = 0) -> Writer:
    """Random weights, scaled so that some tokens are likely and most are not."""
    draw = torch.Generator().manual_seed(seed)
    shapes = (VOCABULARY, WIDTH), (WIDTH, WIDTH), (WIDTH, VOCABULARY)
    embed, turn, head = (torch.randn(shape, generator=draw) for shape in shapes)
    return Writer(embed, turn / WIDTH**0.5, head * (3 / WIDTH**0.5))


def kept(logits: Tensor, mass: float) -> Tensor:
    """Logits of the likeliest tokens that together reach `mass`, the others at minus infinity."""
    order = logits.argsort(-1, descending=True)
    chances = logits.softmax(-1).gather(-1, order)
    out = chances.cumsum(-1) - chances >= mass  # what comes before a token suffices
    return logits.masked_fill(torch.zeros_like(out).scatter(-1, order, out), -torch.inf)


def sample(
    model: Writer,
    replies: int,
    tokens: int,
    seed: int,
    temperature: float = 1.0,
    top_p: float = 1.0,
    raw: bool = False,
) -> tuple[Tensor, Tensor]:
    """Tokens, [B, S], and the log-probabilities that the sampler logs; `raw` logs those before the temperature."""
    draw = torch.Generator().manual_seed(seed)
    last = torch.zeros(replies, dtype=torch.long)
    state = model.embed.new_zeros(replies, WIDTH)
    written, logged = [], []
    for _ in range(tokens):
        logits, state = model.step(last, state)
        used = kept(logits / temperature, top_p) if top_p < 1 else logits / temperature
        last = torch.multinomial(used.softmax(-1), 1, generator=draw).squeeze(-1)
        chances = (logits if raw else used).log_softmax(-1)
        written.append(last)
        logged.append(chances.gather(-1, last[:, None]).squeeze(-1))
    return torch.stack(written, 1), torch.stack(logged, 1)


def score(model: Writer, tokens: Tensor, temperature: float = 1.0) -> Tensor:
    """Log-probabilities that the trainer gives the same tokens: [B, S]."""
    last, state = torch.zeros_like(tokens[:, 0]), model.embed.new_zeros(len(tokens), WIDTH)
    scored = []
    for token in tokens.unbind(1):
        logits, state = model.step(last, state)
        chances = (logits / temperature).log_softmax(-1)
        scored.append(chances.gather(-1, token[:, None]).squeeze(-1))
        last = token
    return torch.stack(scored, 1)
