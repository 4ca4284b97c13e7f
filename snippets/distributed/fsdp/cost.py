"""FSDP: what each stage of sharding sends, and when the links are the limit. Standard library only."""

from __future__ import annotations

from snippets.distributed.collectives.cost import bus_factor
from snippets.distributed.memory.recipes import RECIPES, zero_bytes
from snippets.shapes.accelerators import ACCELERATORS, MACHINES
from snippets.shapes.models import MODELS, layer_params, parameters

LLAMA3 = MODELS["Llama 3 8B"]
LLAMA3_8B, SEVENTY_BILLION = parameters(LLAMA3), 70e9
RECIPE = RECIPES["mixed, 16-bit grads"]
STAGES = ("DDP", "ZeRO 1", "ZeRO 2", "ZeRO 3")
DDP, ZERO_3 = 0, 3
ALONE, NODE, CLUSTER = 1, 8, 64  # ranks
ONE, MANY = 1, 16  # micro-batches
FP32 = 4  # bytes


# `params` are the model's, `micros` the micro-batches of a step, `weight` and `grad` bytes of a
# number on the wire. Stage 0 is DDP; ZeRO's 1 shards the optimizer, 2 also gradients, 3 also
# weights. Source: Rajbhandari et al. 2020, section VII, for one micro-batch: 2N, and 3N at stage 3.
# --8<-- [start:sent]
def sent_bytes(
    params: float,
    ranks: int,
    stage: int,
    micros: int = 1,
    weight: float = 2,
    grad: float = 2,
) -> float:
    """Bytes that a rank sends in one step."""
    scatter = bus_factor("reduce_scatter", ranks) * grad * params
    gather = bus_factor("all_gather", ranks) * weight * params
    return {
        0: 2 * scatter,  # an all-reduce after the last micro-batch (no_sync)
        1: scatter + gather,
        2: micros * scatter + gather,
        3: micros * (scatter + 2 * gather),
    }[stage]


# --8<-- [end:sent]


# `rate` in FLOP/s and `link` in bytes/s, one way. A parameter costs 2 FLOPs a token forward and 4
# backward; it is gathered in each pass, and its gradient reduced in the backward pass.
# --8<-- [start:tokens]
def tokens_needed(
    rate: float, link: float, weight: float = 2, grad: float = 2
) -> tuple[float, float]:
    """Tokens per rank and micro-batch that hide the messages of both passes."""
    forward = weight * rate / (2 * link)
    backward = (weight + grad) * rate / (4 * link)
    return forward, backward


# --8<-- [end:tokens]


def states_gb(params: float, ranks: int, stage: int) -> float:
    """GB of weights, gradients and optimizer on a rank, with gradients of 16 bits."""
    return zero_bytes(params, ranks, stage, RECIPE) / 1e9


def sent_gb(params: float, ranks: int, stage: int, micros: int = 1) -> float:
    """GB that a rank sends in one step, in bf16."""
    return sent_bytes(params, ranks, stage, micros) / 1e9


def dearer(micros: int) -> float:
    """How many times the bytes of DDP, reduced after the last micro-batch, stage 3 sends."""
    return sent_bytes(1, NODE, ZERO_3, micros) / sent_bytes(1, NODE, DDP, micros)


def block_gb() -> float:
    """GB of a block of Llama 3 8B in bf16."""
    dense, _ = layer_params(LLAMA3, 0)
    return 2 * dense / 1e9


def ends_gb() -> float:
    """GB of what is no block: embedding, output layer and the last norm."""
    return 2 * LLAMA3_8B / 1e9 - LLAMA3.layers * block_gb()


def links(chip: str) -> dict[str, float]:
    """GB/s to the other ranks: of a GPU in its node, of the eight network cards of an H100's node."""
    h100 = MACHINES["H100"]
    return {"node": ACCELERATORS[chip].link_gb_s, "8 NICs": h100.node * h100.network_gb_s}


def hidden(chip: str, where: str, grad: float = 2) -> tuple[float, float]:
    """Tokens that hide the messages of both passes, for a chip and its links."""
    return tokens_needed(
        ACCELERATORS[chip].bf16_tflops * 1e12, links(chip)[where] * 1e9, grad=grad
    )


def example_sent() -> None:
    """Llama 3 8B on 8 GPUs: memory and bytes of each stage."""
    print(
        f"{'GB per GPU':24s}{'states':>7s}{'sent, 1 micro-batch':>21s}{'4':>7s}{'16':>8s}"
    )
    for stage, name in enumerate(STAGES):
        held = states_gb(LLAMA3_8B, NODE, stage)
        sent = [sent_gb(LLAMA3_8B, NODE, stage, micros) for micros in (1, 4, 16)]
        name += " = FSDP" if stage == ZERO_3 else ""
        print(f"{name:24s}{held:7.1f}{sent[0]:21.1f}{sent[1]:7.1f}{sent[2]:8.1f}")


def example_tokens() -> None:
    """Tokens per GPU that hide the messages, in a node and across nodes."""
    print(f"{'':7s}{'':17s}{'forward':>8s}{'backward':>10s}{'fp32 reduced':>14s}")
    for name in ("H100", "B200"):
        for where, link in links(name).items():
            forward, backward = hidden(name, where)
            _, exact = hidden(name, where, FP32)
            print(
                f"{name:7s}{where:8s}{link:4.0f} GB/s{forward:8,.0f}{backward:10,.0f}{exact:14,.0f}"
            )


def facts() -> dict[str, str]:
    """Numbers that the page states about cost."""
    in_node, _ = hidden("H100", "node")
    across, _ = hidden("H100", "8 NICs")
    b200, _ = hidden("B200", "8 NICs")
    _, exact = hidden("H100", "8 NICs", FP32)
    return {
        "states_1": f"{states_gb(LLAMA3_8B, ALONE, DDP):.0f} GB",
        "states_8": f"{states_gb(LLAMA3_8B, NODE, ZERO_3):.1f} GB",
        "states_70": f"{states_gb(SEVENTY_BILLION, ALONE, DDP):,.0f} GB",
        "states_70_64": f"{states_gb(SEVENTY_BILLION, CLUSTER, ZERO_3):.1f} GB",
        "sent_ddp": f"{sent_gb(LLAMA3_8B, NODE, DDP):.1f} GB",
        "sent_fsdp": f"{sent_gb(LLAMA3_8B, NODE, ZERO_3):.1f} GB",
        "block": f"{block_gb():.2f} GB",
        "ends": f"{ends_gb():.1f} GB",
        "tokens_node": f"{in_node:,.0f}",
        "tokens_network": f"{across:,.0f}",
        "tokens_b200": f"{b200:,.0f}",
        "tokens_fp32": f"{exact:,.0f}",
        "ratio_default": f"{dearer(ONE):.1f}",
        "ratio_16": f"{dearer(MANY):.0f}",
    }


if __name__ == "__main__":
    example_sent()
    example_tokens()
