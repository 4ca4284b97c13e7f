"""vLLM: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated


def paged_memory(
    memory: Annotated[float, "GB", (0.001, 100_000.0)] = 73.4,
    prompt: Annotated[int, "tokens", (1, 1_000_000)] = 512,
    output: Annotated[int, "tokens", (1, 1_000_000)] = 256,
    longest: Annotated[int, "tokens", (2, 4_000_000)] = 8192,
    block: Annotated[int, "tokens", (1, 4096)] = 16,
    shared: Annotated[int, "tokens", (0, 1_000_000)] = 0,
    *,
    per_token: Annotated[float, "KiB", (0.1, 10_000.0)] = 320.0,
    spread: Annotated[float, "", (0.0, 10.0)] = 1.0,
) -> dict[str, object]:
    """How many requests run at once, and what would the other ways of reserving memory hold?

    Args:
        memory: Memory for keys and values. What is left beside weights and activations.
        prompt: Mean prompt, $S_\\text{in}$.
        output: Mean reply, $S_\\text{out}$.
        longest: Longest request allowed.
        block: Size of a block.
        shared: Common beginning of all prompts. Its full blocks are held once.
        per_token: Cache of one token, $m_\\text{kv}$.
        spread: Spread of the replies. Variance over their squared mean: 0 all equal, 1
            exponential. Long replies run longer and are met more often, so a running one will
            be 1 + spread means long, and is half done.
    """
    final = prompt + output * (1 + spread)  # of a request that runs, on average
    if final > longest:
        raise ValueError(
            f"a running request, {final:,.0f} tokens in the end, would exceed the {longest:,} allowed."
        )
    if shared > prompt:
        raise ValueError(f"{shared:,} shared tokens are more than the prompt's {prompt:,}.")
    slots = int(memory * 1e9 / (per_token * 1024))
    held = prompt + output * (1 + spread) / 2

    def paged(size: int) -> float:
        common = shared // size * size
        own = held - common + (size - 1) / 2  # the last block is half empty
        return max(0.0, (slots - common) / own)

    sizes = [2**i for i in range(11)]
    return {
        "requests at once": f"{int(paged(block)):,}",
        "tokens that one holds": f"{held:,.0f}",
        "tokens of cache": f"{slots:,}",
        "blocks": f"{slots // block:,}",
        "empty in last blocks": f"{(block - 1) / 2 / (held + (block - 1) / 2):.1%}",
        "if the final length were known": f"{int(slots / final):,}",
        "if the longest were reserved": f"{slots // longest:,}",
        "bars": {
            "unit": "requests",
            "values": {
                "paged": int(paged(block)),
                "final length": int(slots / final),
                "longest": slots // longest,
            },
        },
        "lines": {
            "x": "tokens of a block", "y": "requests at once", "log": "x",
            "series": {"paged": [(size, paged(size)) for size in sizes]},
            "points": {"yours": (block, paged(block))},
        },
    }  # fmt: skip
