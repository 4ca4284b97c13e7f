"""Where memory goes: what one transformer layer keeps for the backward pass."""

from __future__ import annotations

from functools import partial


# --8<-- [start:layer]
def activation_bytes(
    seq: int, batch: int, hidden: int, heads: int, tensor: int = 1, sharded: bool = False,
    keep: str = "all",
) -> float:  # fmt: skip
    """Bytes that one layer saves in 16-bit training, on each of `tensor` devices.

    Args:
        seq: Tokens of a sequence, s.
        batch: Sequences, b.
        hidden: Width, h.
        heads: Attention heads, a.
        tensor: Degree of tensor parallelism, t.
        sharded: Whether the rest is split too, along the sequence (sequence parallelism).
        keep: "all"; "selective", all but the s x s part of attention; "input" of the layer alone.

    Source: Korthikanti et al. 2022, table 2.
    """
    sbh = seq * batch * hidden
    if keep == "input":
        return 2 * sbh
    squares = (
        0 if keep == "selective" else 5 * heads * seq / hidden
    )  # softmax, mask, dropout
    whole = 10 / tensor if sharded else 10  # layer norms, dropout masks, two inputs
    return sbh * (whole + (24 + squares) / tensor)


# --8<-- [end:layer]


def selective_overhead(seq: int, hidden: int) -> float:
    """FLOPs of the hardware over FLOPs of the model when only the s x s part is recomputed.

    Source: Korthikanti et al. 2022, equation 9.
    """
    return 1 + seq / (6 * hidden)


def throughput_gain(before_s: float, after_s: float) -> float:
    """How much more work a second holds when a step takes `after_s` instead of `before_s`."""
    return before_s / after_s - 1


def output_pipeline_bytes(
    seq: int, batch: int, hidden: int, stages: int, width: float = 2
) -> float:
    """Bytes of the outputs that the first pipeline stage need not keep: one per micro-batch in flight."""
    return seq * batch * hidden * stages * width


def example_gpt3() -> None:
    """One layer of GPT-3, one sequence of 2,048 tokens."""
    layer = partial(activation_bytes, 2048, 1, 12288, 96)
    rows = {
        "no parallelism": layer(),
        "tensor 8": layer(tensor=8),
        "tensor 8, sequence": layer(tensor=8, sharded=True),
        "tensor 8, sequence, selective": layer(tensor=8, sharded=True, keep="selective"),
        "only the input, whole": layer(tensor=8, keep="input"),
    }
    print(f"{'GPT-3, per layer and GPU':30s}{'MB':>8s}{'96 layers, GB':>15s}")
    for name, size in rows.items():
        print(f"{name:30s}{size / 1e6:8.0f}{96 * size / 1e9:15.1f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about activations."""
    gpt3 = activation_bytes(2048, 1, 12288, 96)
    return {
        "layer": f"{gpt3 / 1e9:.2f} GB",
        "squares": f"{5 * 96 * 2048 / 12288:.0f}",
        "squares_share": f"{1 - activation_bytes(2048, 1, 12288, 96, keep='selective') / gpt3:.0%}",
        "overhead": f"{selective_overhead(2048, 12288) - 1:.1%}",
        "gain_22b": f"{throughput_gain(1.42, 1.10):.0%}",
        "gain_530b": f"{throughput_gain(49.05, 37.83):.1%}",
        "even": f"{34 * 12288 / (5 * 96):,.0f}",
    }


if __name__ == "__main__":
    example_gpt3()
