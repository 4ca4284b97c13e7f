"""Tensor parallelism, and the other questions of How To Scale Your Model about training."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.distributed.hardware import roofline
from snippets.distributed.mfu import flops as mfu
from snippets.distributed.tensor_parallel import cost


def scaling_book(inputs: Inputs, unit: str) -> float:
    """One number for each question; the inputs tell which."""
    match inputs:
        case {"params": params, "bytes": width, "chips": chips, "hbm_bw": memory}:
            seconds, _ = roofline.roofline(0, params * width / chips, 1, memory)
            return in_unit(seconds, unit)
        case {"flops": flops, "pcie_bw": link}:
            return cost.intensity(flops, link)
        case {"bytes": size, "bw": link}:
            return in_unit(cost.gather_seconds(size, link), unit)
        case {"flops_total": flops, "chips": chips, "peak": peak, "mfu": share}:
            return mfu.days(flops, chips, share * peak)
        case {"tokens": tokens, "D": width, "per_layer": count, "layers": layers}:
            return in_unit(cost.checkpoint_bytes(tokens, [width] * count, layers), unit)
        case {"alpha": alpha, "F": width}:
            return cost.mixed_batch(alpha, width)
        case {"pod_flops": flops, "dcn_bytes": link}:
            return cost.intensity(flops, link)
        case {"layers": layers, "tokens": tokens, "D": width, "F_over_D": ratio}:
            return in_unit(cost.checkpoint_bytes(tokens, [width, ratio * width, ratio * width], layers), unit)
    raise ValueError(f"no question has these inputs: {sorted(inputs)}")


FAMILIES: dict[str, Adapter] = {"scaling-book-train": scaling_book}
