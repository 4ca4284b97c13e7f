"""Training planner: published runs, predicted with one set of assumptions."""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from snippets.distributed.overview.layout import Layout
from snippets.distributed.overview.memory import memory
from snippets.distributed.overview.step_time import Step, mfu, step
from snippets.shapes.accelerators import MACHINES
from snippets.shapes.models import MODELS


class Run(NamedTuple):
    """A published run: its layout, and the utilization that was printed."""

    model: str
    machine: str
    layout: Layout
    printed: float
    causal: bool = False  # whether it leaves masked pairs out


# korthikanti2022reducing, table 3: selective recomputation, attention with its squares
GPT = Layout(tp=8, sequence=2048, fused=False)
LLAMA = Layout(tp=8, pp=16, virtual=8, batch=2048)  # dubey2024llama3, table 4
PALM = Layout(  # chowdhery2022palm, section 4
    tp=12, dp=512, batch=2048, micro=4, sequence=2048, zero=3, shard=256,
    recompute="layers", fused=False,
)  # fmt: skip
V3 = Layout(  # deepseek2024v3, sections 3.2 and 4.2
    pp=16, dp=128, ep=64, batch=15_360, sequence=4096, routed_nodes=4,
    schedule="DualPipe", states="mixed, bf16 moments",
)  # fmt: skip
RUNS = {
    "GPT 22B": Run("GPT 22B", "A100", replace(GPT, batch=4, micro=4), 0.415),
    "GPT-3 175B": Run("GPT-3 175B", "A100", replace(GPT, pp=8, batch=64, virtual=3), 0.514),
    "GPT 530B": Run("GPT 530B", "A100", replace(GPT, pp=35, batch=280, virtual=3), 0.560),
    "GPT 530B, 8 copies": Run(
        "GPT 530B", "A100", replace(GPT, pp=35, dp=8, batch=2240, virtual=3, zero=0), 0.542),
    "GPT 1T": Run("GPT 1T", "A100", replace(GPT, pp=64, batch=512), 0.563),
    "PaLM 540B": Run("PaLM 540B", "TPU v4", PALM, 0.462),
    "Llama 3 405B, 8K GPUs": Run("Llama 3 405B", "H100", replace(LLAMA, dp=64), 0.43, True),
    "Llama 3 405B, 16K GPUs": Run("Llama 3 405B", "H100", replace(LLAMA, dp=128), 0.41, True),
    "Llama 3 405B, 128K tokens": Run("Llama 3 405B", "H100", replace(
        LLAMA, cp=16, dp=8, batch=128, sequence=131_072), 0.38, True),
    "DeepSeek-V3, fp8 rate": Run("DeepSeek-V3", "H800", replace(V3, precision="fp8"), 0.4373),
    "DeepSeek-V3, bf16 rate": Run("DeepSeek-V3", "H800", V3, 0.4373),  # nobody ran this one
}  # fmt: skip
SHOWN = {
    "DeepSeek-V3, fp8 rate": "DeepSeek-V3",
    "DeepSeek-V3, bf16 rate": "(if it used bf16)",
}
SECONDS = {  # of a step, where they are printed; PaLM from its 238.3 thousand tokens a second
    "GPT 22B": 1.10, "GPT-3 175B": 13.75, "GPT 530B": 37.83, "GPT 1T": 71.49,
    "PaLM 540B": 2048 * 2048 / 238.3e3, "DeepSeek-V3, bf16 rate": 19.926,
}  # fmt: skip


def counted(name: str) -> float:
    """Utilization of a run from its printed time, by the planner's count of FLOPs."""
    run = RUNS[name]
    m, machine = MODELS[run.model], MACHINES[run.machine]
    return mfu(m, run.layout, machine, SECONDS[name], run.causal)


def held(name: str) -> float:
    """GB on the fullest accelerator of a run."""
    run = RUNS[name]
    return sum(memory(MODELS[run.model], run.layout)[1].values()) / 1e9


