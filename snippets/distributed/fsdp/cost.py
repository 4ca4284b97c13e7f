"""FSDP: what each stage of sharding sends, and when the links are the limit. Standard library only."""

from __future__ import annotations

from snippets.distributed.collectives.cost import bus_factor
from snippets.distributed.memory.recipes import RECIPES, zero_bytes
from snippets.shapes.accelerators import ACCELERATORS

LLAMA3_8B = 8_030_261_248
BLOCK = (
    2 * 4096 * (4096 + 1024) + 3 * 4096 * 14_336
)  # attention with 8 key heads of 128, MLP


# --8<-- [start:sent]
def sent_bytes(
    params: float,
    ranks: int,
    stage: int,
    micros: int = 1,
    gathered: float = 2,
    reduced: float = 2,
) -> float:
    """What a rank sends in one step of `micros` micro-batches.

    Args:
        params: Of the model.
        ranks: Over which it is replicated (stage 0) or sharded.
        stage: 1 shards the optimizer, 2 also gradients, 3 also weights.
        micros: Micro-batches of a step.
        gathered: Bytes of a weight on the wire.
        reduced: Bytes of a gradient on the wire.

    Source: Rajbhandari et al. 2020, section VII, for one
    micro-batch: 2Ψ, and 3Ψ with sharded weights.
    """
    scatter = bus_factor("reduce_scatter", ranks) * reduced * params
    gather = bus_factor("all_gather", ranks) * gathered * params
    return {
        0: 2 * scatter,  # an all-reduce after the last micro-batch (no_sync)
        1: scatter + gather,
        2: micros * scatter + gather,
        3: micros * (scatter + 2 * gather),
    }[stage]


# --8<-- [end:sent]


# --8<-- [start:tokens]
def tokens_needed(
    flops: float, bandwidth: float, gathered: float = 2, reduced: float = 2
) -> tuple[float, float]:
    """Tokens per accelerator and micro-batch above which arithmetic hides FSDP's messages.

    Returns:
        For the forward pass, 2 FLOPs per parameter and token against one gather, and for the
        backward pass, 4 against a gather and a reduce-scatter.
    """
    forward = gathered * flops / (2 * bandwidth)
    backward = (gathered + reduced) * flops / (4 * bandwidth)
    return forward, backward


# --8<-- [end:tokens]


def example_sent() -> None:
    """Llama 3 8B on 8 GPUs: memory and bytes of each stage."""
    recipe = RECIPES["mixed, 16-bit grads"]
    print(
        f"{'GB per GPU':24s}{'states':>7s}{'sent, 1 micro-batch':>21s}{'4':>7s}{'16':>8s}"
    )
    for stage, name in enumerate(("DDP", "ZeRO 1", "ZeRO 2", "ZeRO 3 = FSDP")):
        held = zero_bytes(LLAMA3_8B, 8, stage, recipe) / 1e9
        sent = [sent_bytes(LLAMA3_8B, 8, stage, m) / 1e9 for m in (1, 4, 16)]
        print(f"{name:24s}{held:7.1f}{sent[0]:21.1f}{sent[1]:7.1f}{sent[2]:8.1f}")


def example_tokens() -> None:
    """Tokens per GPU that hide the messages, in a node and across nodes."""
    print(f"{'':7s}{'':17s}{'forward':>8s}{'backward':>10s}{'fp32 reduced':>14s}")
    for name in ("H100", "B200"):
        chip = ACCELERATORS[name]
        for where, link in (("node", chip.link_gb_s), ("8 NICs", 400.0)):
            rates = (chip.bf16_tflops * 1e12, link * 1e9)
            forward, backward = tokens_needed(*rates)
            _, exact = tokens_needed(*rates, reduced=4)
            print(
                f"{name:7s}{where:8s}{link:4.0f} GB/s{forward:8,.0f}{backward:10,.0f}{exact:14,.0f}"
            )


def facts() -> dict[str, str]:
    """Numbers that the page states about cost."""
    h100, b200 = ACCELERATORS["H100"], ACCELERATORS["B200"]
    recipe = RECIPES["mixed, 16-bit grads"]
    return {
        "states_1": f"{zero_bytes(LLAMA3_8B, 1, 0, recipe) / 1e9:.0f} GB",
        "states_8": f"{zero_bytes(LLAMA3_8B, 8, 3, recipe) / 1e9:.1f} GB",
        "states_70": f"{zero_bytes(70e9, 1, 0, recipe) / 1e9:,.0f} GB",
        "states_70_64": f"{zero_bytes(70e9, 64, 3, recipe) / 1e9:.1f} GB",
        "sent_ddp": f"{sent_bytes(LLAMA3_8B, 8, 0) / 1e9:.1f} GB",
        "sent_fsdp": f"{sent_bytes(LLAMA3_8B, 8, 3) / 1e9:.1f} GB",
        "block": f"{2 * BLOCK / 1e9:.2f} GB",
        "ends": f"{2 * (LLAMA3_8B - 32 * BLOCK) / 1e9:.1f} GB",
        "tokens_node": f"{tokens_needed(h100.bf16_tflops * 1e12, h100.link_gb_s * 1e9)[0]:,.0f}",
        "tokens_network": f"{tokens_needed(h100.bf16_tflops * 1e12, 400e9)[0]:,.0f}",
        "tokens_b200": f"{tokens_needed(b200.bf16_tflops * 1e12, 400e9)[0]:,.0f}",
        "tokens_fp32": f"{tokens_needed(h100.bf16_tflops * 1e12, 400e9, reduced=4)[1]:,.0f}",
        "ratio_default": f"{sent_bytes(1, 8, 3) / sent_bytes(1, 8, 0):.1f}",
        "ratio_16": f"{sent_bytes(1, 8, 3, 16) / sent_bytes(1, 8, 0, 16):.0f}",
    }


if __name__ == "__main__":
    example_sent()
    example_tokens()
