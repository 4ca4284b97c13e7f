"""FLOPs of one token by part, the context at which attention overtakes the matrices, and why that is not time."""

from __future__ import annotations

from bisect import bisect_left

from snippets.shapes.accelerators import ACCELERATORS
from snippets.shapes.configs import read
from snippets.shapes.counts import (
    looked,
    matrices,
    sequence_bytes,
    token_bytes,
    token_flops,
    weight_bytes,
)
from snippets.shapes.layers import Block, Model
from snippets.shapes.published import CONFIGS

CONTEXTS = (1024, 8192, 32_768, 131_072)
LONG = CONTEXTS[-1]
SHOWN = ("Llama 3 8B", "gpt-oss-120b", "DeepSeek-V3", "Qwen3-Next 80B-A3B")
GIGA = 1e9
NEVER = (
    2**30
)  # tokens; a model without growing looks gets this far, and a browser counts so far


# --8<-- [start:crossover]
def crossover(m: Model) -> int:
    """Tokens in view from which looking back costs as much as the matrices."""
    return bisect_left(range(NEVER), matrices(m), key=lambda context: looked(m, context))


# --8<-- [end:crossover]


def block_crossover(block: Block) -> float:
    """The same within one attention layer: tokens at which its looks equal its projections."""
    products = sum(w.numbers for w in block.weights if w.multiplied)
    return products / sum(look.width for look in block.looks)


# --8<-- [start:memory]
def memory_crossover(m: Model, sequences: int, width: float = 2.0) -> int:
    """Tokens of each sequence at which a step reads as much cache as weights."""
    return round(weight_bytes(m) / (sequences * token_bytes(m, width)))


# --8<-- [end:memory]


def equal_users(m: Model) -> float:
    """Users for whom the cache equals the weights at the context at which attention equals the matrices."""
    return memory_crossover(m, 1) / crossover(m)


# --8<-- [start:floors]
def floors(
    m: Model, context: int, sequences: int, chip: str = "H100"
) -> tuple[float, float]:
    """Milliseconds of a decode step if arithmetic were the limit, and if memory were."""
    accelerator = ACCELERATORS[chip]
    flops = sequences * token_flops(m, context)
    read_bytes = weight_bytes(m) + sequences * sequence_bytes(m, context)
    return (
        1e3 * flops / (accelerator.bf16_tflops * 1e12),
        1e3 * read_bytes / (accelerator.memory_tb_s * 1e12),
    )


# --8<-- [end:floors]


def training_flops(m: Model, tokens: int) -> int:
    """FLOPs to train on one sequence: forward and twice that backward, every pair counted."""
    return 3 * tokens * token_flops(m, tokens)


def model(name: str) -> Model:
    """A published model."""
    return read(CONFIGS[name])


def growth(name: str, context: int) -> float:
    """FLOPs of a token with this context, over those of its matrices alone."""
    m = model(name)
    return token_flops(m, context) / (2 * matrices(m))


def example_flops() -> None:
    """GFLOP of one token, forward, by the tokens in view; and the crossover."""
    print(
        f"{'GFLOP per token':20s}"
        + "".join(f"{n:>10,}" for n in CONTEXTS)
        + f"{'crossover':>12s}"
    )
    for name in (*SHOWN, "Llama 3 405B"):
        m = model(name)
        row = "".join(f"{token_flops(m, n) / GIGA:10.1f}" for n in CONTEXTS)
        print(f"{name:20s}{row}{crossover(m):12,.0f}")


def example_time() -> None:
    """Llama 3 8B on one H100: the floors of a decode step, in milliseconds."""
    m = model("Llama 3 8B")
    print(f"{'users':>5s}{'context':>9s}{'arithmetic':>12s}{'memory':>9s}")
    cases = [(1, 1024), (1, crossover(m)), (1, memory_crossover(m, 1))]
    for sequences, context in [*cases, (32, 1024), (32, memory_crossover(m, 32))]:
        arithmetic, memory = floors(m, context, sequences)
        print(f"{sequences:5d}{context:9,d}{arithmetic:12.3f}{memory:9.2f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about work."""
    llama = model("Llama 3 8B")
    arithmetic, memory = floors(llama, crossover(llama), 1)
    return {
        "cross_8b": f"{crossover(llama):,}",
        "cross_405b": f"{crossover(model('Llama 3 405B')):,}",
        "cross_v3": f"{crossover(model('DeepSeek-V3')):,}",
        "cross_oss": f"{crossover(model('gpt-oss-120b')):,}",
        "cross_next": f"{crossover(model('Qwen3-Next 80B-A3B')):,}",
        "equal_users": f"{equal_users(llama):.1f}",
        "memory_one": f"{memory_crossover(llama, 1):,}",
        "memory_32": f"{memory_crossover(llama, 32):,}",
        "floor_arithmetic": f"{arithmetic:.2f} ms",
        "floor_memory": f"{memory:.1f} ms",
        "growth_8b": f"{growth('Llama 3 8B', LONG):.1f}",
        "growth_405b": f"{growth('Llama 3 405B', LONG):.1f}",
    }


if __name__ == "__main__":
    example_flops()
    example_time()
