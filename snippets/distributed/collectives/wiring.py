"""Collectives: what the order of a ring sends through which network card."""

from __future__ import annotations

from snippets.distributed.collectives.cost import bus_factor
from snippets.distributed.collectives.nccl import H100, NIC

NODES, GPUS = 16, H100.node
Place = tuple[int, int]  # a node, and a GPU in it, which has a NIC of its own


# --8<-- [start:sent]
def sent(size: float, rings: list[list[Place]]) -> list[float]:
    """Bytes by NIC of node 0, when rings share an all-reduce of `size` bytes evenly."""
    by_nic = [0.0] * GPUS
    for ring in rings:
        share = bus_factor("all_reduce", len(ring)) * size / len(rings)
        for (node, gpu), (following, _) in zip(ring, ring[1:] + ring[:1], strict=True):
            if node == 0 and following != 0:
                by_nic[gpu] += share
    return by_nic


# --8<-- [end:sent]


def node_after_node(entry: int = 0) -> list[Place]:
    """A ring that enters each node at one GPU, visits all, and leaves by the last."""
    return [(node, (entry + i) % GPUS) for node in range(NODES) for i in range(GPUS)]


IN_TURNS = [(node, gpu) for gpu in range(GPUS) for node in range(NODES)]
ACROSS = [[(node, gpu) for node in range(NODES)] for gpu in range(GPUS)]
WIRINGS = {
    "one ring, nodes in turns": [IN_TURNS],
    "one ring, node after node": [node_after_node()],
    "eight such rings": [node_after_node(entry) for entry in range(GPUS)],
    "two levels": ACROSS,
}


def example_wiring() -> None:
    """1 GB over 16 nodes of 8 GPUs, each GPU with a NIC of its own."""
    print(f"{'':28s}{'leaves a node':>14s}{'NICs busy':>11s}{'time':>11s}")
    for name, rings in WIRINGS.items():
        by_nic = sent(1e9, rings)
        busy = sum(size > 0 for size in by_nic)
        milliseconds = max(by_nic) / NIC * 1e3
        print(f"{name:28s}{sum(by_nic) / 1e9:11.2f} GB{busy:11d}{milliseconds:8.1f} ms")


if __name__ == "__main__":
    example_wiring()
