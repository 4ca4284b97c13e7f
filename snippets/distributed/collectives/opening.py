"""Collectives: the all-reduce with which the page opens, on one node, over a network, through one NIC."""

from __future__ import annotations

from snippets.distributed.collectives.cost import START, ring_seconds
from snippets.distributed.collectives.nccl import H100, NIC, best
from snippets.distributed.collectives.units import with_unit
from snippets.shapes.models import MODELS, parameters

NODES = 128


def gradient_bytes() -> int:
    """The gradient of Llama 3 8B in bf16."""
    return 2 * parameters(MODELS["Llama 3 8B"])


def on_one_node() -> float:
    """Seconds of a ring over the NVLink of eight H100."""
    return ring_seconds(gradient_bytes(), H100.node, START, H100.chip.link_gb_s * 1e9)


def over_the_network() -> float:
    """Seconds by NCCL's estimate, over all NICs of the nodes."""
    return best(gradient_bytes(), NODES)[0]


def through_one_nic() -> float:
    """Seconds of one ring that leaves each node through one NIC."""
    return ring_seconds(gradient_bytes(), NODES * H100.node, START, NIC)


def facts() -> dict[str, str]:
    """Numbers with which the page opens."""
    return {
        "gradient_gb": with_unit(gradient_bytes(), "GB", 1),
        "gradient_ms": with_unit(on_one_node(), "ms", 1),
        "gradient_network": with_unit(over_the_network(), "ms"),
        "gradient_port": with_unit(through_one_nic(), "ms"),
    }
