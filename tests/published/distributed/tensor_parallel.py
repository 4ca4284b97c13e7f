"""Tensor parallelism, and the other questions of How To Scale Your Model about training."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.distributed.hardware import kernels, roofline
from snippets.distributed.memory.recipes import Recipe, zero_bytes
from snippets.distributed.mfu import flops as mfu
from snippets.distributed.tensor_parallel import cost, mixture


def scaling_book(inputs: Inputs, unit: str) -> float | list[float]:
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
            return mixture.mixed_batch(alpha, width)
        case {"pod_flops": flops, "dcn_bytes": link}:
            return cost.intensity(flops, link)
        case {"layers": layers, "tokens": tokens, "D": width, "F_over_D": ratio}:
            return in_unit(cost.checkpoint_bytes(tokens, [width, ratio * width, ratio * width], layers), unit)
        case {"pod": [rows, columns], "chips_per_host": host, "flops": flops}:
            return [rows * columns // host, roofline.peak_flops(flops / 2, 1, rows * columns)]
        case {"D": width, "F": inner, "int8_flops": flops, "hbm_bw": memory}:
            kernel = (kernels.matmul(batch, width, inner, 1) for batch in range(1, 10**6))
            limits = (roofline.roofline(*each, flops, memory)[1] for each in kernel)
            return 1 + next(n for n, limit in enumerate(limits) if limit == "compute")
        case {"B": rows, "D": width, "bw": link}:
            return in_unit(2 * cost.gather_seconds(2 * rows * width, link), unit)
        case {"flops_total": flops, "peak": peak}:
            return mfu.days(flops, 1, peak) / 365
        case {"B": tokens, "N": chips, "F": width}:
            return mixture.fsdp_degree(tokens, chips, width)
        case {"flops": flops, "bw": link}:
            return cost.intensity(flops, link)
        case {"params": params, "bytes": width}:
            return in_unit(zero_bytes(params, 1, 0, Recipe(width, 0, 0)), unit)
    raise ValueError(f"no question has these inputs: {sorted(inputs)}")


FAMILIES: dict[str, Adapter] = {"scaling-book-train": scaling_book}
