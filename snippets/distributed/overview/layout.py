"""Training planner: how a run is laid out over accelerators, and which of them are neighbors."""

from __future__ import annotations

from dataclasses import dataclass

from snippets.distributed.memory.recipes import RECIPES, Recipe

STATES = RECIPES | {"mixed, bf16 moments": Recipe(2, 4, 2 + 2 + 4)}


# --8<-- [start:layout]
@dataclass(frozen=True)
class Layout:
    """Degrees of parallelism, and what a step consists of."""

    tp: int = 1  # tensor, with sequence parallelism
    cp: int = 1  # context
    pp: int = 1  # pipeline
    dp: int = 1  # data: copies of what is not an expert
    ep: int = 1  # expert: out of the dp * cp ranks that would hold copies
    batch: int = 1  # sequences of a step, of all ranks together
    sequence: int = 8192
    micro: int = 1  # sequences of a micro-batch
    virtual: int = 1  # stages on each pipeline rank
    schedule: str = "1F1B"  # or "DualPipe": two copies, both ends
    zero: int = 1  # what the dp * cp ranks shard: optimizer, 2 gradients, 3 weights
    shard: int = 0  # over how many of them; 0 is all, fewer is hybrid sharding
    states: str = "mixed, fp32 grads"
    recompute: str = "elementwise"  # or "nothing", "layers"
    precision: str = "bf16"  # of matrix products, or "fp8"
    fused: bool = True  # attention keeps no square, and skips masked pairs
    routed_nodes: int = 0  # to how many nodes a token may be sent; 0 is any number
    # --8<-- [end:layout]

    @property
    def world(self) -> int:
        """Accelerators that the layout needs."""
        return self.tp * self.cp * self.pp * self.dp

    @property
    def micros(self) -> int:
        """Micro-batches of a step, on each replica."""
        return self.batch // (self.dp * self.micro)

    @property
    def tokens(self) -> int:
        """Tokens of a micro-batch on each rank of its replica, before tensor parallelism."""
        return self.micro * self.sequence // self.cp
