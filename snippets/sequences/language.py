"""All sequences of a small language, a policy over them, and exact expectations."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class Language:
    """Sequences of `length` tokens out of `size`; those with the token `end` stop after it."""

    size: int = 3
    length: int = 3
    end: int | None = None

    def sequences(self) -> tuple[Tensor, Tensor]:
        """Each sequence once, [N, T], padded with the end token, and which tokens count, bool [N, T]."""
        rows: dict[tuple[int, ...], int] = {}
        for row in itertools.product(range(self.size), repeat=self.length):
            stop = row.index(self.end) + 1 if self.end in row else self.length
            rows[row[:stop]] = stop
        fill = self.end or 0
        tokens = torch.tensor([[*row, *[fill] * (self.length - len(row))] for row in rows])
        return tokens, torch.arange(self.length) < torch.tensor(list(rows.values()))[
            :, None
        ]

    def prefixes(self, tokens: Tensor) -> Tensor:
        """Number of the prefix before each token, [N, T]: 0 is the empty one, longer ones follow."""
        before = torch.zeros_like(tokens)
        for t in range(1, self.length):  # the children of prefix k are k * size + 1 and on
            before[:, t] = before[:, t - 1] * self.size + tokens[:, t - 1] + 1
        return before


class Policy(nn.Module):
    """A softmax over the next token for each prefix, in double precision."""

    def __init__(self, language: Language, seed: int = 0, scale: float = 1.0) -> None:
        super().__init__()
        prefixes = sum(language.size**t for t in range(language.length))
        draw = torch.Generator().manual_seed(seed)
        start = scale * torch.randn(
            prefixes, language.size, generator=draw, dtype=torch.float64
        )
        self.language = language
        self.logits = nn.Parameter(start)
        tokens, mask = language.sequences()
        self.tokens, self.mask, self.before = tokens, mask, language.prefixes(tokens)

    def logprobs(self) -> Tensor:
        """Log-probability of each token of each sequence given those before, 0 where none counts: [N, T]."""
        chosen = self.logits.log_softmax(-1)[self.before, self.tokens]
        return chosen * self.mask

    def probabilities(self) -> Tensor:
        """Probability of each sequence: [N], sums to 1."""
        return self.logprobs().sum(-1).exp()

    def mean(self, values: Tensor) -> Tensor:
        """Exact expectation of what each sequence is worth: values [N, ...] gives [...]."""
        return torch.tensordot(self.probabilities(), values, dims=1)

    def gradient(self, of: Tensor) -> Tensor:
        """Gradient of a number by the logits: [prefixes, size]."""
        return torch.autograd.grad(of, self.logits, retain_graph=True)[0]

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Numbers of `n` sequences, drawn with their probabilities: [n]."""
        return torch.multinomial(
            self.probabilities().detach(), n, replacement=True, generator=generator
        )
