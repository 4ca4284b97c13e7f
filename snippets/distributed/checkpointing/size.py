"""Checkpointing: how many bytes there are, and how long they take to where."""

from __future__ import annotations

from snippets.distributed.checkpointing.interval import (
    LLAMA3_CAUSES,
    LLAMA3_DAYS,
    LLAMA3_GPUS,
    goodput,
    mtbf_observed,
    mtbf_series,
    optimum,
    young,
)
from snippets.distributed.memory.recipes import RECIPES

PARAMS = 405e9
NIC = 50e9  # bytes/s, 400 Gb/s for each GPU (Llama 3, section 3.3.1)
STORAGE = {"sustained": 2e12, "peak": 7e12}  # bytes/s, the same


def checkpoint_bytes(params: float, recipe: str = "mixed, fp32 grads") -> float:
    """All that a step reads and cannot compute again: no gradients, no activations."""
    kept = RECIPES[recipe]
    return params * (kept.weights + kept.optimizer)


def example_size() -> None:
    """Llama 3 405B, by who writes to what."""
    whole = checkpoint_bytes(PARAMS)
    share = whole / LLAMA3_GPUS
    print(f"{'written':42s}       GB     seconds")
    rows = {
        "by one rank, over its NIC": (whole, NIC),
        "by all to shared storage, sustained": (whole, STORAGE["sustained"]),
        "by all to shared storage, at its peak": (whole, STORAGE["peak"]),
        "by each to another host's memory": (share, NIC),
    }
    for name, (size, rate) in rows.items():
        print(f"{name:42s}{size / 1e9:9,.2f}{size / rate:12.3f}")


def facts() -> dict[str, str]:
    """Numbers of the page."""
    whole = checkpoint_bytes(PARAMS)
    save = whole / STORAGE["sustained"]
    mtbf = mtbf_observed(LLAMA3_DAYS * 86_400, 419)
    share = {name: count / 419 for name, (count, _) in LLAMA3_CAUSES.items()}
    tau = optimum(save, mtbf)
    return {
        "bytes_each": f"{checkpoint_bytes(1):.0f}",
        "whole": f"{whole / 1e12:.2f} TB",
        "share": f"{whole / LLAMA3_GPUS / 1e6:.0f} MB",
        "save": f"{save:.1f} s",
        "one_writer": f"{whole / NIC:.0f} s",
        "peer": f"{whole / LLAMA3_GPUS / NIC * 1e3:.0f} ms",
        "mtbf": f"{mtbf / 3600:.2f} hours",
        "mtbf_one": f"{mtbf * LLAMA3_GPUS / 3600 / 8766:.1f} years",
        "faulty": f"{share['faulty GPU']:.1%}",
        "gpu_share": f"{(148 + 72 + 19 + 17 + 6 + 6) / 419:.1%}",
        "tau": f"{tau:.0f} s",
        "young_llama": f"{young(save, mtbf):.0f} s",
        "goodput_10": f"{goodput(tau, save, mtbf, 600):.1%}",
        "goodput_3": f"{goodput(tau, save, mtbf, 180):.1%}",
        "hourly": f"{goodput(3600, save, mtbf, 600):.1%}",
        "budget": f"{0.1 * LLAMA3_DAYS * 1440 / 466:.1f} minutes",
        "exercise": f"{young(30, 7200):.0f} s",
        "series": f"{mtbf_series([(4096, 25_000), (512, 8000), (32, 100_000)]):.2f} hours",
        "daly_24": f"{optimum(300, 86_400) / 60:.0f}",
        "daly_6": f"{optimum(300, 21_600) / 60:.0f}",
        "daly_quarter": f"{optimum(300, 900) / 60:.1f}",
        "young_quarter": f"{young(300, 900) / 60:.1f}",
    }


if __name__ == "__main__":
    example_size()