def predict(run: Run) -> tuple[float, Step]:
    """Utilization by the planner, and the step behind it."""
    m, machine = MODELS[run.model], MACHINES[run.machine]
    taken = step(m, run.layout, machine)
    return mfu(m, run.layout, machine, taken.seconds, run.causal), taken


def example_published() -> None:
    """Published and predicted MFU, and where the predicted step goes, in percent."""
    names = ("TP", "CP", "DP")
    print(f"{'MFU and parts of the step, %':28s}{'printed':>8s}{'planner':>8s}{'prod.':>7s}"
          f"{'memory':>7s}{'bubble':>7s}" + "".join(f"{n:>4s}" for n in names))  # fmt: skip
    for name, run in RUNS.items():
        share, s = predict(run)
        parts = [s.products, s.memory, s.bubble]
        parts += [
            sum(t for kind, t in s.exposed.items() if kind.startswith(n)) for n in names
        ]
        row = [f"{100 * t / s.seconds:.0f}" for t in parts]
        print(f"{SHOWN.get(name, name):28s}{100 * run.printed:8.1f}{100 * share:8.1f}{row[0]:>7s}{row[1]:>7s}"
              f"{row[2]:>7s}" + "".join(f"{cell:>4s}" for cell in row[3:]))  # fmt: skip


def facts() -> dict[str, str]:
    """Numbers that the page states about published runs."""
    gaps = {name: 100 * (predict(run)[0] - run.printed) for name, run in RUNS.items()}
    usual = [abs(gap) for name, gap in gaps.items() if not name.startswith("DeepSeek")]
    real = [*usual, abs(gaps["DeepSeek-V3, fp8 rate"])]
    llama = {
        name.split()[-2]: run for name, run in RUNS.items() if name.startswith("Llama")
    }
    fewer = {
        key: 100 * predict(r._replace(layout=replace(r.layout, virtual=4)))[0]
        for key, r in llama.items()
    }
    v3 = predict(RUNS["DeepSeek-V3, fp8 rate"])[1]
    small = predict(RUNS["Llama 3 405B, 8K GPUs"])[1]
    large = predict(RUNS["Llama 3 405B, 16K GPUs"])[1]
    most = max(abs(counted(name) - RUNS[name].printed) for name in SECONDS)
    between = predict(RUNS["PaLM 540B"])[1].traffic["DP, between"]
    return {
        "count_most": f"{100 * most:.1f}",
        "palm_pair": f"{4 * between.slow / 2**30:.1f} GiB",
        "gap_most": f"{max(usual):.1f}",
        "gap_mean": f"{sum(usual) / len(usual):.1f}",
        "gap_all": f"{sum(real) / len(real):.1f}",
        "gap_v3": f"{real[-1]:.0f}",
        "fewer_8k": f"{fewer['8K']:.0f}",
        "fewer_16k": f"{fewer['16K']:.0f}",
        "fewer_long": f"{fewer['128K']:.0f}",
        "masked_long": f"{predict(llama['128K']._replace(causal=False))[0]:.0%}",
        "v3_fp8": f"{predict(RUNS['DeepSeek-V3, fp8 rate'])[0]:.0%}",
        "v3_bf16": f"{predict(RUNS['DeepSeek-V3, bf16 rate'])[0]:.0%}",
        "v3_held": f"{held('DeepSeek-V3, fp8 rate'):.0f} GB",
        "v3_wide": f"{held('DeepSeek-V3, bf16 rate'):.0f} GB",
        "v3_sent": f"{v3.traffic['EP'].seconds:.1f} s",
        "v3_products": f"{v3.products:.1f} s",
        "bubble_8k": f"{100 * small.bubble / small.seconds:.0f}%",
        "bubble_16k": f"{100 * large.bubble / large.seconds:.0f}%",
    }


if __name__ == "__main__":
    example_published()
