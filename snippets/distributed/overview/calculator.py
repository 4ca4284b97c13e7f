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

AGAIN = {"cheap outputs": "elementwise", "nothing": "nothing", "whole layers": "layers"}


def training_planner(
    model: Literal[
        "Llama 3 8B",
        "Llama 3 70B",
        "Llama 3 405B",
        "GPT 22B",
        "GPT-3 175B",
        "GPT 530B",
        "GPT 1T",
        "PaLM 540B",
        "DeepSeek-V3",
        "own shape",
    ] = "Llama 3 405B",
    accelerator: Literal["A100", "H100", "H200", "B200", "H800", "TPU v4"] = "H100",
    count: Annotated[int, "accelerators", (1, 200_000)] = 16_384,
    tokens: Annotated[float, "billion", (0.001, 1e6)] = 15_600.0,
    batch: Annotated[int, "sequences", (1, 1_000_000)] = 2048,
    sequence: Annotated[int, "tokens", (128, 2_000_000)] = 8192,
    choose: bool = False,
    tp: Annotated[int, "", (1, 1024)] = 8,
    cp: Annotated[int, "", (1, 1024)] = 1,
    pp: Annotated[int, "", (1, 256)] = 16,
    dp: Annotated[int, "", (1, 100_000)] = 128,
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
        model: Shape, as published; the last fields are used by "own shape" only.
        accelerator: Datasheet, and the links of the machine around it.
        count: How many.
        tokens: Of the whole run.
        batch: Global batch, of one step.
        sequence: Tokens of a sequence.
        choose: Let the planner search for the fastest degrees, and ignore yours.
        tp: Tensor parallelism, with sequence parallelism.
        cp: Context parallelism.
        pp: Pipeline parallelism.
        dp: Data parallelism: copies of the model.
        ep: Expert parallelism, out of the DP × CP ranks.
        virtual: Stages on each pipeline rank, $v$.
        schedule: Of the pipeline.
        zero: 1 shards the optimizer, 2 also gradients, 3 also weights.
        micro: Micro-batch.
        recompute: What is computed again: outputs of norms and activation functions, or layers.
        precision: Of matrix products; attention stays in bf16.
        states: Recipe for weights, gradients and optimizer: 18, 16, 14 or 8 bytes a parameter.
        price: What you pay.
        product: Share of the peak rate that products reach inside a step.
        link: Share of a link's bandwidth that collectives reach.
        layers: Decoder layers.
        hidden: Width of the residual stream.
        heads: Query heads.
        kv_heads: Key and value heads.
        width: Of the gated feed-forward layer.
        vocabulary: Embedding and output are separate.
    """
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
        return {"Does it run?": "no", **advice}
    rank, held = memory(m, x)
    s = step(m, x, machine, a)
    long = run_days(tokens * 1e9, x, s.seconds)
    return {
        "Does it run?": "no" if why_not else "yes",
        **advice,
        "estimated MFU": f"{mfu(m, x, machine, s.seconds, x.fused):.1%}",
        "with masked pairs counted": f"{mfu(m, x, machine, s.seconds):.1%}",
        "HFU": f"{hfu(m, x, machine, s.seconds):.1%}",
        "days": f"{long:,.1f}",
        "cost": f"${long * 24 * x.world * price / 1e6:,.2f} million",
        "a step takes": f"{s.seconds:,.2f} s",
        "bubble": f"{idle(x):.1%} of the working time",
        "the rest of a step": f"products {s.products:.2f} s, memory-bound {s.memory:.2f} s",
        "held on the fullest": f"{sum(held.values()) / 1e9:,.1f} GB, pipeline rank {rank}",
        "parameters": f"{parameters(m) / 1e9:,.1f} billion",
        "layout": words(x),
        "remarks": "; ".join(slow_choices(m, x, machine)) or "none",
        "bars": {"unit": "GB", "limit": machine.chip.memory_gb, "values": {
            kind: round(size / 1e9, 2) for kind, size in held.items()}},
        "table": sent(s),
    }  # fmt: skip
