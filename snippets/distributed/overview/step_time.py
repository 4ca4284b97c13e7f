"""Training planner: how long a step takes, what share of the machine it uses, days and dollars."""

from __future__ import annotations

from dataclasses import dataclass

from snippets.distributed.mfu.flops import days, utilization
from snippets.distributed.overview.activations import layer_bytes
from snippets.distributed.overview.flops import executed_flops, head_flops, model_flops
from snippets.distributed.overview.groups import rank_layers, telling_ranks
from snippets.distributed.overview.layout import Layout
from snippets.distributed.overview.memory import rank_memory
from snippets.distributed.overview.traffic import Traffic, passes, traffic
from snippets.distributed.pipeline_parallel.cost import bubble
from snippets.shapes.accelerators import Machine
from snippets.shapes.models import Shape


# --8<-- [start:assumptions]
@dataclass(frozen=True)
class Assumptions:
    """What no configuration says. One set for all runs, set by hand with them in sight."""

    product: float = 0.65  # of the peak rate, in products with weights
    attention: float = 0.5  # of the bf16 peak, in fused attention
    memory: float = 0.8  # of the memory's bandwidth, outside of them
    link: float = 0.8  # of a link's bandwidth
    passes: float = 8  # that each kept byte makes through memory, outside of products
    room: float = 0.92  # of the memory, for what the planner counts
    communicating: float = 0.15  # of the arithmetic, to DualPipe: 20 of 132 SMs


# --8<-- [end:assumptions]


@dataclass(frozen=True)
class Step:
    """Seconds of a step on the slowest pipeline rank, by cause."""

    products: float
    memory: float  # norms, activation functions, residuals, attention's squares
    exposed: dict[str, float]  # communication that nothing hides
    bubble: float
    optimizer: float
    traffic: dict[str, Traffic]

    @property
    def seconds(self) -> float:
        """The whole step."""
        work = self.products + self.memory + self.bubble + self.optimizer
        return work + sum(self.exposed.values())


def rank_step(m: Shape, x: Layout, machine: Machine, rank: int, a: Assumptions) -> Step:
    """One step as one pipeline rank lives it."""
    layers = rank_layers(m.layers, x)[rank]
    k, half = x.micros, 2 if x.schedule == "DualPipe" else 1
    peak, work = machine.chip.bf16_tflops * 1e12, executed_flops(m, x, layers)
    weights = work.weights + (head_flops(m) if rank == x.pp - 1 else 0.0)
    fast = machine.chip.eight_bit_tflops * 1e12 if x.precision == "fp8" else peak
    each = weights / (fast * a.product)
    each += work.attention / (peak * (a.attention if x.fused else a.product))
    slower = 1 - a.communicating if half == 2 else 1
    products = k * x.tokens * each / half / x.tp / slower
    touched = sum(layer_bytes(m, x, n, "nothing") for n in layers) / half
    again = 4 / 3 if x.recompute == "layers" else 1
    bandwidth = machine.chip.memory_tb_s * 1e12 * a.memory
    memory = k * a.passes * again * touched / bandwidth
    sent = traffic(m, x, machine, rank, a.link)
    alone = products + memory
    exposed = not_hidden(x, {kind: t.seconds for kind, t in sent.items()}, alone)
    busy = alone + exposed["TP"] + exposed["CP"] + exposed.get("EP", 0.0)
    states = rank_memory(m, x, rank, layers)["optimizer"]
    return Step(products, memory, exposed, busy * idle(x), 2 * states / bandwidth, sent)


def not_hidden(x: Layout, sent: dict[str, float], work: float) -> dict[str, float]:
    """Seconds of each kind that stop the work. Each second of work hides one kind only."""
    left, exposed = work, dict(sent)

    def hide(kind: str, most: float) -> float:
        behind = min(sent.get(kind, 0.0), most)
        if behind:
            exposed[kind] -= behind
        return behind

    left -= hide("TP", min(left, sent["TP"] * 0.5 / (passes(x) + 0.5)))  # inputs, again
    left -= hide("PP", left)
    left -= hide("EP", left if x.schedule == "DualPipe" else 0.0)
    window = left if x.zero >= 2 else left / x.micros  # a step's gradients: during its last
    hide("DP, experts", window - hide("DP", window))
    return exposed


def idle(x: Layout) -> float:
    """Bubble, as a share of the working time."""
    if x.schedule == "DualPipe":  # (p/2 - 1)(F&B + B - 3W), F = W = B/2, F&B = F + B
        return (x.pp / 2 - 1) * (3 + 2 - 3) / 3 / x.micros if x.pp > 2 else 0.0
    return bubble(x.pp, x.micros, x.virtual)


def step(m: Shape, x: Layout, machine: Machine, a: Assumptions | None = None) -> Step:
    """The pipeline goes at the pace of its slowest rank."""
    ranks = [
        rank_step(m, x, machine, rank, a or Assumptions())
        for rank in telling_ranks(m.layers, x, m.dense_layers)
    ]
    return max(ranks, key=lambda s: s.seconds)


def mfu(
    m: Shape, x: Layout, machine: Machine, seconds: float, causal: bool = False
) -> float:
    """Model FLOPs utilization of a step, of the bf16 peak."""
    flops = sum(model_flops(m, x, list(range(m.layers)), causal)) + head_flops(m)
    rate = x.batch * x.sequence / seconds
    return utilization(flops, rate, x.world, machine.chip.bf16_tflops * 1e12)


def hfu(m: Shape, x: Layout, machine: Machine, seconds: float) -> float:
    """Hardware FLOPs utilization: also what runs again; not what a kernel skips."""
    flops = sum(executed_flops(m, x, list(range(m.layers)))) + head_flops(m)
    rate = x.batch * x.sequence / seconds
    return utilization(flops, rate, x.world, machine.chip.bf16_tflops * 1e12)


def run_days(tokens: float, x: Layout, seconds: float) -> float:
    """Days for so many tokens, without failures."""
    return days(tokens / (x.batch * x.sequence) * seconds, 1, 1)
