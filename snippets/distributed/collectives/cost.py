"""Collectives: what they cost by the alpha-beta model, and the bandwidth that a benchmark reports."""

from __future__ import annotations

from math import ceil, log2

from snippets.distributed.collectives.units import with_unit

# nccl-tests on eight A100, bytes and seconds (Bekman 2026, network chapter)
MEASURED = {
    32_768: 43.83e-6, 1_048_576: 101.9e-6, 8_388_608: 133.5e-6, 67_108_864: 684.6e-6,
    1_073_741_824: 8203.9e-6, 17_179_869_184: 127_997.0e-6,
}  # fmt: skip
MEASURED_RANKS, GIB = 8, 2**30
START, CARD, MANY = 2e-6, 50e9, 512  # of the examples: alpha, beta, and ranks of the figure


# Sources: Patarasuk and Yuan 2009; Sanders et al. 2009; NCCL 2.20, src/graph/tuning.cc
# --8<-- [start:ring_tree]
def ring_seconds(size: float, ranks: int, alpha: float, beta: float) -> float:
    """All-reduce of `size` bytes by a ring; seconds and bytes per second."""
    return 2 * (ranks - 1) * alpha + bus_factor("all_reduce", ranks) * size / beta


def tree_seconds(
    size: float, ranks: int, alpha: float, beta: float, efficiency: float = 0.92
) -> float:
    """The same by two trees, each with half of the data, cut into small chunks."""
    return 2 * ceil(log2(ranks)) * alpha + 2 * size / (efficiency * beta)


# --8<-- [end:ring_tree]


def crossover(ranks: int, alpha: float, beta: float, efficiency: float = 0.92) -> float:
    """Bytes up to which the tree is faster than the ring."""
    steps = 2 * (ranks - 1) - 2 * ceil(log2(ranks))
    return steps * alpha * beta / (2 / efficiency - bus_factor("all_reduce", ranks))


def tree_lag(ranks: int, efficiency: float = 0.92) -> float:
    """By how much of the ring's time trees take longer, for tensors so large that starts vanish."""
    return 2 / efficiency / bus_factor("all_reduce", ranks) - 1


def half_size(ranks: int, alpha: float, beta: float) -> float:
    """Bytes at which a ring reaches half of its bandwidth: both terms are equal."""
    return ranks * alpha * beta


# Source: nccl-tests, doc/PERFORMANCE.md
# --8<-- [start:bus]
def bus_factor(collective: str, ranks: int) -> float:
    """Bytes that a rank sends at least, over the bytes that one rank holds."""
    share = (ranks - 1) / ranks
    return {
        "all_reduce": 2 * share, "reduce_scatter": share, "all_gather": share,
        "all_to_all": share, "broadcast": 1.0, "reduce": 1.0,
    }[collective]  # fmt: skip


# --8<-- [end:bus]


def bandwidths(
    size: float, seconds: float, ranks: int, collective: str
) -> tuple[float, float]:
    """Algorithm and bus bandwidth, in bytes per second."""
    algorithm = size / seconds
    return algorithm, algorithm * bus_factor(collective, ranks)


def measured_bandwidths(size: int) -> tuple[float, float]:
    """Algorithm and bus bandwidth of one line of the measurement."""
    return bandwidths(size, MEASURED[size], MEASURED_RANKS, "all_reduce")


def fitted() -> tuple[float, float]:
    """Alpha and beta of the measured machine, from its smallest and its largest message."""
    small, large = min(MEASURED), max(MEASURED)
    alpha = MEASURED[small] / (2 * (MEASURED_RANKS - 1))
    return alpha, measured_bandwidths(large)[1]


def example_measured() -> None:
    """Two constants, fitted to the first and the last line, against the four between."""
    alpha, beta = fitted()
    print(f"alpha {alpha * 1e6:.1f} us, beta {beta / 1e9:.0f} GB/s")
    print(
        f"{'MiB':>9s}{'measured':>11s}{'model':>11s}{'busbw, measured':>17s}{'model':>7s}"
    )
    for size, seconds in MEASURED.items():
        model = ring_seconds(size, MEASURED_RANKS, alpha, beta)
        bus = measured_bandwidths(size)[1] / 1e9
        by_model = bandwidths(size, model, MEASURED_RANKS, "all_reduce")[1] / 1e9
        print(
            f"{size / 2**20:9,.2f}{seconds * 1e6:8,.0f} us{model * 1e6:8,.0f} us"
            f"{bus:17.0f}{by_model:7.0f}"
        )


def example_ring_tree() -> None:
    """Starts of both, and the size at which they take equally long."""
    print(
        f"{'ranks':>5s}{'ring, no data':>15s}{'tree':>8s}{'1 GB more':>13s}{'tree up to':>13s}"
    )
    for ranks in (8, 64, MANY, 4096):
        starts = [f(0, ranks, START, CARD) * 1e6 for f in (ring_seconds, tree_seconds)]
        more = bus_factor("all_reduce", ranks) * 1e9 / CARD * 1e3
        print(
            f"{ranks:5d}{starts[0]:12,.0f} us{starts[1]:5,.0f} us{more:10.1f} ms"
            f"{crossover(ranks, START, CARD) / 1e6:10,.1f} MB"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about cost."""
    algorithm, bus = measured_bandwidths(GIB)
    return {
        "factor_8": f"{bus_factor('all_reduce', 8):.2f}",
        "factor_1024": f"{bus_factor('all_reduce', 1024):.3f}",
        "half_8": with_unit(half_size(MEASURED_RANKS, *fitted()), "MB", 1),
        "tree_ranks": f"{MANY}",
        "tree_until": with_unit(crossover(MANY, START, CARD), "MB"),
        "algbw": with_unit(algorithm, "GB/s"),
        "busbw": with_unit(bus, "GB/s"),
    }


if __name__ == "__main__":
    example_measured()
    example_ring_tree()
