"""Case studies: four published runs under one count of FLOPs."""

from __future__ import annotations

from dataclasses import replace
from statistics import median
from typing import NamedTuple

from snippets.distributed.mfu.flops import utilization
from snippets.distributed.overview.flops import head_flops, model_flops
from snippets.distributed.overview.layout import Layout
from snippets.distributed.overview.published_runs import RUNS
from snippets.shapes.accelerators import MACHINES
from snippets.shapes.models import MODELS, Shape, gpt

# jiang2024megascale, section 6.1 and table 1: interleaved six times, sequences of 2,048
MEGASCALE = replace(gpt(96, 12_288, 128), vocab=64_000)
LAYOUT = Layout(tp=8, pp=8, dp=192, batch=6144, sequence=2048, virtual=6)


class Printed(NamedTuple):
    """What a paper prints of one run."""

    shape: Shape
    layout: Layout
    machine: str
    tokens_per_s: float  # of all accelerators
    mfu: float


# Llama 3 prints TFLOP/s instead of tokens: 400 a GPU; its tokens follow from a count
MEASURED = {
    "PaLM 540B": Printed(
        MODELS["PaLM 540B"], RUNS["PaLM 540B"].layout, "TPU v4", 238.3e3, 0.462),
    "Megatron-LM 175B": Printed(MEGASCALE, LAYOUT, "A100", 1466.8e3, 0.412),
    "MegaScale 175B": Printed(MEGASCALE, LAYOUT, "A100", 1984.0e3, 0.552),
    "DeepSeek-V3": Printed(
        MODELS["DeepSeek-V3"], RUNS["DeepSeek-V3, bf16 rate"].layout, "H800",
        15_360 * 4096 / 19.926, 0.4373),
}  # fmt: skip


# --8<-- [start:recount]
def counts(m: Shape, x: Layout) -> dict[str, float]:
    """FLOPs of a training step for each token, by what is counted."""
    layers = list(range(m.layers))
    every, half = (model_flops(m, x, layers, causal) for causal in (False, True))
    weights = every.weights + head_flops(m)
    return {
        "weights": weights,
        "all pairs": weights + every.attention,
        "unmasked": weights + half.attention,
    }


def recount(run: Printed) -> dict[str, float]:
    """Utilization of one measured speed, by what is counted and by which peak."""
    chip, chips = MACHINES[run.machine].chip, run.layout.world
    found = {
        name: utilization(flops, run.tokens_per_s, chips, chip.bf16_tflops * 1e12)
        for name, flops in counts(run.shape, run.layout).items()
    }
    fast = chip.eight_bit_tflops
    return found | {"8-bit peak": found["all pairs"] * chip.bf16_tflops / fast}


# --8<-- [end:recount]


def llama_speed(
    counted: str, name: str = "Llama 3 405B, 128K tokens", tflops: float = 380
) -> float:
    """Tokens/s of each GPU, if its TFLOP/s were counted in this way."""
    run = RUNS[name]
    return tflops * 1e12 / counts(MODELS[run.model], run.layout)[counted]


def example_recount() -> None:
    """The same speeds, counted in four ways, in percent."""
    print("MFU, %              printed   weights  all pairs  unmasked  8-bit peak")
    for name, run in MEASURED.items():
        found = {key: f"{100 * value:.1f}" for key, value in recount(run).items()}
        eight = found["8-bit peak"] if run.machine == "H800" else "-"
        print(f"{name:20s}{100 * run.mfu:7.1f}{found['weights']:>10s}{found['all pairs']:>11s}"
              f"{found['unmasked']:>10s}{eight:>12s}")  # fmt: skip


# jiang2024megascale, table 2: GPUs, thousand tokens/s, MFU, PFLOP/s in all
TABLE = {
    "Megatron-LM": [
        (256, 39.3, 0.530, 43.3), (512, 74.1, 0.499, 77.6), (768, 103.8, 0.467, 111.9),
        (1024, 132.7, 0.447, 131.9), (3072, 433.6, 0.487, 466.8), (6144, 851.6, 0.478, 916.3),
        (8192, 1027.9, 0.433, 1106.7), (12_288, 1466.8, 0.412, 1579.5)],
    "MegaScale": [
        (256, 49.0, 0.653, 52.2), (512, 95.1, 0.635, 101.4), (768, 136.7, 0.613, 146.9),
        (1024, 176.9, 0.590, 188.5), (3072, 531.9, 0.591, 566.5), (6144, 1030.9, 0.573, 1098.4),
        (8192, 1315.6, 0.549, 1400.6), (12_288, 1984.0, 0.552, 2166.3)],
}  # fmt: skip


def implied(thousands: float, share: float, gpus: int) -> float:
    """TFLOPs per token behind a printed speed and a printed MFU."""
    return share * gpus * 312 / (thousands * 1e3)


def facts() -> dict[str, str]:
    """Numbers that the page states about counting."""
    flops = counts(MEGASCALE, LAYOUT)
    last = {name: rows[-1] for name, rows in TABLE.items()}
    by = {name: [implied(s, u, g) for g, s, u, _ in rows] for name, rows in TABLE.items()}
    speed = last["MegaScale"][1] / last["Megatron-LM"][1]
    typical = median(by["MegaScale"])
    v3 = recount(MEASURED["DeepSeek-V3"])
    wrong = sum(
        abs(pflops / (gpus * 0.312) - share) > 0.005
        for rows in TABLE.values()
        for gpus, _, share, pflops in rows
    )
    return {
        "v3_causal": f"{v3['unmasked']:.1%}",
        "v3_all": f"{v3['all pairs']:.1%}",
        "v3_eight": f"{v3['8-bit peak']:.1%}",
        "v3_swing": f"{50 * (v3['all pairs'] - v3['unmasked']):.1f} points",
        "flops_all": f"{flops['all pairs'] / 1e12:.4f} TFLOPs",
        "megatron_implied": f"{sum(by['Megatron-LM']) / 8:.4f} TFLOPs",
        "megascale_implied": f"{typical:.4f} TFLOPs",
        "megascale_768": f"{by['MegaScale'][2] / typical - 1:.1%}",
        "flops_unmasked": f"{flops['unmasked'] / 1e12:.4f}",
        "speed_ratio": f"{speed:.2f}",
        "pflops_share": f"{last['MegaScale'][3] / (12_288 * 0.312):.1%}",
        "rows_wrong": str(wrong),
        "llama_all": f"{llama_speed('all pairs'):.0f}",
        "llama_unmasked": f"{llama_speed('unmasked'):.0f}",
    }


if __name__ == "__main__":
    example_recount()
