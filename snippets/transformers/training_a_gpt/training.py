"""The loop: one step of accumulation, clipping and AdamW, and all that a run remembers."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from snippets.transformers.training_a_gpt.model import GPT, Config, initialize
from snippets.transformers.training_a_gpt.text import batch

IGNORE = -100  # a target that counts nowhere
Pairs = list[tuple[Tensor, Tensor]]  # micro-batches: inputs and targets, [B, S] each


# --8<-- [start:accumulate]
def accumulate(model: Callable[[Tensor], Tensor], pairs: Pairs) -> float:
    """Gradient of the mean loss over all tokens of a step; returns that mean, in nats."""
    tokens = sum(int((y != IGNORE).sum()) for _, y in pairs)
    mean = 0.0
    for x, y in pairs:
        nats = F.cross_entropy(
            model(x).flatten(0, 1), y.flatten(), ignore_index=IGNORE, reduction="sum"
        )
        (nats / tokens).backward()  # adds to p.grad
        mean += nats.item() / tokens
    return mean


# --8<-- [end:accumulate]


# --8<-- [start:clip]
def clip(parameters: Iterable[Tensor], limit: float) -> float:
    """Shorten the whole gradient to `limit`; returns its length before."""
    grads = [p.grad for p in parameters if p.grad is not None]
    norm = torch.stack([g.square().sum() for g in grads]).sum().sqrt()
    for g in grads:
        g.mul_((limit / (norm + 1e-6)).clamp(max=1))
    return norm.item()


# --8<-- [end:clip]


@dataclass(frozen=True)
class Settings:
    """What is chosen before a run."""

    steps: int = 60
    rows: int = 16  # B, windows of a step
    micros: int = 1
    rate: float = 1e-2
    warmup: int = 10
    limit: float = 1.0
    betas: tuple[float, float] = (0.9, 0.95)
    eps: float = 1e-8
    decay: float = 0.1

    def rate_at(self, step: int) -> float:
        """Linear warm-up, then half a cosine to a tenth; steps count from 0."""
        if step < self.warmup:
            return self.rate * (step + 1) / self.warmup
        done = (step - self.warmup) / max(self.steps - self.warmup, 1)
        return self.rate * (0.55 + 0.45 * math.cos(math.pi * done))


# --8<-- [start:adamw]
@torch.no_grad()
def adamw(p: Tensor, m: Tensor, v: Tensor, t: int, rate: float, s: Settings) -> None:
    """Update t, counted from 1, of one parameter and its two moments."""
    if p.grad is None:
        return
    if p.dim() > 1:  # matrices decay, norms and biases do not
        p.mul_(1 - rate * s.decay)
    m.lerp_(p.grad, 1 - s.betas[0])
    v.lerp_(p.grad.square(), 1 - s.betas[1])
    mean, square = m / (1 - s.betas[0] ** t), v / (1 - s.betas[1] ** t)
    p.sub_(rate * mean / (square.sqrt() + s.eps))


# --8<-- [end:adamw]


@dataclass
class Run:
    """All that a run remembers from one step to the next."""

    config: Config = field(default_factory=Config)
    settings: Settings = field(default_factory=Settings)
    seed: int = 0
    ahead: int = 1  # how many bytes later a target lies; anything but 1 is a fault
    step: int = 0  # updates made: bias correction and learning rate depend on it
    seen: int = 0  # batches read
    model: GPT = field(init=False)
    moments: list[tuple[Tensor, Tensor]] = field(init=False)

    def __post_init__(self) -> None:
        torch.manual_seed(self.seed)
        self.model = initialize(GPT(self.config))
        self.moments = [
            (torch.zeros_like(p), torch.zeros_like(p)) for p in self.model.parameters()
        ]

    # --8<-- [start:step]
    def advance(self, text: Tensor) -> tuple[float, float]:
        """One step; returns its loss and the length of its gradient."""
        s, c = self.settings, self.config
        x, y = batch(text, self.seen, s.rows, c.context, self.seed, self.ahead)
        micros = list(zip(x.chunk(s.micros), y.chunk(s.micros), strict=True))
        self.model.train().zero_grad()
        loss = accumulate(self.model, micros)
        norm = clip(self.model.parameters(), s.limit)
        rate = s.rate_at(self.step)
        self.step, self.seen = self.step + 1, self.seen + 1
        for p, (m, v) in zip(self.model.parameters(), self.moments, strict=True):
            adamw(p, m, v, self.step, rate, s)
        return loss, norm

    # --8<-- [end:step]

    # --8<-- [start:state]
    def state(self) -> dict[str, Any]:
        """What must survive: everything that the next step reads and the last one changed."""
        return {
            "weights": self.model.state_dict(),
            "moments": self.moments,
            "updates": self.step,
            "position": self.seen,
            "random": torch.get_rng_state(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a state."""
        self.model.load_state_dict(state["weights"])
        self.moments = state["moments"]
        self.step, self.seen = state["updates"], state["position"]
        torch.set_rng_state(state["random"])

    # --8<-- [end:state]
