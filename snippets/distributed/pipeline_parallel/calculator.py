"""Pipeline parallelism: the drawing of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.distributed.pipeline_parallel.cost import idle_share, most_held, orders
from snippets.distributed.pipeline_parallel.schedules import play

NAMES = {"F": "forward", "B": "backward", "I": "of inputs", "W": "of weights"}


def pipeline(
    schedule: Literal["GPipe", "1F1B", "interleaved", "zero bubble"] = "1F1B",
    ranks: Annotated[int, "", (2, 16)] = 4,
    micro_batches: Annotated[int, "", (1, 64)] = 8,
    chunks: Annotated[int, "per rank", (2, 4)] = 2,
    *,
    forward: Annotated[float, "ms", (0.01, 10_000.0)] = 10.0,
    backward: Annotated[float, "ms", (0.01, 10_000.0)] = 20.0,
) -> dict[str, object]:
    """Where does a pipeline wait, and what does it hold?

    Args:
        schedule: Pipeline schedule. In which order a rank takes up its work.
        ranks: Ranks of the pipeline, $n$.
        micro_batches: Micro-batches, $m$. Interleaving needs a multiple of the ranks.
        chunks: Stages of the model, $v$. Used by the interleaved schedule.
        forward: Forward pass of a rank. One micro-batch through all of its layers.
        backward: Backward pass of a rank. The split halves take half of it each.
    """
    v = chunks if schedule == "interleaved" else 1
    if v > 1 and micro_batches % ranks:
        raise ValueError(
            f"interleaving needs a multiple of {ranks} micro-batches, not {micro_batches}."
        )
    seconds = {"F": forward / v, "B": backward / v, "I": backward / 2, "W": backward / 2}
    lists = orders(schedule, ranks, micro_batches, chunks)
    spans = play(lists, seconds)
    end = max(lane[-1].end for lane in spans)
    idle = idle_share(spans)
    lanes = {
        f"rank {rank}": [
            (round(s.start, 6), round(s.end, 6), f"{s.action.kind}{s.action.micro}")
            for s in lane
        ]
        for rank, lane in enumerate(spans)
    }
    held = [most_held(order, v) for order in lists]
    return {
        "idle time (bubble)": f"{idle:.1%} of the working time",
        "a step takes": f"{end:,.1f} ms",
        "without a bubble": f"{micro_batches * (forward + backward):,.1f} ms",
        "time that ranks work": f"{1 / (1 + idle):.1%}",
        "activations held, first and last rank": f"{held[0]:g} and {held[-1]:g} micro-batches",
        "timeline": {"unit": "ms", "lanes": lanes, "names": NAMES},
        "unused": [] if schedule == "interleaved" else ["chunks"],
    }  # fmt: skip
