"""Collectives: how NCCL chooses an algorithm and a protocol, and what the wiring adds."""

from __future__ import annotations

from math import log2

from snippets.distributed.collectives_cost import bus_factor

GPUS, NIC, NODE = (
    8,
    50e9,
    400e9,
)  # of a node with H100: GPUs, bytes/s of one NIC, of all eight

# --8<-- [start:nccl]
# Microseconds to begin, per hop within a node (NVLink), per hop between nodes
LATENCY = {
    ("ring", "LL"): (6.6, 0.6, 2.7), ("tree", "LL"): (6.8, 0.6, 5.0),
    ("ring", "LL128"): (14.0, 1.9, 4.0), ("tree", "LL128"): (14.0, 1.25, 8.5),
    ("ring", "Simple"): (8.4, 3.4, 14.0), ("tree", "Simple"): (0.0, 28.0, 28.0),
}  # fmt: skip
SHARE = {  # of the bandwidth of the wires
    ("ring", "LL"): 1 / 4, ("tree", "LL"): 0.92 / 3.8,
    ("ring", "LL128"): 0.92, ("tree", "LL128"): 0.92 * 120 / 128,
    ("ring", "Simple"): 1.0, ("tree", "Simple"): 0.92,
}  # fmt: skip


def nccl_seconds(size: float, nodes: int, algorithm: str, protocol: str) -> float:
    """NCCL's own estimate of an all-reduce, without its corrections for single machines.

    Source: NCCL 2.20, src/graph/tuning.cc.
    """
    begin, near, far = LATENCY[algorithm, protocol]
    ranks = nodes * GPUS
    if algorithm == "ring":
        hops = 2 * nodes if nodes > 1 else 0
        hop_time = (2 * (ranks - 1) - hops) * near + hops * far
    else:  # a chain in each node, a tree over nodes
        hop_time = 2 * ((GPUS - 1) * near + int(log2(nodes)) * far)
    factor = bus_factor("all_reduce", ranks) if algorithm == "ring" else 2.0
    bandwidth = NODE * SHARE[algorithm, protocol]
    return (begin + hop_time) * 1e-6 + factor * size / bandwidth


# --8<-- [end:nccl]


def best(size: float, nodes: int) -> tuple[float, str]:
    """The fastest of the six, as NCCL would choose."""
    times = {f"{a} {p}": nccl_seconds(size, nodes, a, p) for a, p in LATENCY}
    name = min(times, key=times.__getitem__)
    return times[name], name


def example_choice() -> None:
    """What the model chooses, by size and number of nodes."""
    print(f"{'':8s}" + "".join(f"{nodes * GPUS:9d} GPUs        " for nodes in (1, 16, 128)))
    for name, size in (
        ("1 KiB", 2**10), ("64 KiB", 2**16), ("1 MiB", 2**20), ("16 MiB", 2**24),
        ("256 MiB", 2**28), ("4 GiB", 2**32),
    ):  # fmt: skip
        cells = [best(size, nodes) for nodes in (1, 16, 128)]
        print(
            f"{name:8s}"
            + "".join(
                f"{time * 1e6:9,.0f} us {choice:10s}" for time, choice in cells
            ).rstrip()
        )


def leaving(size: float, order: list[int]) -> float:
    """Bytes that leave the busiest node, when a ring visits the GPUs' nodes in this order."""
    ranks = len(order)
    out = dict.fromkeys(order, 0)
    for here, there in zip(order, order[1:] + order[:1], strict=True):
        out[here] += here != there
    return max(out.values()) * bus_factor("all_reduce", ranks) * size


def example_wiring() -> None:
    """1 GB over 16 nodes of 8 GPUs, each GPU with a NIC of its own."""
    nodes = 16
    by_node = [rank // GPUS for rank in range(nodes * GPUS)]
    in_turns = [rank % nodes for rank in range(nodes * GPUS)]
    two_levels = bus_factor("all_reduce", nodes) * 1e9  # an eighth for each GPU's own ring
    print(f"{'':28s}{'leaves a node':>14s}{'NICs busy':>11s}{'time':>11s}")
    for name, sent, nics in (
        ("one ring, nodes in turns", leaving(1e9, in_turns), 8),
        ("one ring, node after node", leaving(1e9, by_node), 1),
        ("eight such rings", leaving(1e9, by_node), 8),
        ("two levels", two_levels, 8),
    ):
        print(f"{name:28s}{sent / 1e9:11.2f} GB{nics:11d}{sent / nics / NIC * 1e3:8.1f} ms")


def facts() -> dict[str, str]:
    """Numbers that the page states about NCCL."""
    return {
        "steps_gpus": f"{128 * GPUS:,}",
        "ring_1024": f"{nccl_seconds(0, 128, 'ring', 'LL') * 1e6:,.0f} µs",
        "tree_1024": f"{nccl_seconds(0, 128, 'tree', 'LL') * 1e6:,.0f} µs",
        "flags_ll128": f"{120 / 128:.0%}",
    }


if __name__ == "__main__":
    example_choice()
    example_wiring()
