"""Training overview: why one accelerator is not enough, and which parallelism goes over which link."""

from __future__ import annotations

from math import ceil

from snippets.distributed.memory.recipes import RECIPES
from snippets.distributed.mfu.flops import days, six_n
from snippets.distributed.overview.layout import Layout
from snippets.distributed.overview.traffic import traffic
from snippets.shapes.accelerators import ACCELERATORS, MACHINES
from snippets.shapes.models import MODELS, active_layer_params, parameters

TOKENS = {  # billions: dubey2024llama3, chowdhery2022palm, deepseek2024v3
    "Llama 3 8B": 15_600, "Llama 3 405B": 15_600, "PaLM 540B": 780, "DeepSeek-V3": 14_800,
}  # fmt: skip
LONG = Layout(tp=8, cp=16, pp=16, dp=8, batch=128, sequence=131_072, virtual=8)


ASSUMED = 0.4  # utilization


def alone(name: str, mfu: float = ASSUMED) -> tuple[float, float]:
    """Bytes of states of a model in mixed precision, and years to train it on one H100."""
    m, chip = MODELS[name], ACCELERATORS["H100"]
    met = sum(active_layer_params(m, n) for n in range(m.layers)) + m.vocab * m.hidden
    flops = six_n(met, TOKENS[name] * 1e9)
    years = days(flops, 1, chip.bf16_tflops * 1e12 * mfu) / 365
    return RECIPES["mixed, fp32 grads"].total * parameters(m), years


def example_alone() -> None:
    """States and years on one H100 with 80 GB, at a utilization of 40%."""
    print(
        f"{'':14s}{'parameters':>11s}{'states':>10s}{'to hold them':>14s}{'years on one':>14s}"
    )
    for name in TOKENS:
        held, years = alone(name)
        billions = parameters(MODELS[name]) / 1e9
        print(
            f"{name:14s}{billions:9.1f} B{held / 1e9:7,.0f} GB{held / 80e9:9,.1f} GPUs{years:14,.0f}"
        )


def example_order() -> None:
    """Llama 3 405B at 128K: what one GPU sends in a step, and its time on either link."""
    m, h100 = MODELS["Llama 3 405B"], MACHINES["H100"]
    sent = traffic(m, LONG, h100, 1, 1.0)
    print(
        f"{'':4s}{'degree':>7s}{'messages':>10s}{'GB':>8s}{'on NVLink':>11s}{'on network':>12s}  may wait"
    )
    for kind, degree, patience in (
        ("TP", LONG.tp, "no; a fifth: while weights' gradients run"),
        ("CP", LONG.cp, "no"),
        ("PP", LONG.pp, "while another micro-batch runs"),
        ("DP", LONG.dp * LONG.cp, "until the end of the step"),
    ):
        t = sent[kind]
        size = t.fast + t.slow
        fast, slow = size / h100.chip.link_gb_s / 1e9, size / h100.network_gb_s / 1e9
        print(
            f"{kind:4s}{degree:7d}{t.calls:10,d}{size / 1e9:8.1f}{fast:9.2f} s{slow:10.2f} s  {patience}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about one accelerator and about links."""
    small, large = alone("Llama 3 8B"), alone("Llama 3 405B")
    sent = traffic(MODELS["Llama 3 405B"], LONG, MACHINES["H100"], 1, 1.0)
    tensor, stages = (sent[kind].fast + sent[kind].slow for kind in ("TP", "PP"))
    return {
        "state_bytes": f"{RECIPES['mixed, fp32 grads'].total:.0f}",
        "alone_mfu": f"{ASSUMED:.0%}",
        "small_years": f"{small[1]:.0f}",
        "large_states": f"{large[0] / 1e12:.1f} TB",
        "large_gpus": f"{ceil(large[0] / 80e9)}",
        "large_years": f"{large[1]:,.0f}",
        "tp_over_pp": f"{tensor / stages:.0f}",
        "tp_network": f"{tensor / 50e9:.1f} s",
        "tp_nvlink": f"{tensor / 450e9:.2f} s",
        "tp_messages": f"{sent['TP'].calls:,}",
        "tp_stops": f"{sent['TP'].calls * 4 // 5:,}",
        "fsdp_tokens": f"{989e12 / (8 * 50e9):,.0f}",
        "fsdp_port": f"{989e12 / 50e9:,.0f}",
    }


if __name__ == "__main__":
    example_alone()
    example_order()
