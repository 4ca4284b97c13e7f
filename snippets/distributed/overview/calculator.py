"""The training planner of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.distributed.overview.layout import Layout
from snippets.distributed.overview.memory import memory
from snippets.distributed.overview.planner import problems, slow_choices, too_much
from snippets.distributed.overview.search import search, sent, words
from snippets.distributed.overview.step_time import (
    Assumptions,
    hfu,
    idle,
    mfu,
    run_days,
    step,
)
from snippets.shapes.accelerators import MACHINES
from snippets.shapes.models import MODELS, Shape, parameters

Model = Literal[
    "Llama 3 8B", "Llama 3 70B", "Llama 3 405B", "GPT 22B", "GPT-3 175B", "GPT 530B",
    "GPT 1T", "PaLM 540B", "DeepSeek-V3", "own shape",
]  # fmt: skip
AGAIN = {"cheap outputs": "elementwise", "nothing": "nothing", "whole layers": "layers"}
OWN = ["layers", "hidden", "heads", "kv_heads", "width", "vocabulary"]
SEARCHED = ["tp", "pp", "dp", "cp", "ep", "virtual", "zero", "micro", "recompute"]


def training_planner(
    model: Model = "Llama 3 405B",
    accelerator: Literal["A100", "H100", "H200", "B200", "H800", "TPU v4"] = "H100",
    count: Annotated[int, "", (1, 200_000)] = 16_384,
    tp: Annotated[int, "", (1, 1024)] = 8,
    pp: Annotated[int, "", (1, 256)] = 16,
    dp: Annotated[int, "", (1, 100_000)] = 128,
    *,
    choose: bool = False,
    batch: Annotated[int, "sequences", (1, 1_000_000)] = 2048,
    sequence: Annotated[int, "tokens", (128, 2_000_000)] = 8192,
    tokens: Annotated[float, "billion", (0.001, 1e6)] = 15_600.0,
    cp: Annotated[int, "", (1, 1024)] = 1,
    ep: Annotated[int, "", (1, 1024)] = 1,
    virtual: Annotated[int, "", (1, 16)] = 8,
    schedule: Literal["1F1B", "DualPipe"] = "1F1B",
    zero: Literal["0", "1", "2", "3"] = "1",
    micro: Annotated[int, "sequences", (1, 1024)] = 1,
    recompute: Literal["cheap outputs", "nothing", "whole layers"] = "cheap outputs",
    precision: Literal["bf16", "fp8"] = "bf16",
    states: Literal[
        "mixed, fp32 grads", "mixed, 16-bit grads", "mixed, bf16 moments", "bf16 throughout"
    ] = "mixed, fp32 grads",
    price: Annotated[float, "$ per accelerator hour", (0.0, 1000.0)] = 2.0,
    product: Annotated[float, "% of the peak", (1.0, 100.0)] = 65.0,
    link: Annotated[float, "% of the bandwidth", (1.0, 100.0)] = 80.0,
    layers: Annotated[int, "own shape", (1, 1000)] = 32,
    hidden: Annotated[int, "own shape", (64, 100_000)] = 4096,
    heads: Annotated[int, "own shape", (1, 1000)] = 32,
    kv_heads: Annotated[int, "own shape", (1, 1000)] = 8,
    width: Annotated[int, "own shape", (64, 1_000_000)] = 14_336,
    vocabulary: Annotated[int, "own shape", (256, 1_000_000)] = 128_256,
) -> dict[str, object]:
    """Does this layout run, how fast, for how many days and dollars?

    Args:
        model: Model to train. Its published shape, or your own.
        accelerator: Kind of accelerator. By its datasheet, with its machine's links.
        count: Number of accelerators, $n$.
        tp: Tensor parallelism, $n_\\text{tp}$. With sequence parallelism.
        pp: Pipeline parallelism, $n_\\text{pp}$.
        dp: Data parallelism, $n_\\text{dp}$. Copies of the model.
        choose: Search for the fastest layout. Degrees, stages, ZeRO, micro-batch and
            recomputation are then found, not taken from you.
        batch: Global batch. Of one step, all copies together.
        sequence: Length of a sequence, $S$.
        tokens: Training tokens, $D$. Of the whole run.
        cp: Context parallelism, $n_\\text{cp}$.
        ep: Expert parallelism, $n_\\text{ep}$. Out of the DP × CP ranks.
        virtual: Stages of a pipeline rank, $v$.
        schedule: Pipeline schedule.
        zero: Stage of ZeRO. 0 shards nothing, 1 the optimizer, 2 also gradients, 3 also weights.
        micro: Size of a micro-batch, $B$.
        recompute: What is computed again. Outputs of norms and activations (cheap), or layers.
        precision: Precision of matrix products. Attention stays in bf16.
        states: Recipe for numbers. Weights, gradients and optimizer: 18, 16, 14 or 8 bytes each.
        price: Rent of an accelerator.
        product: Speed of matrix products. Inside a step.
        link: Speed of collectives.
        layers: Decoder layers, $L$.
        hidden: Width of the model, $h$.
        heads: Query heads, $H$.
        kv_heads: Key/value heads, $K$.
        width: Width of the gated MLP, $h_\\text{ff}$.
        vocabulary: Size of the vocabulary, $V$. Embedding and output are separate.
    """
    unused = [*([] if model == "own shape" else OWN), *(SEARCHED if choose else [])]
    if model == "own shape":
        if hidden % heads:
            raise ValueError(f"{hidden} does not divide over {heads} heads.")
        m = Shape(layers, hidden, heads, kv_heads, hidden // heads, width, vocabulary)
    else:
        m = MODELS[model]
    machine, a = MACHINES[accelerator], Assumptions(product=product / 100, link=link / 100)
    if precision == "fp8" and machine.chip.eight_bit_tflops <= machine.chip.bf16_tflops:
        raise ValueError(f"{accelerator} has no faster 8-bit rate.")
    x = Layout(
        tp, cp, pp, dp, ep, batch, sequence, micro, virtual, schedule, int(zero),
        recompute=AGAIN[recompute], precision=precision, fused=m.gated and not m.parallel,
        routed_nodes=4 if m.experts else 0,
        states=states,
    )  # fmt: skip
    why = "; ".join(problems(m, x, machine, count))
    why_not = why or too_much(m, x, machine, a)
    advice: dict[str, object] = {}
    if choose or why_not:
        best = search(m, x, machine, count, a)
        if choose and not best:
            raise ValueError("nothing fits: try more accelerators or a larger batch.")
        if choose:
            x, why, why_not = best[0].layout, "", ""
        else:
            found = words(best[0].layout) if best else "nothing found"
            advice = {"because of": why_not, "what would run fastest": found}
    if why:
        return {"Does it run?": "no", **advice, "unused": unused}
    rank, held = memory(m, x)
    s = step(m, x, machine, a)
    long = run_days(tokens * 1e9, x, s.seconds)
    return {
        "Does it run?": "no" if why_not else "yes",
        **advice,
        "estimated utilization (MFU)": f"{mfu(m, x, machine, s.seconds, x.fused):.1%}",
        "MFU with masked pairs counted": f"{mfu(m, x, machine, s.seconds):.1%}",
        "hardware utilization (HFU)": f"{hfu(m, x, machine, s.seconds):.1%}",
        "days of training": f"{long:,.1f}",
        "cost": f"${long * 24 * x.world * price / 1e6:,.2f} million",
        "a step takes": f"{s.seconds:,.2f} s",
        "idle in the pipeline (bubble)": f"{idle(x):.1%} of the working time",
        "the rest of a step": f"products {s.products:.2f} s, memory-bound {s.memory:.2f} s",
        "memory of the fullest accelerator": f"{sum(held.values()) / 1e9:,.1f} GB, pipeline rank {rank}",
        "parameters": f"{parameters(m) / 1e9:,.1f} billion",
        "layout": words(x),
        "remarks": "; ".join(slow_choices(m, x, machine)) or "none",
        "bars": {"unit": "GB", "limit": machine.chip.memory_gb, "values": {
            kind: round(size / 1e9, 2) for kind, size in held.items()}},
        "table": sent(s),
        "unused": unused,
    }  # fmt: skip
