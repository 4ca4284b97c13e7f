"""Collectives: what they cost by the alpha-beta model, and the bandwidth that a benchmark reports."""

from __future__ import annotations

from math import ceil, log2

# nccl-tests on eight A100, bytes and microseconds (Bekman 2026, network chapter)
MEASURED = {
    32_768: 43.83, 1_048_576: 101.9, 8_388_608: 133.5, 67_108_864: 684.6,
    1_073_741_824: 8203.9, 17_179_869_184: 127_997.0,
}  # fmt: skip


# --8<-- [start:ring_tree]
def ring_seconds(size: float, ranks: int, alpha: float, beta: float) -> float:
    """All-reduce of `size` bytes by a ring: `alpha` in seconds, `beta` in bytes per second.

    Source: Patarasuk and Yuan 2009.
    """
    return 2 * (ranks - 1) * alpha + bus_factor("all_reduce", ranks) * size / beta


def tree_seconds(
    size: float, ranks: int, alpha: float, beta: float, efficiency: float = 0.92
) -> float:
    """The same by two trees, each with half of the data, cut into small chunks.

    Source: Sanders et al. 2009; NCCL 2.20, src/graph/tuning.cc.
    """
    return 2 * ceil(log2(ranks)) * alpha + 2 * size / (efficiency * beta)


# --8<-- [end:ring_tree]


def crossover(ranks: int, alpha: float, beta: float, efficiency: float = 0.92) -> float:
    """Bytes up to which the tree is faster than the ring."""
    steps = 2 * (ranks - 1) - 2 * ceil(log2(ranks))
    return steps * alpha * beta / (2 / efficiency - bus_factor("all_reduce", ranks))


# --8<-- [start:bus]
def bus_factor(collective: str, ranks: int) -> float:
    """Bytes that each rank must send at least, over the size of the operation.

    Source: nccl-tests, doc/PERFORMANCE.md.
    """
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


def fitted(ranks: int = 8) -> tuple[float, float]:
    """Alpha and beta of the measured machine, from its smallest and its largest message."""
    small, large = min(MEASURED), max(MEASURED)
    alpha = MEASURED[small] * 1e-6 / (2 * (ranks - 1))
    return alpha, bandwidths(large, MEASURED[large] * 1e-6, ranks, "all_reduce")[1]


def example_measured() -> None:
    """Two constants, fitted to the first and the last line, against the four between."""
    alpha, beta = fitted()
    print(f"alpha {alpha * 1e6:.1f} us, beta {beta / 1e9:.0f} GB/s")
    print(
        f"{'MiB':>9s}{'measured':>11s}{'model':>11s}{'busbw, measured':>17s}{'model':>7s}"
    )
    for size, micros in MEASURED.items():
        model = ring_seconds(size, 8, alpha, beta)
        bus = [
            bandwidths(size, t, 8, "all_reduce")[1] / 1e9 for t in (micros * 1e-6, model)
        ]
        print(
            f"{size / 2**20:9,.2f}{micros:8,.0f} us{model * 1e6:8,.0f} us{bus[0]:17.0f}{bus[1]:7.0f}"
        )


def example_ring_tree() -> None:
    """Latency of both, and the size at which they are equal."""
    alpha, beta = 2e-6, 50e9
    print(
        f"{'ranks':>5s}{'ring, no data':>15s}{'tree':>8s}{'1 GB more':>13s}{'tree up to':>13s}"
    )
    for ranks in (8, 64, 512, 4096):
        latency = [f(0, ranks, alpha, beta) * 1e6 for f in (ring_seconds, tree_seconds)]
        more = bus_factor("all_reduce", ranks) * 1e9 / beta * 1e3
        print(
            f"{ranks:5d}{latency[0]:12,.0f} us{latency[1]:5,.0f} us{more:10.1f} ms"
            f"{crossover(ranks, alpha, beta) / 1e6:10,.1f} MB"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about cost."""
    alpha, beta = fitted()
    gradient = 2 * 8_030_261_248  # Llama 3 8B in bf16
    return {
        "gradient_gb": f"{gradient / 1e9:.1f} GB",
        "gradient_ms": f"{ring_seconds(gradient, 8, 2e-6, 450e9) * 1e3:.1f} ms",
        "gradient_port": f"{ring_seconds(gradient, 1024, 2e-6, 50e9) * 1e3:,.0f} ms",
        "factor_8": f"{bus_factor('all_reduce', 8):.2f}",
        "factor_1024": f"{bus_factor('all_reduce', 1024):.3f}",
        "half_8": f"{8 * alpha * beta / 1e6:.1f} MB",
        "tree_ranks": "512",
        "tree_until": f"{crossover(512, 2e-6, 50e9) / 1e6:.0f} MB",
        "algbw": f"{bandwidths(2**30, 8203.9e-6, 8, 'all_reduce')[0] / 1e9:.0f} GB/s",
        "busbw": f"{bandwidths(2**30, 8203.9e-6, 8, 'all_reduce')[1] / 1e9:.0f} GB/s",
    }


if __name__ == "__main__":
    example_measured()
    example_ring_tree()
