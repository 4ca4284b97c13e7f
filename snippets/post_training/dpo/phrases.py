"""A small transformer that has learned phrases: every answer can be listed, so all probability is in sight."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import functools
import itertools

import torch
from torch import Generator, Tensor, nn

WORDS, LENGTH, WIDTH = 6, 5, 32
START = WORDS  # the prompt, one token
SEEDS = 5


class Writer(nn.Module):
    """A causal layer of PyTorch's own, and a head."""

    def __init__(self) -> None:
        super().__init__()
        self.words = nn.Embedding(WORDS + 1, WIDTH)
        self.places = nn.Embedding(LENGTH, WIDTH)
        layer = nn.TransformerEncoderLayer(
            WIDTH, 2, 2 * WIDTH, 0.0, batch_first=True, norm_first=True
        )
        self.body = nn.TransformerEncoder(
            layer, 1, nn.LayerNorm(WIDTH), enable_nested_tensor=False
        )
        self.head = nn.Linear(WIDTH, WORDS, bias=False)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(LENGTH))

    def states(self, answers: Tensor) -> Tensor:  # [A, 1 + T] -> [A, T, h]
        """Last hidden state before each token of the answers."""
        seen = self.words(answers[:, :-1]) + self.places.weight
        return self.body(seen, mask=self.mask, is_causal=True)


def logps(model: Writer, answers: Tensor) -> Tensor:  # [A, 1 + T] -> [A]
    """Log-probability of each whole answer."""
    each = model.head(model.states(answers)).log_softmax(-1)
    return each.gather(-1, answers[:, 1:, None]).sum((1, 2))


def sample(tables: Tensor, n: int, chance: Generator) -> Tensor:
    """Phrases: a first word, then words that depend on the first word and on their place."""
    first = torch.multinomial(tables[0, 0], n, replacement=True, generator=chance)
    rest = [
        torch.multinomial(tables[first, place], 1, generator=chance)
        for place in range(1, LENGTH)
    ]
    return torch.cat([torch.full((n, 1), START), first[:, None], *rest], dim=1)


@functools.cache
def trained(seed: int) -> tuple[Writer, Tensor]:
    """A model after 120 steps on phrases of its own, and twelve phrases to choose from."""
    torch.manual_seed(seed)
    model, chance = Writer(), torch.Generator().manual_seed(seed)
    tables = torch.softmax(3 * torch.randn(WORDS, LENGTH, WORDS, generator=chance), -1)
    tables[0, 0] = torch.tensor([0.85] + [0.15 / (WORDS - 1)] * (WORDS - 1))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2, fused=True)
    for _ in range(120):
        loss = -logps(model, sample(tables, 64, chance)).mean()
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
    return model, sample(tables, 12, chance)


def every_answer() -> Tensor:
    """All 7,776 answers, in the order of counting."""
    return torch.tensor(list(itertools.product([START], *[range(WORDS)] * LENGTH)))


def edits(answer: Tensor) -> Tensor:
    """All answers that differ from this one in one word."""
    changed = answer.repeat(LENGTH * WORDS, 1)
    rows = torch.arange(LENGTH * WORDS)
    changed[rows, 1 + rows // WORDS] = rows % WORDS
    return changed[(changed != answer).any(-1)]
