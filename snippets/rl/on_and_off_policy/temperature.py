"""A sampler that logs the probabilities of another temperature, and a cap that hides it."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

POSITIONS, VOCABULARY = 400, 1000
CAP = 2.0


def logits(positions: int = POSITIONS, seed: int = 0) -> Tensor:
    """Logits of random distributions: [positions, V]."""
    draw = torch.Generator().manual_seed(seed)
    return torch.randn(positions, VOCABULARY, generator=draw, dtype=torch.float64) * 1.5


@dataclass(frozen=True)
class Ratios:
    """What a dashboard shows of trainer over sampler: exact means over all tokens."""

    log: float  # mean log ratio
    mean: float
    above: float  # share of tokens above the cap
    capped: float  # mean after the cut


# --8<-- [start:ratios]
def ratios(temperature: float, divided: bool = False) -> Ratios:
    """The trainer scores at the temperature; the sampler logs the raw log p, or log p divided by it."""
    model = logits()
    trainer = (model / temperature).log_softmax(-1)  # also what was really sampled from
    raw = model.log_softmax(-1)
    logged = raw / temperature if divided else raw
    p, log = trainer.exp() / len(model), trainer - logged
    ratio = log.exp()
    return Ratios(
        log=(p * log).sum().item(),
        mean=(p * ratio).sum().item(),
        above=(p * (ratio > CAP)).sum().item(),
        capped=(p * ratio.clamp(max=CAP)).sum().item(),
    )


# --8<-- [end:ratios]
def example_temperatures() -> None:
    """What the log shows at four temperatures, and after a wrong repair."""
    print(f"{'':16s}{'mean log':>9s}{'mean':>9s}{'above 2':>9s}{'mean, cut':>11s}")
    rows = {f"T = {t}": ratios(t) for t in (1.0, 0.8, 0.6, 1.2)}
    rows["T = 0.6, log p/T"] = ratios(0.6, divided=True)
    for name, r in rows.items():
        print(f"{name:16s}{r.log:9.2f}{r.mean:9.2f}{r.above:9.0%}{r.capped:11.2f}")


def first_tokens(temperature: float, seed: int) -> list[str]:
    """Logged log-probability and capped ratio of the first token of four replies."""
    draw = torch.Generator().manual_seed(seed + 1000)  # not the stream of the logits
    model = logits(positions=4, seed=seed)
    trainer = (model / temperature).log_softmax(-1)
    tokens = torch.multinomial(trainer.exp(), 1, generator=draw)
    logged = model.log_softmax(-1).gather(-1, tokens)
    ratio = (trainer.gather(-1, tokens) - logged).exp().clamp(max=CAP)
    pairs = zip(logged.flatten().tolist(), ratio.flatten().tolist(), strict=True)
    return [f"{log:6.2f} {weight:.3f}" for log, weight in pairs]


def example_release() -> None:
    """A run's log: for four replies, the sampler's log-probability of the first token, and its weight."""
    for step in range(101, 107):
        temperature = 1.0 if step < 104 else 0.6
        print(f"step {step}  " + "  ".join(first_tokens(temperature, step)))


def facts() -> dict[str, str]:
    """Numbers that the page states about temperature."""
    return {
        "raw_above": f"{ratios(0.6).above:.0%}",
        "raw_mean": f"{ratios(0.6).mean:.2f}",
        "raw_capped": f"{ratios(0.6).capped:.2f}",
    }


if __name__ == "__main__":
    example_temperatures()
    example_release()
