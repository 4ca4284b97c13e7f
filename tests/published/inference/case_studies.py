"""The case studies of serving."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.inference.case_studies import deepseek, mooncake, ranking


def day_cost(inputs: Inputs, unit: str) -> float:
    """Rent of a fleet for a day, in dollars."""
    day = deepseek.Day(nodes=inputs["nodes"], gpus=inputs["gpus"], dollars_per_hour=inputs["dollars_per_hour"])
    return deepseek.cost(day)


def day_revenue(inputs: Inputs, unit: str) -> float:
    """A day's tokens, in billions, at prices per million, in dollars."""
    day = deepseek.Day(
        inputs=inputs["inputs"], hits=inputs["hits"], outputs=inputs["outputs"], prices=tuple(inputs["prices"])
    )
    return deepseek.revenue(day)


def day_nodes(inputs: Inputs, unit: str) -> float:
    """Nodes that a day's tokens, in billions, keep busy at so many tokens a second."""
    day = deepseek.Day(
        inputs=inputs["inputs"], outputs=inputs["outputs"], prefill=inputs["prefill"], decode=inputs["decode"]
    )
    return sum(deepseek.pools(day))


def fetch_bandwidth(inputs: Inputs, unit: str) -> float:
    """Bandwidth above which a cached prefix of Llama 3 70B is fetched and not computed, in GB/s."""
    return (
        mooncake.least_bandwidth(inputs["prefix"], inputs["gpus"] * inputs["tflops"] * 1e12, inputs["a"], inputs["b"])
        / 1e9
    )


def prefill_coefficient(inputs: Inputs, unit: str) -> float:
    """FLOPs of a layer's matrices for one token, over the square of the width."""
    return mooncake.matmul_coefficient(inputs["ffn"])


def embedding_table(inputs: Inputs, unit: str) -> float:
    """Memory of an embedding table."""
    size = ranking.table_bytes(inputs["rows"], inputs["width"], inputs["bytes"])
    return in_unit(size, unit)


FAMILIES: dict[str, Adapter] = {
    "day-cost": day_cost,
    "day-nodes": day_nodes,
    "day-revenue": day_revenue,
    "embedding-table": embedding_table,
    "fetch-bandwidth": fetch_bandwidth,
    "prefill-coefficient": prefill_coefficient,
}
