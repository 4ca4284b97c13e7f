"""Training planner: layouts that look right, and what the planner says."""

from __future__ import annotations

from dataclasses import replace

from snippets.distributed.overview.activations import in_flight, layer_bytes
from snippets.distributed.overview.groups import rank_layers
from snippets.distributed.overview.layout import Layout
from snippets.distributed.overview.memory import memory, rank_memory
from snippets.distributed.overview.planner import problems, slow_choices, too_much
from snippets.distributed.overview.step_time import Assumptions, mfu, step
from snippets.shapes.accelerators import MACHINES
from snippets.shapes.models import MODELS, parameters

M, H100, A = MODELS["Llama 3 405B"], MACHINES["H100"], Assumptions()
RUNS = Layout(tp=8, pp=16, dp=128, batch=2048, virtual=8)  # as published
KEPT = replace(RUNS, virtual=1, recompute="nothing")


# --8<-- [start:average]
def average(x: Layout) -> float:
    """The estimate of an evening: all states over all accelerators, and one micro-batch."""
    states = parameters(M) * (2 + 4 + 12 / (x.dp * x.cp)) / (x.tp * x.pp)
    return states + M.layers / x.pp * layer_bytes(M, x, 0, x.recompute)


# --8<-- [end:average]


def example_ranks() -> None:
    """What the accelerators of some pipeline ranks hold, with nothing recomputed."""
    print(f"the average estimate: {average(KEPT) / 1e9:.1f} GB on each")
    print(
        f"{'pipeline rank':>13s}{'layers':>8s}{'in flight':>11s}{'activations':>13s}{'total':>10s}"
    )
    owned = rank_layers(M.layers, KEPT)
    for rank in (0, 1, 8, 15):
        held = rank_memory(M, KEPT, rank, owned[rank])
        print(
            f"{rank:13d}{len(owned[rank]):8d}{in_flight(KEPT, rank):11.1f}"
            f"{held['activations'] / 1e9:10.1f} GB{sum(held.values()) / 1e9:7.1f} GB"
        )
    print(too_much(M, KEPT, H100, A))


def example_reasons() -> None:
    """Changes of the published layout, and what the planner answers."""
    changes = {
        "DP 64": replace(RUNS, dp=64),
        "TP 12": replace(RUNS, tp=12),
        "PP 32": replace(RUNS, pp=32),
        "micro 32": replace(RUNS, micro=32),
        "EP 8": replace(RUNS, ep=8),
        "PP 4, DP 512": replace(RUNS, pp=4, dp=512, virtual=1),
        "TP 16, PP 8": replace(RUNS, tp=16, pp=8),
    }
    for name, x in changes.items():
        count = 16_384 if "DP" in name else x.world
        found = problems(M, x, H100, count) or [too_much(M, x, H100, A)]
        if not found[0]:
            share = mfu(M, x, H100, step(M, x, H100).seconds, causal=True)
            found = [f"runs at {share:.0%} MFU; " + "; ".join(slow_choices(M, x, H100))]
        print(f"{name:13s}{found[0]}")


def fused_activation(x: Layout) -> float:
    """Bytes on the fullest rank if silu(gate) is computed again inside a fused kernel."""
    rank, held = memory(M, x)
    wide = 2 * x.tokens * M.width / x.tp * len(rank_layers(M.layers, x)[rank])
    return sum(held.values()) - wide * in_flight(x, rank)


def scarce(tp: int = 1, pp: int = 1) -> Layout:
    """4,096 accelerators with 1,024 tokens for each in a step: FSDP, unless there are stages."""
    return Layout(
        tp=tp, pp=pp, dp=4096 // (tp * pp), batch=4096, sequence=1024, micro=min(tp, 4 if pp > 1 else 8),
        virtual=8 if pp > 1 else 1, zero=1 if pp > 1 else 3, states="mixed, 16-bit grads",
    )  # fmt: skip


def facts() -> dict[str, str]:
    """Numbers that the page states about layouts that fail."""
    owned = rank_layers(M.layers, KEPT)
    held = [sum(rank_memory(M, KEPT, r, owned[r]).values()) for r in range(KEPT.pp)]
    wide = replace(RUNS, tp=16, pp=8)
    kept = replace(RUNS, recompute="nothing")
    shares = [mfu(M, x, H100, step(M, x, H100).seconds, True) for x in (RUNS, wide)]
    short = [scarce(), scarce(tp=8), scarce(tp=8, pp=4)]
    medium = MODELS["Llama 3 70B"]
    few = [mfu(medium, x, H100, step(medium, x, H100).seconds, True) for x in short]
    return {
        "few_gpus": f"{short[0].world:,}",
        "few_tokens": f"{short[0].batch * short[0].sequence // short[0].world:,}",
        "few_fsdp": f"{few[0]:.0%}",
        "few_tp": f"{few[1]:.0%}",
        "few_pp": f"{few[2]:.0%}",
        "average": f"{average(KEPT) / 1e9:.0f} GB",
        "fullest": f"{max(held) / 1e9:.0f} GB",
        "emptiest": f"{min(held) / 1e9:.0f} GB",
        "cheap": f"{sum(memory(M, RUNS)[1].values()) / 1e9:.0f} GB",
        "meta_kept": f"{sum(memory(M, kept)[1].values()) / 1e9:.0f} GB",
        "meta_sharded": f"{sum(memory(M, replace(kept, zero=2))[1].values()) / 1e9:.0f} GB",
        "meta_fused": f"{fused_activation(replace(kept, zero=2)) / 1e9:.0f} GB",
        "room": f"{H100.chip.memory_gb * A.room:.0f} GB",
        "more_copies": f"{sum(memory(M, replace(KEPT, dp=256))[1].values()) / 1e9:.0f} GB",
        "tp8": f"{shares[0]:.0%}",
        "tp16": f"{shares[1]:.0%}",
    }


if __name__ == "__main__":
    example_ranks()
    example_reasons()
