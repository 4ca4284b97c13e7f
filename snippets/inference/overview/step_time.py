"""How long a prompt and a token take on a group of accelerators, and what sets the time."""

from __future__ import annotations

from typing import NamedTuple

from snippets.inference.overview.setup import (
    Setup,
    link_seconds,
    sequence_bytes,
    weight_bytes,
)
from snippets.inference.overview.sizes import SERVED
from snippets.shapes.accelerators import ACCELERATORS
from snippets.shapes.models import Shape, active_params


# --8<-- [start:step]
class Step(NamedTuple):
    """Seconds of one decode step, by cause."""

    weights: float  # reading weights
    matmul: float  # multiplying with them: hidden behind the reading, or the other way
    attention: float  # reading the cache, or its arithmetic
    link: float  # all-reduces

    @property
    def seconds(self) -> float:
        """The whole step."""
        return max(self.weights, self.matmul) + self.attention + self.link


def decode_step(s: Setup, batch: int, context: int) -> Step:
    """One token for each of `batch` sequences that hold `context` tokens."""
    m = s.model
    cached = batch * sequence_bytes(s, context) / s.bandwidth
    pair = 2 * m.latent + m.rope if m.latent else 2 * m.head_dim
    scores = batch * 2 * m.heads * pair * seen(m, context) / s.flops
    return Step(
        weight_bytes(s, batch) / s.bandwidth,
        2 * active_params(m) * batch / s.flops,
        max(cached, scores),
        link_seconds(s, batch),
    )


# --8<-- [end:step]


def seen(m: Shape, context: int) -> int:
    """Keys that one new token meets, over all layers."""
    return (m.layers - m.window_layers) * context + m.window_layers * min(m.window, context)


# --8<-- [start:prefill]
def pairs(m: Shape, prompt: int) -> int:
    """Causal pairs of query and key, over all layers."""
    short = min(m.window or prompt, prompt)
    windowed = short * (short + 1) // 2 + (prompt - short) * short
    full = prompt * (prompt + 1) // 2
    return (m.layers - m.window_layers) * full + m.window_layers * windowed


def prefill_flops(m: Shape, prompt: int) -> int:
    """Arithmetic of one prompt: two per parameter and token, and attention."""
    width = m.head_dim + m.rope + (m.value_dim or m.head_dim)
    return 2 * active_params(m) * prompt + 2 * m.heads * width * pairs(m, prompt)


def prefill_seconds(s: Setup, prompt: int) -> float:
    """One prompt, alone on the group."""
    compute = prefill_flops(s.model, prompt) / s.flops
    return max(compute, weight_bytes(s, prompt) / s.bandwidth) + link_seconds(s, prompt)


# --8<-- [end:prefill]


def example_phases() -> None:
    """A prompt of 2,048 tokens and one decode step at 2,048 tokens of context, on 8 H100."""
    print(
        f"{'8 H100, 8-bit weights':22s}{'prefill':>9s}{'step, 1 user':>14s}{'step, 64 users':>16s}"
    )
    for name in ("Llama 3 70B", "Qwen3 235B-A22B", "gpt-oss-120b"):
        s = Setup(SERVED[name], ACCELERATORS["H100"], 8, "8-bit")
        one, many = (decode_step(s, batch, 2048).seconds for batch in (1, 64))
        print(
            f"{name:22s}{prefill_seconds(s, 2048) * 1e3:6.0f} ms{one * 1e3:11.1f} ms{many * 1e3:13.1f} ms"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about time."""
    s = Setup(SERVED["Llama 3 70B"], ACCELERATORS["H100"], 8, "8-bit")
    one, many = (decode_step(s, batch, 2048).seconds for batch in (1, 64))
    return {"step_ratio": f"{many / one:.1f}"}


if __name__ == "__main__":
    example_phases()
