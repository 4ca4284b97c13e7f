"""Case study Mooncake: when fetching a cached prefix beats computing it, and how large the pool is."""

from __future__ import annotations

from math import ceil

from snippets.inference.kv_cache.sizes import LLAMA3_70B, kv_bytes_per_token

LAYERS, WIDTH, GROUP = 80, 8192, 8  # Llama 3 70B, the paper's table 1
ATTENTION, MATMULS = 4, 22  # its coefficients a and b
A800, H800 = 8 * 312e12, 8 * 989e12  # one node, dense bf16 FLOP/s


# --8<-- [start:bandwidth]
def prefill_flops(
    tokens: float, attention: float = ATTENTION, matmuls: float = MATMULS
) -> float:
    """Equation 1: work of a prefill, quadratic in attention, linear in the matrices."""
    return LAYERS * (attention * tokens**2 * WIDTH + matmuls * tokens * WIDTH**2)


def least_bandwidth(
    prefix: int, flops: float, attention: float = ATTENTION, matmuls: float = MATMULS
) -> float:
    """Equation 2: bytes/s above which a node of `flops` FLOP/s should fetch."""
    cache = prefix * LAYERS * 2 * WIDTH / GROUP * 2  # keys and values, 2 bytes each
    return cache * flops / prefill_flops(prefix, attention, matmuls)


# --8<-- [end:bandwidth]


def matmul_coefficient(ffn: int = 28_672) -> float:
    """b of equation 1 from the model's shapes: query and output, key and value, three of the MLP."""
    return 2 * (2 + 2 / GROUP + 3 * ffn / WIDTH)


def nodes_for(tokens: float, per_node: float) -> int:
    """Nodes whose memory together holds so many tokens."""
    return ceil(tokens / per_node)


def times_to_change(times: float) -> float:
    """What "x times as much" is as a change: 2.36 times is 136% more, 0.52 times 48% less."""
    return times - 1


def example_bandwidth() -> None:
    """The published thresholds, and the prefix they depend on."""
    print(f"{'prefix':>8s}{'8 × A800':>12s}{'8 × H800':>12s}")
    for prefix in (1024, 8192, 32_768, 131_072):
        a, h = (least_bandwidth(prefix, flops) / 1e9 for flops in (A800, H800))
        print(f"{prefix:8,d}{a:7.1f} GB/s{h:7.1f} GB/s")


def facts() -> dict[str, str]:
    """Numbers that the page states about Mooncake."""
    token = kv_bytes_per_token(**LLAMA3_70B)
    return {
        "a800": f"{least_bandwidth(8192, A800) / 1e9:.1f} GB/s",
        "h800": f"{least_bandwidth(8192, H800) / 1e9:.1f} GB/s",
        "own_b": f"{matmul_coefficient():.1f}",
        "a800_own": f"{least_bandwidth(8192, A800, matmuls=matmul_coefficient()) / 1e9:.1f} GB/s",
        "per_token": f"{token / 1024:.0f} KiB",
        "per_terabyte": f"{1e12 / token / 1e6:.1f} million",
        "cache_128k": f"{131_072 * token / 2**30:.0f} GiB",
        "nodes": f"{nodes_for(50e6, 3e6)}",
        "nic_four": f"{87 / (4 * 200 / 8):.0%}",
        "nic_eight": f"{190 / (8 * 400 / 8):.0%}",
        "more_hits": f"{times_to_change(2.36):.0%}",
        "less_ttft": f"{1 - 3.07 / 3.58:.0%}",
    }


if __name__ == "__main__":
    example_bandwidth()
