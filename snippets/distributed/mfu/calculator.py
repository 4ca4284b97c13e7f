"""FLOPs and MFU: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.distributed.mfu.flops import days, palm_flops_per_token, utilization
from snippets.shapes.accelerators import ACCELERATORS

Chip = Literal["A100", "H100", "H200", "B200", "MI300X", "TPU v5e", "TPU v5p"]


def training_run(
    params: Annotated[float, "billion", (0.001, 100_000.0)] = 405.0,
    tokens: Annotated[float, "billion", (0.001, 1e6)] = 15_600.0,
    accelerator: Chip = "H100",
    chips: Annotated[int, "", (1, 10_000_000)] = 16_384,
    rate: Annotated[float, "tokens/s on each", (0.001, 1e9)] = 151.9,
    price: Annotated[float, "USD per chip and hour", (0.0, 1000.0)] = 2.0,
    *,
    precision: Literal["bf16", "8-bit"] = "bf16",
    again: Annotated[float, "% of the forward pass", (0.0, 100.0)] = 0.0,
    layers: Annotated[int, "", (1, 10_000)] = 126,
    heads: Annotated[int, "", (1, 10_000)] = 128,
    head_dim: Annotated[int, "", (8, 1024)] = 128,
    sequence: Annotated[int, "tokens", (1, 10_000_000)] = 8192,
) -> dict[str, object]:
    """What share of the machine does this run use, and when is it done?

    Args:
        params: Parameters that a token meets, $N_a$. For a mixture of experts the active ones.
        tokens: Training tokens, $D$.
        accelerator: Kind of accelerator. By its datasheet, without sparsity.
        chips: Number of accelerators, $n$.
        rate: Measured throughput.
        price: Rent of an accelerator.
        precision: Precision of the peak. The utilization is of this rate.
        again: Work computed a second time. 100 with full recomputation.
        layers: Decoder layers, $L$.
        heads: Query heads, $H$.
        head_dim: Width of a head, $d$.
        sequence: Length of a sequence, $S$.
    """
    chip = ACCELERATORS[accelerator]
    peak = 1e12 * (chip.bf16_tflops if precision == "bf16" else chip.eight_bit_tflops)
    each = palm_flops_per_token(params * 1e9, layers, heads, head_dim, sequence)
    mfu = utilization(each, rate, 1, peak)
    hfu = mfu * (1 + again / 100 / 3)
    took = days(each * tokens * 1e9, chips, each * rate)
    hours = took * 24 * chips
    attention = 1 - 6 * params * 1e9 / each
    return {
        "model FLOPs utilization (MFU)": f"{mfu:,.1%}",
        "hardware FLOPs utilization (HFU)": f"{hfu:,.1%}",
        "Is that possible?": "yes" if hfu <= 1 else "no: the rate, a size or the precision is wrong",
        "days of training": f"{took:,.1f}",
        "GPU hours": f"{hours:,.0f}",
        "cost": f"{hours * price / 1e6:,.2f} million USD",
        "FLOPs in all": f"{each * tokens * 1e9:.2e}",
        "days at the peak": f"{took * mfu:,.1f}",
        "bars": {"unit": "% of the peak", "limit": 100.0, "values": {
            "weights": 100 * mfu * (1 - attention), "attention": 100 * mfu * attention,
            "computed again": 100 * (hfu - mfu), "lost": 100 * max(0.0, 1 - hfu),
        }},
    }  # fmt: skip
