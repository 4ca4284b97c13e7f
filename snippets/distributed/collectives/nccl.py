"""Collectives: how NCCL estimates its algorithms and protocols, and chooses."""

from __future__ import annotations

from math import log2

from snippets.distributed.collectives.cost import GIB, bandwidths, bus_factor
from snippets.distributed.collectives.units import with_unit
from snippets.shapes.accelerators import MACHINES

H100 = MACHINES["H100"]
GPUS, NIC = H100.node, H100.network_gb_s * 1e9  # of a node; bytes/s of the NIC of each
NODE = GPUS * NIC
MIB, LARGE = 2**20, 128  # bytes; nodes of the largest machine on the page

# --8<-- [start:constants]
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
LL_MOST = 20.4e9  # bytes/s that LL reaches at most
TREE = {  # tenths of its bandwidth that a tree reaches at 64 bytes, 128, ... 256 MiB
    "LL": (10, 10, 10, 10, 9, 8, 7, 7, 7, 7, 6, 5, 4, 4, 5, 6, 7, 8, 9, 10, 10, 10, 10),
    "LL128": (10, 10, 10, 10, 10, 9, 8, 8, 8, 7, 6, 6, 6, 6, 6, 6, 8, 9, 9, 9, 9, 10, 10),
    "Simple": (9, 9, 9, 9, 9, 9, 9, 8, 7, 6, 6, 5, 5, 5, 5, 6, 7, 8, 7, 7, 8, 9, 9),
}  # fmt: skip
# --8<-- [end:constants]


# NCCL 2.20.3, src/graph/tuning.cc, for Intel hosts. Left out are limits for each channel, which
# sixteen of them do not reach.
# --8<-- [start:nccl]
def nccl_seconds(
    size: int, nodes: int, algorithm: str, protocol: str,
    node: float = NODE, rings: int = 16,
) -> float:  # fmt: skip
    """NCCL's estimate of an all-reduce on three or more nodes of H100, in seconds."""
    latency, near, far = LATENCY[algorithm, protocol]
    bandwidth = node * SHARE[algorithm, protocol]
    if protocol == "LL":
        bandwidth = min(bandwidth, LL_MOST)
    ranks = nodes * GPUS
    if algorithm == "ring":
        near = max(near, 3.0 if protocol == "Simple" else 1.0)  # the network's overhead
        latency += (2 * (ranks - 1) - 2 * nodes) * near + 2 * nodes * far
        if protocol == "Simple" and size // (rings * ranks) >= 64:
            latency *= 1.4
        factor = bus_factor("all_reduce", ranks)
    else:  # a chain in each node, a tree over nodes, entered and left at one GPU
        latency += 2 * ((GPUS - 1) * near + int(log2(nodes)) * far)
        step = max(size // 64, 1).bit_length() - 1
        factor = 2 / 0.85 * (10 / TREE[protocol][step] if step < 23 else 1)
    return latency * 1e-6 + factor * size / bandwidth


# --8<-- [end:nccl]


def gpus(nodes: int) -> int:
    """GPUs of so many nodes."""
    return nodes * GPUS


def best(size: int, nodes: int) -> tuple[float, str]:
    """The fastest of the six, as NCCL would choose."""
    times = {f"{a} {p}": nccl_seconds(size, nodes, a, p) for a, p in LATENCY}
    name = min(times, key=times.__getitem__)
    return times[name], name


def example_choice() -> None:
    """What the model chooses, by size and number of nodes."""
    head = "".join(f"{gpus(nodes):9d} GPUs         " for nodes in (4, 16, LARGE))
    print(f"{'':8s}{head.rstrip()}")
    for name, size in (
        ("1 KiB", 2**10), ("64 KiB", 2**16), ("1 MiB", 2**20), ("16 MiB", 2**24),
        ("256 MiB", 2**28), ("4 GiB", 2**32),
    ):  # fmt: skip
        cells = [best(size, nodes) for nodes in (4, 16, LARGE)]
        print(
            f"{name:8s}"
            + "".join(
                f"{time * 1e6:9,.0f} us {choice:10s}" for time, choice in cells
            ).rstrip()
        )


def flag_share() -> float:
    """Data in each 128 bytes of LL128, whose flag takes 8."""
    return (128 - 8) / 128


def five_nodes(size: int) -> tuple[float, float]:
    """Seconds of the best ring, and its bus bandwidth, on nodes with four NICs as in issue 1368."""
    seconds = min(
        nccl_seconds(size, 5, "ring", protocol, 4 * NIC)
        for protocol in ("LL", "LL128", "Simple")
    )
    return seconds, bandwidths(size, seconds, gpus(5), "all_reduce")[1]


def facts() -> dict[str, str]:
    """Numbers that the page states about NCCL."""
    return {
        "steps_gpus": f"{gpus(LARGE):,}",
        "ring_1024": with_unit(nccl_seconds(0, LARGE, "ring", "LL"), "µs"),
        "tree_1024": with_unit(nccl_seconds(0, LARGE, "tree", "LL"), "µs"),
        "tree_1024_mib": with_unit(best(MIB, LARGE)[0], "µs"),
        "flags_ll128": f"{flag_share():.0%}",
        "five_gib": with_unit(five_nodes(GIB)[1], "GB/s"),
        "five_mib": with_unit(five_nodes(MIB)[0], "µs"),
    }


if __name__ == "__main__":
    example_choice()
