"""FSDP: the calculators of the page. Standard library only, so that they also run in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.distributed.fsdp.cost import tokens_needed
from snippets.distributed.fsdp.peak import peak

NAMES = {"G": "gather", "F": "forward", "B": "backward", "R": "reduce"}
Span = tuple[float, float, str]


def play(
    units: int, gather: float, compute: float, ahead: int, keep: bool
) -> tuple[list[Span], list[Span]]:
    """What the link and the accelerator do in a step.

    A gather may start once the unit `ahead` + 1 places earlier has computed.
    """
    order = [(i, "F") for i in range(units)] + [(i, "B") for i in reversed(range(units))]
    link, work, reduces = list[Span](), list[Span](), list[tuple[float, int]]()
    for k, (unit, kind) in enumerate(order):
        asked = work[k - 1 - ahead][1] if k > ahead else 0.0
        while reduces and reduces[0][0] <= max(asked, ends(link)):
            send(link, *reduces.pop(0), gather, "R")
        here = kind == "B" and keep
        if not here:
            send(link, asked, unit, gather, "G")
        arrived = 0.0 if here else link[-1][1]
        start = max(arrived, ends(work))
        work.append((start, start + compute * (1 if kind == "F" else 2), f"{kind}{unit}"))
        if kind == "B":
            reduces.append((work[-1][1], unit))
    for ready, unit in reduces:
        send(link, ready, unit, gather, "R")
    return link, work


def ends(lane: list[Span]) -> float:
    """When it is free."""
    return lane[-1][1] if lane else 0.0


def send(link: list[Span], ready: float, unit: int, duration: float, kind: str) -> None:
    """One message, when it is ready and the link is free."""
    start = max(ready, ends(link))
    link.append((start, start + duration, f"{kind}{unit}"))


def overlap(
    units: Annotated[int, "", (1, 12)] = 4,
    gather: Annotated[float, "ms", (0.01, 1000.0)] = 0.8,
    compute: Annotated[float, "ms", (0.01, 1000.0)] = 1.0,
    ahead: Annotated[int, "units", (0, 8)] = 1,
    keep: bool = False,
) -> dict[str, object]:
    """How much of the messages is hidden?

    Args:
        units: Units of the model. Blocks that are gathered one by one.
        gather: Time to gather a unit. Reducing its gradients takes as long.
        compute: Forward pass of a unit. The backward pass takes twice as long.
        ahead: Prefetching. Units gathered before they are needed.
        keep: Weights stay after the forward pass. `reshard_after_forward=False`.
    """
    link, work = play(units, gather, compute, ahead, keep)
    total, busy = max(link[-1][1], work[-1][1]), 3 * units * compute
    held = units if keep else min(ahead + 1, units)
    return {
        "time of a step": f"{total:.1f} ms",
        "accelerator waits": f"{1 - busy / total:.0%}",
        "units in memory at once": f"{held} of {units}",
        "time of all messages": f"{sum(end - start for start, end, _ in link):.1f} ms",
        "timeline": {
            "unit": "ms",
            "lanes": {"link": link, "GPU": work},
            "names": NAMES,
        },
    }


def fsdp(
    params: Annotated[float, "billion", (0.01, 10_000.0)] = 8.03,
    gpus: Annotated[int, "", (1, 100_000)] = 64,
    shards: Annotated[int, "GPUs", (1, 100_000)] = 64,
    unit: Literal["block", "whole model"] = "block",
    micros: Annotated[int, "", (1, 1024)] = 1,
    tokens: Annotated[int, "per GPU", (1, 10_000_000)] = 8192,
    *,
    layers: Annotated[int, "", (1, 1000)] = 32,
    keep: bool = False,
    reduce: Literal["fp32", "bf16"] = "fp32",
    node: Annotated[int, "GPUs", (1, 1024)] = 8,
    tflops: Annotated[float, "TFLOP/s", (1.0, 100_000.0)] = 989.0,
    link: Annotated[float, "GB/s", (0.1, 10_000.0)] = 450.0,
    network: Annotated[float, "GB/s", (0.1, 10_000.0)] = 50.0,
) -> dict[str, object]:
    """How much memory does a GPU need, and do the links keep up?

    Args:
        params: Parameters, $N$.
        gpus: All GPUs. Each has its own data.
        shards: Shards of a copy, $n$. GPUs that share one copy of the model: all of them is
            FSDP, fewer is HSDP.
        unit: What is wrapped. Each block, or the whole model as one unit.
        micros: Micro-batches of a step, $m$. Each is gathered and reduced.
        tokens: Tokens of a micro-batch.
        layers: Blocks of equal size, $L$.
        keep: Weights stay after the forward pass. `reshard_after_forward=False`.
        reduce: Type of gradients on the wire. Weights travel in bf16.
        node: Size of a node. GPUs with fast links between them.
        tflops: Peak of a GPU, $F$.
        link: Bandwidth of a GPU in its node, one way.
        network: Bandwidth of a GPU across nodes, one way.
    """
    if gpus % shards:
        raise ValueError(f"{gpus} GPUs cannot be cut into groups of {shards}.")
    count, wide = params * 1e9, 4 if reduce == "fp32" else 2
    whole = unit == "whole model"
    size = count if whole else count / layers
    memory = peak(count, shards, size, grad=wide, kept=keep)
    share, copies = (shards - 1) / shards, gpus // shards
    gathers = 1 if keep or whole else 2
    inner = micros * share * (2 * gathers + wide) * count
    outer = micros * 2 * (copies - 1) / copies * wide * count / shards
    inside = shards <= node
    # a ring across nodes enters and leaves each by all of its cards
    rate = link if inside else min(link, network * min(node, gpus))
    seconds = {
        "arithmetic": 6 * count * tokens * micros / (tflops * 1e12),
        "shards": inner / (rate * 1e9),
        "copies": outer / ((link if gpus <= node else network) * 1e9),
    }
    apart = inside and gpus > node  # shards over the node's links, copies over the network
    slowest = (max if apart else sum)((seconds["shards"], seconds["copies"]))
    bound = "arithmetic" if seconds["arithmetic"] >= slowest else "links"
    least = max(tokens_needed(tflops * 1e12, rate * 1e9, 2, wide)) if shards > 1 else 0.0
    return {
        "memory of a GPU, before activations": f"{sum(memory.values()) / 1e9:,.1f} GB",
        "the limit is": f"{bound}: {seconds['arithmetic'] * 1e3:,.0f} ms of arithmetic, {slowest * 1e3:,.0f} ms of messages",
        "sent among shards": f"{inner / 1e9:,.1f} GB",
        "sent among copies": f"{outer / 1e9:,.2f} GB",
        "tokens that hide the shards": f"{least:,.0f} per GPU and micro-batch",
        "bars": {"unit": "GB", "values": {k: v / 1e9 for k, v in memory.items()}},
        "unused": ["layers"] if whole else [],
    }
