"""Case studies: the calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated


def reduction(
    context: Annotated[int, "tokens", (1, 4_000_000)] = 4096,
    heads_after: Annotated[int, "", (1, 256)] = 1,
    sharing: Annotated[float, "layers", (1.0, 16.0)] = 2.0,
    one_global_in: Annotated[int, "layers", (1, 64)] = 6,
    window: Annotated[int, "tokens", (1, 1_000_000)] = 1024,
    bits_after: Annotated[float, "bits", (1.0, 32.0)] = 8.0,
    *,
    heads_before: Annotated[int, "", (1, 256)] = 8,
    bits_before: Annotated[float, "bits", (1.0, 32.0)] = 16.0,
    layers: Annotated[int, "", (1, 256)] = 80,
    head_dim: Annotated[int, "", (8, 1024)] = 128,
) -> dict[str, object]:
    """How many times smaller does the cache become, and by which of four means?

    Args:
        context: Length of the context, $S$. Tokens of one sequence.
        heads_after: Key/value heads afterwards. 1 is multi-query attention.
        sharing: Neighbors that use one cache.
        one_global_in: Spacing of full attention. One layer in so many attends to everything; 1
            for no windows.
        window: Window of the other layers, $S_w$.
        bits_after: Cached number afterwards. Scales included.
        heads_before: Key/value heads before, $K$.
        bits_before: Cached number before.
        layers: Decoder layers, $L$.
        head_dim: Width of a head, $d$.
    """
    if heads_after > heads_before or bits_after > bits_before:
        raise ValueError("afterwards there can be no more heads or bits than before.")

    share = 1 / one_global_in
    windows = 1 / (share + (1 - share) * min(context, window) / context)
    fixed = heads_before / heads_after * sharing * bits_before / bits_after
    before = 2 * layers * heads_before * head_dim * bits_before / 8 * context / 1e9
    steps = {
        "heads": heads_before / heads_after,
        "layers": sharing,
        "windows": windows,
        "bits": bits_before / bits_after,
    }
    left, bars = before, {"before": before}
    for name, factor in steps.items():
        left /= factor
        bars[f"{name} ÷ {factor:.2f}"] = left
    return {
        f"smaller at {context:,} tokens": f"{before / left:.1f} times",
        "one sequence before": f"{before:.3g} GB",
        "one sequence afterwards": f"{left:.3g} GB",
        "whatever the context": f"{fixed:.1f} times",
        "at any length, at most": f"{fixed * one_global_in:.1f} times",
        "bars": {"unit": "GB", "values": bars},
        "unused": ["window"] if one_global_in == 1 else [],
    }


def day(
    inputs: Annotated[float, "billion tokens", (0.001, 1e6)] = 608.0,
    outputs: Annotated[float, "billion tokens", (0.001, 1e6)] = 168.0,
    hits: Annotated[float, "%", (0.0, 100.0)] = 56.25,
    rent: Annotated[float, "dollars/hour", (0.01, 1000.0)] = 16.0,
    busy: Annotated[float, "%", (1.0, 100.0)] = 100.0,
    *,
    prefill: Annotated[int, "tokens/s", (1, 10_000_000)] = 73_700,
    decode: Annotated[int, "tokens/s", (1, 10_000_000)] = 14_800,
    price_hit: Annotated[float, "dollars/million", (0.0, 1000.0)] = 0.14,
    price_miss: Annotated[float, "dollars/million", (0.0, 1000.0)] = 0.55,
    price_output: Annotated[float, "dollars/million", (0.0, 1000.0)] = 2.19,
) -> dict[str, object]:
    """What would your day of traffic cost at DeepSeek's published speed, and what would it earn?

    Args:
        inputs: Prompts of a day.
        outputs: Replies of a day.
        hits: Prompt tokens found in a cache.
        rent: Rent of a node.
        busy: Paid time at full speed.
        prefill: Prompt speed of a node. Hits included.
        decode: Reply speed of a node.
        price_hit: Price of cached prompt tokens.
        price_miss: Price of other prompt tokens.
        price_output: Price of reply tokens.
    """
    pools = [
        n * 1e9 / 86_400 / speed / (busy / 100)
        for n, speed in ((inputs, prefill), (outputs, decode))
    ]
    bills = [nodes * 24 * rent for nodes in pools]
    share = hits / 100
    sales = 1000 * (
        inputs * (share * price_hit + (1 - share) * price_miss) + outputs * price_output
    )
    bill = sum(bills)
    return {
        "cost of the day": f"{bill:,.0f} dollars",
        "nodes": f"{pools[0]:,.1f} for prompts, {pools[1]:,.1f} for replies",
        "a million prompt tokens cost": f"{bills[0] / inputs / 10:.3g} cents",
        "a million reply tokens cost": f"{bills[1] / outputs / 10:.3g} cents",
        "revenue at these prices": f"{sales:,.0f} dollars",
        "profit over cost": f"{sales / bill - 1:,.0%}",
        "profit over revenue": f"{1 - bill / sales:,.0%}" if sales else "none",
        "bars": {
            "unit": "USD",
            "values": {"prompts": bills[0], "replies": bills[1], "revenue": sales},
        },
        "unused": ["price_hit"] if hits == 0 else ["price_miss"] if hits == 100 else [],
    }
