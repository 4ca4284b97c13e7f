"""A GPT-2 of any size, and the loss that it must have before it has learned anything."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import torch
import torch.nn.functional as F
from torch import Tensor, nn

STD, GPT2_WIDTH, GPT2_VOCAB = 0.02, 768, 50_257  # of GPT-2 small


@dataclass(frozen=True)
class Config:
    """The shape of a GPT."""

    layers: int = 2  # L
    width: int = 64  # h
    heads: int = 4  # H
    context: int = 16  # S
    vocab: int = 256  # V, one token for each byte
    dropout: float = 0.0
    causal: bool = True


# --8<-- [start:block]
class Block(nn.Module):
    """Attention and MLP, each behind a norm and added to the stream."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.c, self.drop = c, nn.Dropout(c.dropout)
        self.norm1, self.norm2 = nn.LayerNorm(c.width), nn.LayerNorm(c.width)
        self.qkv, self.out = nn.Linear(c.width, 3 * c.width), nn.Linear(c.width, c.width)
        self.up = nn.Linear(c.width, 4 * c.width)
        self.down = nn.Linear(4 * c.width, c.width)

    def forward(self, x: Tensor) -> Tensor:
        """The stream after this block: [B, S, h]."""
        heads = self.qkv(self.norm1(x)).unflatten(-1, (3, self.c.heads, -1))
        q, k, v = heads.permute(2, 0, 3, 1, 4)  # [B, H, S, d] each
        mixed = F.scaled_dot_product_attention(q, k, v, is_causal=self.c.causal)
        x = x + self.drop(self.out(mixed.transpose(1, 2).flatten(2)))
        inner = F.gelu(self.up(self.norm2(x)), approximate="tanh")
        return x + self.drop(self.down(inner))


# --8<-- [end:block]


# --8<-- [start:model]
class GPT(nn.Module):
    """Embeddings, blocks, a norm, and the embedding again as output layer."""

    def __init__(self, c: Config) -> None:
        super().__init__()
        self.c = c
        self.tokens = nn.Embedding(c.vocab, c.width)
        self.positions = nn.Embedding(c.context, c.width)
        self.blocks = nn.ModuleList(Block(c) for _ in range(c.layers))
        self.norm = nn.LayerNorm(c.width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Logits of the next token at each place: [B, S] -> [B, S, V]."""
        x = self.tokens(tokens) + self.positions.weight[: tokens.shape[1]]
        for block in self.blocks:
            x = block(x)
        return self.norm(x) @ self.tokens.weight.T  # tied


# --8<-- [end:model]


def deviation(width: int) -> float:
    """Standard deviation of the weights: GPT-2 small's at its width, larger where width is less."""
    return STD * math.sqrt(GPT2_WIDTH / width)


# --8<-- [start:initialize]
@torch.no_grad()
def initialize(model: GPT, std: float | None = None) -> GPT:
    """Normal weights, narrower where a layer writes to the stream; zero biases, unit norms."""
    std = std or deviation(model.c.width)
    for name, p in model.named_parameters():
        if name.endswith("bias"):
            p.zero_()
        elif "norm" in name:
            p.fill_(1)
        else:
            writes = "out." in name or "down." in name
            p.normal_(0, std / math.sqrt(2 * model.c.layers) if writes else std)
    return model


# --8<-- [end:initialize]


def first_loss(config: Config, std: float | None = None, *, ours: bool = True) -> float:
    """Nats per token before the first step, on random tokens; PyTorch's own weights if not `ours`."""
    torch.manual_seed(0)
    model = GPT(config)
    if ours:
        initialize(model, std)
    tokens = torch.randint(config.vocab, (512, config.context + 1))
    logits = model(tokens[:, :-1]).detach()
    return F.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).item()


def level(vocab: int = Config.vocab) -> float:
    """Nats of a guess that knows nothing."""
    return math.log(vocab)


def excess(width: int, std: float) -> float:
    """Nats above ln V that normal logits of variance h std^2 cost, while that is small."""
    return width * std**2 / 2


def example_start() -> None:
    """The first loss above ln V, for widths and spreads of the weights, and for PyTorch's defaults."""
    print("width   std of weights   first loss   above ln V   h std^2 / 2")
    for width in (64, 256):
        c = replace(Config(), width=width)
        for std in (STD, deviation(width), 0.3):
            loss = first_loss(c, std)
            print(
                f"{width:5d} {std:16.3f} {loss:12.3f} {loss - level():12.3f} {excess(width, std):14.3f}"
            )
    loss = first_loss(Config(), ours=False)
    print(f"{Config.width:5d} PyTorch's defaults {loss:10.3f} {loss - level():12.3f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about the start."""
    return {
        "level": f"{level():.3f}",
        "gpt2_level": f"{level(GPT2_VOCAB):.2f}",
        "start": f"{first_loss(Config()):.2f}",
        "default_start": f"{first_loss(Config(), ours=False):.1f}",
        "excess": f"{excess(GPT2_WIDTH, STD):.2f}",
    }


if __name__ == "__main__":
    example_start()
