"""A model of one attention layer whose frequencies can be exchanged after training."""

from __future__ import annotations

from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from snippets.transformers.position_encoding import task
from snippets.transformers.position_encoding.frequencies import frequencies
from snippets.transformers.position_encoding.rotation import rotate

TRAINED, HEAD_DIM, BASE = 64, 32, 10_000.0
HEADS, WIDTH = 3, 48
STEPS, BATCH, RATE = 200, 16, 1.4e-2


class Model(nn.Module):
    """An attention layer with RoPE; `w` and `scale` are no parameters, so they can be replaced."""

    features: Tensor

    def __init__(self) -> None:
        super().__init__()
        features = task.features()  # [V, features]
        self.register_buffer("features", features)
        self.embedding = nn.Parameter(0.5 * torch.randn(features.shape[1], WIDTH))
        inner = HEADS * HEAD_DIM
        self.qkv = nn.Linear(WIDTH, 3 * inner, bias=False)
        self.out = nn.Linear(inner, WIDTH, bias=False)
        self.head = nn.Linear(WIDTH, task.TEXT + task.VALUES, bias=False)
        self.w, self.scale = frequencies(HEAD_DIM, BASE), 1.0

    # --8<-- [start:forward]
    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of text tokens and values: [B, S, 24]."""
        x = (self.features @ self.embedding)[tokens]  # [B, S, h]
        mixed = self.qkv(F.rms_norm(x, x.shape[-1:])).unflatten(-1, (3, HEADS, HEAD_DIM))
        mixed = mixed.permute(2, 0, 3, 1, 4)  # [3, B, H, S, d]
        (q, k), v = rotate(mixed[:2], self.w, scale=self.scale), mixed[2]
        y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.out(y.transpose(1, 2).flatten(2))
        return self.head(F.rms_norm(x, x.shape[-1:]))

    # --8<-- [end:forward]


def train(seed: int, steps: int = STEPS) -> tuple[Model, list[float]]:
    """A model trained at `TRAINED` tokens, and its loss at each step."""
    torch.manual_seed(seed)
    generator = torch.Generator().manual_seed(seed)
    model, losses = Model(), []
    optimizer = torch.optim.AdamW(model.parameters(), lr=RATE, betas=(0.9, 0.95))
    tokens, wanted = task.sample(BATCH * 100, TRAINED, generator)
    for step in range(steps):
        optimizer.param_groups[0]["lr"] = RATE * min(
            (step + 1) / 30, 1 - 0.98 * step / steps
        )
        rows = torch.randint(len(tokens), (BATCH,), generator=generator)
        loss = F.cross_entropy(model(tokens[rows]).flatten(0, 1), wanted[rows].flatten())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return model, losses


@cache
def needles(distance: int, n: int = 32) -> tuple[Tensor, Tensor]:
    """The same questions for every model and scaling."""
    generator = torch.Generator().manual_seed(1)
    return task.needles(n, distance, max(distance + 8, TRAINED), generator)


@cache
def texts(length: int, n: int = 24) -> tuple[Tensor, Tensor]:
    """The same sequences, and what to predict in them."""
    return task.sample(n, length, torch.Generator().manual_seed(2))


# --8<-- [start:retrieval]
@torch.no_grad()
def retrieval(model: Model, distance: int) -> float:
    """Share of the questions answered right, if the only fact lies `distance` tokens back."""
    tokens, value = needles(distance)
    found = model(tokens)[:, -1, task.TEXT :].argmax(-1)  # [n]
    return float((found == value).float().mean())


@torch.no_grad()
def perplexity(model: Model, length: int) -> float:
    """Exponential of the mean loss over the second half of sequences of `length`."""
    tokens, wanted = texts(length)
    late = slice(length // 2, length)
    loss = F.cross_entropy(model(tokens)[:, late].flatten(0, 1), wanted[:, late].flatten())
    return float(loss.exp())


# --8<-- [end:retrieval]
