"""Three loops whose loss falls and that learn something else, and a gauge that tells them apart."""
# /// fieldguide
# timeout_s = 60
# tolerance.facts = {rel = 0.1, abs = 0.1, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

from dataclasses import replace
from functools import cache

import torch
import torch.nn.functional as F
from torch import Tensor

from snippets.transformers.training_a_gpt.model import GPT, Config
from snippets.transformers.training_a_gpt.text import batch, bits_per_byte
from snippets.transformers.training_a_gpt.training import Run, Settings

# How many bytes later a target lies, and whether attention is masked.
LOOPS = {
    "right": (1, True),
    "shifted twice": (2, True),
    "not shifted": (0, True),
    "no mask": (1, False),
}


# --8<-- [start:gauge]
@torch.no_grad()
def lead(model: GPT, ahead: int) -> int:
    """Change one byte: places from where it is predicted to where it is first seen."""
    context = model.c.context
    text = torch.randint(256, (context + 2,), generator=torch.Generator().manual_seed(0))
    other = text.clone()
    other[context // 2] = (text[context // 2] + 1) % 256
    both = torch.stack([text, other])
    logits, y = model.eval()(both[:, :context]), both[:, ahead : ahead + context]
    seen = (logits[0] != logits[1]).any(-1).nonzero()[0]
    predicted = (y[0] != y[1]).nonzero()[0]
    return int(seen - predicted)


# --8<-- [end:gauge]


def fresh(loop: str, seed: int = 0, steps: int = Settings.steps) -> Run:
    """A run of one of the loops with a model of one layer, before its first step."""
    ahead, causal = LOOPS[loop]
    config = replace(Config(), layers=1, causal=causal)
    return Run(config, Settings(steps=steps), seed, ahead)


@torch.no_grad()
def logged(run: Run, held: Tensor, batches: int = 4) -> float:
    """Bits per held-out byte as the run's own loss counts them."""
    nats, model, c = 0.0, run.model.eval(), run.config
    for i in range(batches):
        x, y = batch(held, i, 128, c.context, ahead=run.ahead)
        nats += F.cross_entropy(model(x).flatten(0, 1), y.flatten()).item() / batches
    return bits_per_byte(nats, 1)


# --8<-- [start:blind]
@torch.no_grad()
def next_byte(run: Run, held: Tensor, batches: int = 4) -> float:
    """Bits for the byte after a held-out window, of which the model has seen nothing."""
    nats, model, c = 0.0, run.model.eval(), run.config
    for i in range(batches):
        x, y = batch(held, i, 128, c.context)
        nats += F.cross_entropy(model(x)[:, -1], y[:, -1]).item() / batches
    return bits_per_byte(nats, 1)


# --8<-- [end:blind]


@cache
def on_noise(loop: str) -> tuple[float, float]:
    """Nats on random bytes, none of them shown twice: before the first step, and at the last."""
    noise = torch.randint(256, (1 << 16,), generator=torch.Generator().manual_seed(0))
    run = fresh(loop)
    x, y = batch(noise, 0, 512, run.config.context, ahead=run.ahead)
    start = F.cross_entropy(run.model(x).detach().flatten(0, 1), y.flatten()).item()
    return start, [run.advance(noise)[0] for _ in range(run.settings.steps)][-1]


def facts() -> dict[str, str]:
    """Numbers that the page states about random bytes."""
    return {
        "copied_start": f"{on_noise('not shifted')[0]:.2f}",
        "leaky_start": f"{on_noise('no mask')[0]:.2f}",
        "leaky_noise": f"{on_noise('no mask')[1]:.2f}",
        "noise": f"{on_noise('right')[1]:.2f}",
    }
