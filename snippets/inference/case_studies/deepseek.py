"""Case study DeepSeek: one published day of V3 and R1, taken apart."""

from __future__ import annotations

from dataclasses import dataclass

from snippets.inference.kv_cache.sizes import latent_bytes_per_token

BILLION, SECONDS = 1e9, 86_400
# An H100 SXM, FLOP/s and bytes/s; an fp8 weight is one byte and 2 FLOPs for every token.
H100_FP8, H100_BANDWIDTH = 1979e12, 3.35e12


# --8<-- [start:day]
@dataclass(frozen=True)
class Day:
    """What was published: tokens in billions, tokens/s of one node, dollars."""

    inputs: float = 608
    hits: float = 342
    outputs: float = 168
    prefill: float = 73_700  # input tokens/s of a node, cache hits included
    decode: float = 14_800  # output tokens/s of a node
    nodes: float = 226.75  # on average over the day
    gpus: int = 8
    dollars_per_hour: float = 2.0
    prices: tuple[float, float, float] = (0.14, 0.55, 2.19)  # a million: hit, miss, output


def pools(day: Day) -> tuple[float, float]:
    """Nodes that prefill and that decode, from tokens per day and tokens/s of a node."""
    return (
        day.inputs * BILLION / SECONDS / day.prefill,
        day.outputs * BILLION / SECONDS / day.decode,
    )


# --8<-- [end:day]


def cost(day: Day) -> float:
    """Rent of the average fleet for one day."""
    return day.nodes * day.gpus * 24 * day.dollars_per_hour


def revenue(day: Day) -> float:
    """If every token were sold at the list price."""
    tokens = (day.hits, day.inputs - day.hits, day.outputs)
    return sum(
        n * BILLION / 1e6 * price for n, price in zip(tokens, day.prices, strict=True)
    )


def sequences_per_gpu(day: Day, tokens_per_second: float) -> float:
    """Sequences that one GPU decodes at once, if each gets so many tokens/s."""
    return day.decode / day.gpus / tokens_per_second


def tokens_per_expert(
    gpus: int, per_gpu: float, experts: int = 256, active: int = 8
) -> float:
    """Tokens that one expert of a layer sees in a step, with balanced routing."""
    return gpus * per_gpu * active / experts


def example_day() -> None:
    """Computed from tokens, prices and throughput; beside it what was printed."""
    day = Day()
    bill, sales, (prefill, decode) = cost(day), revenue(day), pools(day)
    print(f"{'':34s}{'computed':>10s}{'printed':>10s}")
    print(f"{'cost, dollars':34s}{bill:10,.0f}{87_072:10,d}")
    print(f"{'theoretical revenue, dollars':34s}{sales:10,.0f}{562_027:10,d}")
    print(f"{'profit over cost':34s}{sales / bill - 1:10.0%}{5.45:10.0%}")
    print(f"{'profit over revenue':34s}{1 - bill / sales:10.1%}{'-':>10s}")
    print(f"{'nodes that prefill':34s}{prefill:10.1f}{'-':>10s}")
    print(f"{'nodes that decode':34s}{decode:10.1f}{'-':>10s}")
    print(f"{'nodes in all':34s}{prefill + decode:10.1f}{day.nodes:10.2f}")


def example_decode() -> None:
    """What one GPU does at 20 and at 22 tokens a second for each sequence."""
    day, token = Day(), latent_bytes_per_token(61, 512, 64, 2)
    print(f"{'tokens/s':>8s}{'sequences':>11s}{'cache':>10s}{'tokens per expert':>20s}")
    for speed in (20, 22):
        n = sequences_per_gpu(day, speed)
        cache = n * 4989 * token / 1e9
        print(f"{speed:8d}{n:11.0f}{cache:7.1f} GB{tokens_per_expert(144, n):20.0f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about DeepSeek's day."""
    day = Day()
    bill, sales, (prefill, decode) = cost(day), revenue(day), pools(day)
    rent = day.gpus * 24 * day.dollars_per_hour
    token = latent_bytes_per_token(61, 512, 64, 2)
    return {
        "over_revenue": f"{1 - bill / sales:.1%}",
        "hit_share": f"{day.hits / day.inputs:.2%}",
        "prefill_nodes": f"{prefill:.1f}",
        "decode_nodes": f"{decode:.1f}",
        "all_nodes": f"{prefill + decode:.1f}",
        "occupancy": f"{day.nodes / 278:.0%}",
        "input_cost": f"{prefill * rent / day.inputs / 10:.1f} cents",
        "output_cost": f"{decode * rent / day.outputs / 10:.0f} cents",
        "computed_input": f"{(1 - day.hits / day.inputs) * day.prefill:,.0f}",
        "per_gpu": f"{sequences_per_gpu(day, 21):.0f}",
        "cache_gpu": f"{sequences_per_gpu(day, 21) * 4989 * token / 1e9:.0f} GB",
        "expert": f"{tokens_per_expert(144, sequences_per_gpu(day, 21)):.0f}",
        "slot": f"{tokens_per_expert(144, sequences_per_gpu(day, 21), 288):.0f}",
        "expert_node": f"{tokens_per_expert(8, sequences_per_gpu(day, 21)):.0f}",
        "slots": f"{144 * 2}",
        "ridge": f"{H100_FP8 / H100_BANDWIDTH / 2:.0f}",
    }


if __name__ == "__main__":
    example_day()
    example_decode()
