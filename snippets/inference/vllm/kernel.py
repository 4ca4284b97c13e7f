"""vLLM's own attention kernel for processors, against the function of this page."""
# /// fieldguide
# environment = "vllm"
# timeout_s = 120
# memory_mb = 4000
# ///

from __future__ import annotations

import random
from collections import OrderedDict

import torch
from torch import Tensor
from vllm import _custom_ops as ops
from vllm.platforms import current_platform
from vllm.v1.attention.backends.cpu_attn import _get_attn_isa

from snippets.inference.vllm.attention import Memory, paged_attention
from snippets.inference.vllm.blocks import BlockPool, Table

current_platform.import_kernels()
BLOCK = 32


# --8<-- [start:kernel]
def kernel(
    q: list[Tensor], k: list[Tensor], v: list[Tensor], tables: list[Table], blocks: int
) -> Tensor:
    """One call of vLLM for a batch: `q[i]`, `[T, H, D]`, are the last of `k[i]`, `v[i]`, `[S, K, D]`."""
    heads, (kv_heads, width) = q[0].shape[1], k[0].shape[1:]
    isa = _get_attn_isa(torch.float32, BLOCK, width)
    # [blocks, kv heads, BLOCK keys and then BLOCK values, D]
    keys, values = torch.zeros(blocks, kv_heads, 2 * BLOCK, width).chunk(2, dim=2)
    slots = [
        t.blocks[i // BLOCK] * BLOCK + i % BLOCK for t in tables for i in range(t.length)
    ]
    ops.cpu_attn_reshape_and_cache(
        torch.cat(k), torch.cat(v), keys, values, torch.tensor(slots), isa
    )
    most = max(len(table.blocks) for table in tables)
    rows = [table.blocks + [0] * (most - len(table.blocks)) for table in tables]
    starts = torch.tensor([0, *(len(x) for x in q)]).cumsum(0, dtype=torch.int32)
    lengths = torch.tensor([table.length for table in tables], dtype=torch.int32)
    plan = ops.cpu_attn_get_scheduler_metadata(
        len(q), heads, kv_heads, width, lengths, torch.float32, starts, True, -1, isa, True
    )
    out = torch.empty_like(queries := torch.cat(q))
    ops.cpu_attention_with_kv_cache(
        queries, keys, values, out, starts, lengths, width**-0.5, True, None, -1,
        torch.tensor(rows, dtype=torch.int32), 0.0, plan, None,
    )  # fmt: skip
    return out


# --8<-- [end:kernel]


def difference(
    shapes: list[tuple[int, int]], heads: int, kv_heads: int, width: int, seed: int
) -> float:
    """Largest difference between vLLM and this page; `shapes` is (tokens, of which new)."""
    torch.manual_seed(seed)
    blocks = sum(tokens // BLOCK + 1 for tokens, _ in shapes)
    pool = BlockPool(blocks, BLOCK)
    memory = Memory(pool, kv_heads, width)
    pool.free = OrderedDict.fromkeys(torch.randperm(blocks).tolist())
    tables = [Table() for _ in shapes]
    k, v = (
        [torch.randn(tokens, kv_heads, width) for tokens, _ in shapes] for _ in range(2)
    )
    q = [torch.randn(new, heads, width) for _, new in shapes]
    for table, key, value in zip(tables, k, v, strict=True):
        memory.write(pool, table, key, value)
    ours = [paged_attention(x, memory, table) for x, table in zip(q, tables, strict=True)]
    return float((kernel(q, k, v, tables, blocks) - torch.cat(ours)).abs().max())


def random_batch(draw: random.Random) -> tuple[list[tuple[int, int]], int, int, int]:
    """Up to five sequences of up to 100 tokens, heads, key/value heads and width, at random."""
    sizes = [draw.randint(1, 100) for _ in range(draw.randint(1, 5))]
    shapes = [(n, draw.choice([1, n, draw.randint(1, n)])) for n in sizes]
    kv_heads = draw.choice([1, 2, 4])
    return shapes, kv_heads * draw.choice([1, 2, 4]), kv_heads, draw.choice([64, 128])


def example_kernel() -> None:
    """Batches that mix prompts and decoding, in blocks of 32, and twelve drawn at random."""
    mixed = [(1, 1), (33, 1), (64, 64), (100, 7), (200, 1)]
    print(f"{'batch (tokens, new)':46s}{'heads':>7s}{'kv':>4s}{'equal':>7s}")
    for shapes, heads, kv_heads in (
        ([(96, 1)] * 3, 4, 4),
        ([(96, 96)], 4, 1),
        (mixed, 8, 2),
    ):
        equal = difference(shapes, heads, kv_heads, 64, seed=1) < 1e-4
        print(f"{shapes!s:48s}{heads:5d}{kv_heads:4d}{equal!s:>7s}")
    draw = random.Random(0)
    worst = max(difference(*random_batch(draw), seed) for seed in range(12))
    print(f"{'twelve at random':57s}{worst < 1e-4!s:>7s}")


if __name__ == "__main__":
    example_kernel()
