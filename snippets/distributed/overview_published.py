"""Training planner: published runs, predicted with one set of assumptions."""

from __future__ import annotations

from typing import NamedTuple

from snippets.distributed.overview_layout import MACHINES, Layout
from snippets.distributed.overview_models import MODELS
from snippets.distributed.overview_time import Step, mfu, step


class Run(NamedTuple):
    """A published run: its layout, and the utilization that was printed."""

    model: str
    machine: str
    layout: Layout
    mfu: float
    causal: bool = False  # whether it leaves masked pairs out


def megatron(**change: int) -> Layout:
    """Korthikanti et al. 2022, table 3: selective recomputation, attention with its squares."""
    common = {"sequence": 2048, "tp": 8, **change}
    return Layout(**common, fused=False)  # type: ignore[arg-type]


LLAMA = {"tp": 8, "pp": 16, "virtual": 8}
V3 = {"pp": 16, "dp": 128, "ep": 64, "batch": 15_360, "sequence": 4096, "routed_nodes": 4}
RUNS = {
    "GPT 22B": Run("GPT 22B", "A100", megatron(batch=4, micro=4), 0.415),
    "GPT-3 175B": Run("GPT-3 175B", "A100", megatron(pp=8, batch=64, virtual=3), 0.514),
    "GPT 530B": Run("GPT 530B", "A100", megatron(pp=35, batch=280, virtual=3), 0.560),
    "GPT 530B, 8 copies": Run(
        "GPT 530B", "A100", megatron(pp=35, dp=8, batch=2240, virtual=3, zero=0), 0.542),
    "GPT 1T": Run("GPT 1T", "A100", megatron(pp=64, batch=512), 0.563),
    "PaLM 540B": Run("PaLM 540B", "TPU v4", Layout(
        tp=12, dp=512, batch=2048, micro=4, sequence=2048, zero=3, shard=256,
        recompute="layers", fused=False), 0.462),
    "Llama 3 405B, 8K": Run(
        "Llama 3 405B", "H100", Layout(**LLAMA, dp=64, batch=2048), 0.43, True),
    "Llama 3 405B, 16K GPUs": Run(
        "Llama 3 405B", "H100", Layout(**LLAMA, dp=128, batch=2048), 0.41, True),
    "Llama 3 405B, 128K": Run("Llama 3 405B", "H100", Layout(
        **LLAMA, cp=16, dp=8, batch=128, sequence=131_072), 0.38, True),
    "DeepSeek-V3, bf16 rate": Run("DeepSeek-V3", "H800", Layout(
        **V3, schedule="DualPipe", states="mixed, bf16 moments"), 0.4373),
    "DeepSeek-V3, fp8 rate": Run("DeepSeek-V3", "H800", Layout(
        **V3, schedule="DualPipe", states="mixed, bf16 moments", precision="fp8"), 0.4373),
}  # fmt: skip


def predict(run: Run) -> tuple[float, Step]:
    """Utilization by the planner, and the step behind it."""
    m, machine = MODELS[run.model], MACHINES[run.machine]
    taken = step(m, run.layout, machine)
    return mfu(m, run.layout, machine, taken.seconds, run.causal), taken


def example_published() -> None:
    """Published and predicted MFU, and the parts of the predicted step."""
    for name, run in RUNS.items():
        share, s = predict(run)
        parts = {"TP": 0.0, "CP": 0.0, "EP": 0.0} | s.exposed
        print(
            f"{name:24s}{run.mfu:6.1%}{share:7.1%}{s.seconds:7.2f} s products {s.products / s.seconds:.0%} mem {s.memory / s.seconds:.0%} bub {s.bubble / s.seconds:.0%} "
            + " ".join(
                f"{k} {v / s.seconds:.1%}"
                for k, v in parts.items()
                if v > 0.0005 * s.seconds
            ),
            f"opt {s.optimizer:.3f}",
        )


if __name__ == "__main__":
    example_published()
