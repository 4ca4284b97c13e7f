"""A model on a group of accelerators: the assumptions, what is held, what is read, what is sent."""

from __future__ import annotations

from dataclasses import dataclass

from snippets.inference.overview.sizes import SERVED
from snippets.shapes.accelerators import ACCELERATORS, Accelerator
from snippets.shapes.models import Shape, attention_params, cache_bytes, parameters

FOUR_BIT = 17 / 32  # bytes: 4 bits, and 8 bits of scale for 32 numbers
WEIGHTS = {  # bytes of a parameter: outside the routed experts, and inside
    "bf16": (2.0, 2.0),
    "8-bit": (1.0, 1.0),
    "4-bit": (FOUR_BIT, FOUR_BIT),
    "4-bit experts": (2.0, FOUR_BIT),
}
CACHE = {"bf16": 2.0, "8-bit": 1.0}


# --8<-- [start:setup]
@dataclass(frozen=True)
class Setup:
    """A model on a group of accelerators that share its weights, with the assumptions."""

    model: Shape
    chip: Accelerator
    chips: int = 1
    weights: str = "bf16"
    cache: str = "bf16"
    eight_bit_math: bool = False
    compute_share: float = 0.5  # of the peak rate, in prefill and in large batches
    bandwidth_share: float = 0.7  # of the memory bandwidth, in decode
    memory_share: float = 0.9  # of the memory, for weights and cache
    node: int = 8  # accelerators behind the fast link
    network_gb_s: float = 50.0  # of one accelerator, out of its node
    hop_us: float = 10.0  # fixed cost of one all-reduce
    split_users: bool = False  # beyond its heads a cache is divided by users, not copied
    # --8<-- [end:setup]

    @property
    def flops(self) -> float:
        """FLOP/s of the group."""
        rate = self.chip.eight_bit_tflops if self.eight_bit_math else self.chip.bf16_tflops
        return self.chips * rate * 1e12 * self.compute_share

    @property
    def bandwidth(self) -> float:
        """Bytes/s that the group reads from its memories."""
        return self.chips * self.chip.memory_tb_s * 1e12 * self.bandwidth_share


# --8<-- [start:read]
def weight_bytes(s: Setup, batch: float = float("inf")) -> float:
    """Bytes of weights that a step of `batch` tokens touches; all that are held, by default.

    With a router that has no favorites, a token misses an expert with probability
    1 - k/E, and a batch of B leaves it unread with (1 - k/E)^B.
    """
    m, (dense, expert) = s.model, WEIGHTS[s.weights]
    held = parameters(m, 0)
    copies = s.chips if m.latent else 1  # a latent has no heads to deal out
    total = (held + (copies - 1) * m.layers * attention_params(m)) * dense
    if batch < float("inf"):
        total -= m.vocab * m.hidden * dense  # of the embedding a token reads one row
    if m.experts:
        missed = (1 - m.active / m.experts) ** batch
        total += (parameters(m) - held) * expert * (1 - missed)
    return total


# --8<-- [end:read]


def sequence_bytes(s: Setup, context: int) -> float:
    """Bytes that the group keeps, and reads in a step, for a sequence of `context` tokens."""
    copied = s.chips > s.model.kv_heads and not s.model.latent and not s.split_users
    copies = s.chips / s.model.kv_heads if copied else 1.0
    return copies * cache_bytes(s.model, context, CACHE[s.cache])


def link_seconds(s: Setup, tokens: int) -> float:
    """Two ring all-reduces in each layer over the activations of `tokens` tokens."""
    if s.chips == 1:
        return 0.0
    rate = s.chip.link_gb_s
    if s.chips > s.node:  # as many rings as a node has ports to the network
        rate = min(rate, s.node * s.network_gb_s)
    moved = 2 * (s.chips - 1) / s.chips * tokens * s.model.hidden * 2  # bf16
    return 2 * s.model.layers * (moved / (rate * 1e9) + s.hop_us * 1e-6)


def read_share(name: str, batch: int) -> float:
    """Share of the weights that a step reads, in bf16."""
    s = Setup(SERVED[name], ACCELERATORS["H100"])
    return weight_bytes(s, batch) / weight_bytes(s)


def example_experts() -> None:
    """Share of all weights that one decode step reads."""
    batches = (1, 8, 64, 256)
    print(f"{'users':16s}" + "".join(f"{batch:6d}" for batch in batches))
    for name in ("Llama 3 70B", "Mixtral 8x7B", "DeepSeek-V3", "gpt-oss-120b"):
        print(f"{name:16s}" + "".join(f"{read_share(name, b):6.0%}" for b in batches))


def facts() -> dict[str, str]:
    """Numbers that the page states about reading."""
    return {
        "oss_one": f"{read_share('gpt-oss-120b', 1):.0%}",
        "oss_many": f"{read_share('gpt-oss-120b', 64):.0%}",
    }


if __name__ == "__main__":
    example_experts()
