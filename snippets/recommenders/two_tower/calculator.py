"""The calculators of the page. Standard library only, so that they also run in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.recommenders.two_tower import planner
from snippets.recommenders.two_tower.planner import Plan

Z = 1.96


def index_plan(
    vectors: Annotated[int, "", (1_000, 10_000_000_000)] = 100_000_000,
    dimension: Annotated[int, "", (2, 4096)] = 128,
    kind: Literal["flat", "PQ", "IVF", "IVF-PQ", "HNSW"] = "IVF-PQ",
    lists: Annotated[int, "", (1, 10_000_000)] = 65_536,
    probes: Annotated[int, "", (1, 10_000_000)] = 64,
    code_bytes: Annotated[int, "bytes", (1, 512)] = 32,
    *,
    links: Annotated[int, "", (2, 128)] = 32,
    bandwidth: Annotated[float, "GB/s", (0.1, 10_000.0)] = 20.0,
) -> dict[str, object]:
    """How many bytes does an index take, and how many distances does a query compute?

    Args:
        vectors: Vectors in the index, $N_v$.
        dimension: Numbers per vector, $f$.
        kind: Kind of index.
        lists: Lists of the inverted file, $\\ell$.
        probes: Lists that a query visits.
        code_bytes: Bytes of a code. With 256 centroids per part, the number of parts.
        links: Links per vector in a graph, M.
        bandwidth: Memory bandwidth that a query has. One core reads some tens of GB/s.
    """
    if kind.startswith("IVF") and probes > lists:
        error = ValueError("a query cannot visit more lists than there are")
        error.field = "probes"  # type: ignore[attr-defined]
        raise error
    plan = Plan(kind, vectors, dimension, lists, probes, code_bytes, links)
    each, shared = planner.bytes_per_vector(plan), planner.shared_bytes(plan)
    result: dict[str, object] = {
        "bytes in all": f"{(vectors * each + shared) / 1e9:,.2f} GB",
        "bytes per vector": f"{each:,.0f}",
        "as a share of the flat index": f"{each / (planner.FLOAT_BYTES * dimension):.0%}",
        "centroids and codebooks": f"{shared / 1e6:,.1f} MB",
    }
    if kind == "HNSW":
        result["distances per query"] = "measure: they depend on the data and on ef"
    else:
        read = planner.scanned_bytes(plan)
        result["distances per query"] = f"{planner.distances(plan):,.0f}"
        result["bytes read per query"] = f"{read / 1e6:,.1f} MB"
        result["least time per query, read alone"] = (
            f"{1000 * read / (bandwidth * 1e9):,.2f} ms"
        )
    if kind.startswith("IVF"):
        result["lists with the fewest distances"] = (
            f"{planner.best_lists(vectors, probes):,.0f}"
        )
    result["unused"] = unused(kind)
    return result


def unused(kind: str) -> list[str]:
    """Inputs that change nothing for this kind of index."""
    hidden = []
    if not kind.startswith("IVF"):
        hidden += ["lists", "probes"]
    if "PQ" not in kind:
        hidden.append("code_bytes")
    return [*hidden, "bandwidth"] if kind == "HNSW" else [*hidden, "links"]


def slice_size(
    plays: Annotated[float, "", (0.001, 100.0)] = 0.08,
    spread: Annotated[float, "", (0.05, 5.0)] = 0.6,
    half_width: Annotated[float, "", (0.01, 1.0)] = 0.25,
    pages_per_day: Annotated[float, "", (1.0, 1e10)] = 1_000_000.0,
) -> dict[str, object]:
    """How many random pages tell liking from exposure?

    Args:
        plays: Plays per random page.
        spread: Deviation of log q among those plays.
        half_width: Half-width of the 95% interval.
        pages_per_day: Pages that the service shows per day.
    """
    needed = (Z / (half_width * spread)) ** 2
    return {
        "random pages": f"{needed / plays:,.0f}",
        "plays in them": f"{needed:,.0f}",
        "share of a day's pages": f"{needed / plays / pages_per_day:.3%}",
    }


def large_plan() -> Plan:
    """The calculator's default."""
    return Plan("IVF-PQ", 100_000_000, 128, 65_536, 64, 32)


def flat_gigabytes() -> float:
    """Bytes of the same vectors in a flat index, in GB."""
    plan = Plan("flat", 100_000_000, 128)
    return plan.vectors * planner.bytes_per_vector(plan) / 1e9


def coded_gigabytes() -> float:
    """Bytes of the calculator's default in GB."""
    plan = large_plan()
    return (
        plan.vectors * planner.bytes_per_vector(plan) + planner.shared_bytes(plan)
    ) / 1e9


def facts() -> dict[str, str]:
    """Numbers that the page states about plans."""
    return {
        "flat_gb": f"{flat_gigabytes():.1f} GB",
        "coded_gb": f"{coded_gigabytes():.1f} GB",
        "large_distances": f"{planner.distances(large_plan()):,.0f}",
    }
