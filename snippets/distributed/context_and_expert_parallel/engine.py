"""Context parallelism by PyTorch's own ring, on CPUs."""

from __future__ import annotations

from typing import Any, cast

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.tensor.experimental._context_parallel import _attention

from snippets.distributed.context_and_expert_parallel.traffic import Traffic, cost

aten, torch_ring = torch.ops.aten, cast(Any, _attention)


def engine(parts: list[Tensor], method: str) -> tuple[list[Tensor], dict[str, Any]]:
    """The same by PyTorch's ring, with its attention kernel for CPUs in the place of CUDA's."""
    q, k, v, dout = parts
    torch_ring.set_rotate_method(method)
    with Traffic() as forward:
        out, lse = torch_ring._templated_ring_attention(
            dist.group.WORLD, 2, aten._scaled_dot_product_flash_attention_for_cpu,
            q, k, v, is_causal=True,
        )  # fmt: skip
    with Traffic() as backward:
        grads = torch_ring._templated_ring_attention_backward(
            dist.group.WORLD, 2, cpu_backward, dout, "grad_out", q, k, v, out, lse, True
        )
    return [out, *grads[:3]], cost(forward, backward)


def cpu_backward(*, is_causal: bool, **tensors: Tensor) -> Any:
    """The kernel's gradient; it takes one argument more than the ring passes."""
    names = ("grad_out", "query", "key", "value", "out", "logsumexp")
    return aten._scaled_dot_product_flash_attention_for_cpu_backward(
        *(tensors[name].contiguous() for name in names), 0.0, is_causal
    )
