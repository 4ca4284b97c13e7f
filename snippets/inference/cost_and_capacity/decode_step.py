"""A decode step of a published service, part by part, from measured rates of its kernels."""

from __future__ import annotations

from typing import NamedTuple

from snippets.shapes.models import (
    MODELS,
    Shape,
    attention_params,
    cache_bytes,
    expert_params,
)

V3 = MODELS["DeepSeek-V3"]
READ, MULTIPLY = 3.0e12, 580e12  # bytes/s, FLOP/s of FlashMLA on an H800, February 2025
NETWORK = 39e9  # bytes/s that DeepEP's all-to-all reaches over 128 of them


class Parts(NamedTuple):
    """Seconds of one decode step on one GPU."""

    weights: float
    attention: float
    exchange: float

    @property
    def hidden(self) -> float:
        """The step if one half of the users is exchanged while the other is computed.

        Each half reads the weights.
        """
        return max(self.exchange, 2 * self.weights + self.attention)


# --8<-- [start:step]
def expert_parallel_step(
    m: Shape, users: float, context: int, experts: int, tokens: int = 1
) -> Parts:
    """A step of a GPU with `users` and `experts` routed experts of each layer.

    Attention and shared experts are held by every GPU. Each of a user's `tokens` is sent to
    its experts in 8 bits and comes back in 16. Dense layers and the output are left out.
    """
    sparse = m.layers - m.dense_layers
    held = m.layers * attention_params(m)
    held += sparse * (experts + m.shared) * expert_params(m)
    read = users * cache_bytes(m, context) / READ  # the cache is in bf16
    scores = tokens * users * 2 * m.heads * (2 * m.latent + m.rope) * context * m.layers
    sent = tokens * users * m.active * m.hidden * (1 + 2) * sparse
    return Parts(held / READ, max(read, scores / MULTIPLY), sent / NETWORK)


# --8<-- [end:step]


def published(tokens: int = 1) -> Parts:
    """At the published 14,800 tokens/s a node, 21 tokens/s a user and 4,989 tokens of context."""
    return expert_parallel_step(V3, 14_800 / 21 / 8, 4989, 2, tokens)


def guess_costs() -> tuple[float, float]:
    """A step that also checks one guess, over a plain one: parts in sequence, exchange hidden."""
    plain, check = published(), published(2)
    return sum(check) / sum(plain), check.hidden / plain.hidden


def guess_gains(kept: float, draft: float = 1.5 / 36.6) -> tuple[float, float]:
    """Speed-up by one guess kept with probability `kept`; `draft` is its price in steps."""
    serial, hidden = guess_costs()
    return (1 + kept) / (serial + draft), (1 + kept) / (hidden + draft)


def example_step() -> None:
    """Milliseconds of the step, and what was observed."""
    step = published()
    print(f"read weights           {step.weights * 1e3:5.1f} ms")
    print(f"attend                 {step.attention * 1e3:5.1f} ms")
    print(f"exchange with experts  {step.exchange * 1e3:5.1f} ms")
    print(f"one after the other    {sum(step) * 1e3:5.1f} ms")
    print(f"exchange hidden        {step.hidden * 1e3:5.1f} ms")
    print(f"observed               {1e3 / 22:5.1f} to {1e3 / 20:.1f} ms")


def facts() -> dict[str, str]:
    """Numbers that the page states about the step."""
    step, (serial, hidden) = published(), guess_costs()
    return {
        "guess_serial": f"{serial:.2f}",
        "guess_hidden": f"{hidden:.2f}",
        "guess_low": f"{guess_gains(0.85)[0]:.2f}",
        "guess_high": f"{guess_gains(0.90)[1]:.2f}",
        "serial": f"{sum(step) * 1e3:.0f} ms",
        "hidden": f"{step.hidden * 1e3:.0f} ms",
        "exchange_share": f"{step.exchange / sum(step):.0%}",
    }


if __name__ == "__main__":
    example_step()
