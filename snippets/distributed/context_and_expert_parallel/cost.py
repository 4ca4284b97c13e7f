"""Context and expert parallelism: bytes and times, by formula."""

from __future__ import annotations

from math import comb

from snippets.distributed.memory.activations import activation_bytes
from snippets.shapes.accelerators import ACCELERATORS

LLAMA = {"heads": 128, "kv_heads": 8, "head_dim": 128}  # Llama Team 2024, table 3: 405B
DEEPEP = {2: 43, 4: 58, 8: 51}  # nodes, GB/s of dispatch; deepseek2025deepep
NETWORK = 50e9  # bytes/s of one 400 Gbit/s port, each way


def ring_bytes(
    tokens: int, ranks: int, kv_heads: int, head_dim: int, width: int = 2
) -> tuple[float, float]:
    """Bytes that each rank sends forward and backward; an all-gather sends as much forward."""
    block = tokens / ranks * kv_heads * head_dim * width  # keys, or values
    return 2 * (ranks - 1) * block, 2 * (ranks - 1) * block + 2 * ranks * block


def ulysses_bytes(
    tokens: int, ranks: int, heads: int, kv_heads: int, head_dim: int, width: int = 2
) -> tuple[float, float]:
    """The same for all-to-alls of q, k, v and of the output.

    Source: Jacobs et al. 2023, section 3.2, there for many ranks and without GQA: 4Nh/P.
    """
    local = tokens / ranks * (2 * heads + 2 * kv_heads) * head_dim * width
    return local * (ranks - 1) / ranks, local * (ranks - 1) / ranks


def ulysses_sends_less_from(heads: int, kv_heads: int, head_dim: int) -> int:
    """Smallest number of ranks at which it sends less than a ring in a whole training step."""
    ranks = 2
    while sum(ulysses_bytes(1, ranks, heads, kv_heads, head_dim)) >= sum(
        ring_bytes(1, ranks, kv_heads, head_dim)
    ):
        ranks += 1
    return ranks


def hidden_from(
    flops: float, bandwidth: float, group: int = 1, causal: bool = False
) -> float:
    """Tokens per rank from which a ring's transfers hide behind the arithmetic, in 16 bits.

    Args:
        flops: FLOP/s that attention reaches.
        bandwidth: Bytes/s to the next rank.
        group: Query heads for each key head.
        causal: Whether half of the scores are left out (zigzag).
    """
    return (2 if causal else 1) * flops / bandwidth / group


def nodes_reached(experts: int, top_k: int, nodes: int, limit: int | None = None) -> float:
    """Other nodes to which a token travels on average, if every expert is equally likely.

    With a limit: the most, if each token uses all the nodes that it may.
    """
    if limit is not None:
        return limit * (nodes - 1) / nodes
    per_node = experts // nodes
    missed = comb(experts - per_node, top_k) / comb(experts, top_k)
    return (nodes - 1) * (1 - missed)


def on_the_wire(logical: float, nodes: int) -> float:
    """What leaves a node of a bandwidth that counts all nodes of a token, the own one too."""
    return logical * (nodes - 1) / nodes


def dispatch_bytes(hidden: int, copies: float, sent: int = 1, returned: int = 2) -> float:
    """Bytes for one token and layer, there and back: fp8 to the experts, bf16 from them."""
    return copies * hidden * (sent + returned)


def example_overlap() -> None:
    """H100 at the rate of its datasheet: tokens per rank that hide the ring."""
    chip = ACCELERATORS["H100"]
    print("H100, tokens per rank      NVLink   network")
    for name, group, causal in (
        ("one key head per head", 1, False),
        ("causal, zigzag", 1, True),
        ("and 16 heads per key head", 16, True),
    ):
        row = [
            hidden_from(chip.bf16_tflops * 1e12, link, group, causal)
            for link in (chip.link_gb_s * 1e9, NETWORK)
        ]
        print(f"{name:26s}{row[0]:7,.0f}{row[1]:10,.0f}")


def example_bytes() -> None:
    """Llama 3 405B, one layer, 131,072 tokens, forward, in bf16, if tensor parallelism is 1."""
    print("MB sent by each rank   ring   Ulysses     the same without GQA")
    for ranks in (4, 8, 16, 32):
        ring = ring_bytes(131_072, ranks, 8, 128)[0]
        a2a = ulysses_bytes(131_072, ranks, **LLAMA)[0]
        full = ring_bytes(131_072, ranks, 128, 128)[0]
        a2a_full = ulysses_bytes(131_072, ranks, 128, 128, 128)[0]
        text = f"{a2a / 1e6:10,.0f}" if ranks <= 8 else f"{'no heads':>10s}"
        print(
            f"{ranks:5d} ranks       {ring / 1e6:9,.0f}{text}{full / 1e6:14,.0f}{a2a_full / 1e6:10,.0f}"
        )


def example_nodes() -> None:
    """DeepSeek-V3: 256 experts on 8 nodes, 8 chosen, hidden size 7,168."""
    print("one token, one layer                copies over the network    KB")
    for name, copies in (
        ("a copy for each expert", 8 * 7 / 8),
        ("a copy for each node", nodes_reached(256, 8, 8)),
        ("at most 4 nodes, and all of them", nodes_reached(256, 8, 8, 4)),
    ):
        print(f"{name:36s}{copies:23.2f}{dispatch_bytes(7168, copies) / 1e3:6.0f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about bytes and times."""
    h100 = ACCELERATORS["H100"]
    flops = h100.bf16_tflops * 1e12
    layer = activation_bytes(131_072, 1, 16_384, 128, 8, True, "selective")
    seconds = 4096 * dispatch_bytes(7168, nodes_reached(256, 8, 8, 4)) / NETWORK
    experts = 4096 * 9 * 3 * 2 * 7168 * 2048 / flops  # 8 routed, 1 shared, 3 matrices each
    return {
        "layer_128k": f"{layer / 1e9:.1f} GB",
        "model_128k": f"{layer * 126 / 16 / 1e9:.0f} GB",
        "model_cp": f"{layer * 126 / 16 / 16 / 1e9:.1f} GB",
        "tokens_cp": f"{131_072 // 16:,}",
        "block_network": f"{hidden_from(flops, NETWORK):,.0f}",
        "block_ib": f"{312e12 / 12.5e9 / 1e3:.1f}K",
        "block_kib": f"{4 * (256 // 4) ** 2 * 4 / 1024:.0f} KiB",  # 4 heads, fp32
        "square_kib": f"{4 * 256**2 * 4 / 1024:,.0f} KiB",
        "block_llama": f"{hidden_from(flops, NETWORK, 16, True):,.0f}",
        "table_ib": f"{6 * 312e12 / 12.5e9 / 1e3:.1f}K",
        "step_ranks": f"{ulysses_sends_less_from(**LLAMA)}",
        "even_ranks": f"{1 + LLAMA['heads'] // LLAMA['kv_heads']}",
        "deepep_wire": f"{max(on_the_wire(rate, n) for n, rate in DEEPEP.items()):.0f} GB/s",
        "dispatch_ms": f"{seconds * 1e3:.1f} ms",
        "experts_ms": f"{experts * 1e3:.1f} ms",
    }


if __name__ == "__main__":
    example_overlap()
    example_bytes()
    example_nodes()
