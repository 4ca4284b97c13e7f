"""DDP, ZeRO, FSDP."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs
from snippets.distributed.fsdp import cost


def tokens(inputs: Inputs, unit: str) -> float:
    """Tokens per accelerator that hide the gathers and reductions of sharded weights, in bf16."""
    return max(cost.tokens_needed(inputs["flops"], inputs["link_bytes"]))


FAMILIES: dict[str, Adapter] = {"fsdp-tokens": tokens}
