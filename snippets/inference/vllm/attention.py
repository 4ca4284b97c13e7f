"""vLLM: attention over keys and values that lie in blocks, in any order."""

from __future__ import annotations

from collections import OrderedDict

import torch
from torch import Tensor

from snippets.inference.vllm.blocks import BlockPool, Table, append, fork


class Memory:
    """All blocks of one layer: [blocks, kv heads, size, D]."""

    def __init__(self, pool: BlockPool, heads: int, width: int) -> None:
        # Not zeros: whoever reads a token that was never written must see it.
        shape = (len(pool.users), heads, pool.size, width)
        self.keys, self.values = torch.full(shape, torch.nan), torch.full(shape, torch.nan)

    def write(self, pool: BlockPool, table: Table, k: Tensor, v: Tensor) -> None:
        """Append tokens to a sequence; k, v [T, K, D]."""
        for key, value in zip(k, v, strict=True):
            if copy := append(pool, table):
                for store in (self.keys, self.values):
                    store[copy[1]] = store[copy[0]]
            block, offset = table.blocks[-1], (table.length - 1) % pool.size
            self.keys[block, :, offset] = key
            self.values[block, :, offset] = value


# --8<-- [start:attend]
def paged_attention(q: Tensor, memory: Memory, table: Table) -> Tensor:
    """Causal attention of a sequence's last T tokens over all of it; q [T, H, D].

    Block by block, with the running maximum and sum of the online softmax: no block is
    ever copied next to another.
    """
    steps, heads, width = q.shape
    _, kv_heads, size, _ = memory.keys.shape
    group = heads // kv_heads
    q = q.transpose(0, 1) / width**0.5  # [H, T, D]
    position = torch.arange(table.length - steps, table.length)[:, None]  # [T, 1]
    top = torch.full((heads, steps, 1), -torch.inf)
    total, out = torch.zeros(heads, steps, 1), torch.zeros(heads, steps, width)
    for index, block in enumerate(table.blocks):
        filled = min(size, table.length - index * size)
        k = memory.keys[block, :, :filled].repeat_interleave(group, 0)  # [H, filled, D]
        v = memory.values[block, :, :filled].repeat_interleave(group, 0)
        future = index * size + torch.arange(filled) > position  # [T, filled]
        score = (q @ k.transpose(1, 2)).masked_fill(future, -torch.inf)  # [H, T, filled]
        new = torch.maximum(top, score.amax(-1, keepdim=True))
        shrink, weight = torch.exp(top - new), torch.exp(score - new)
        total = total * shrink + weight.sum(-1, keepdim=True)
        out = out * shrink + weight @ v
        top = new
    return (out / total).transpose(0, 1)  # [T, H, D]


# --8<-- [end:attend]


def example_same() -> None:
    """Two answers to one prompt, in shared and scattered blocks, against PyTorch."""
    torch.manual_seed(0)
    pool, first = BlockPool(16), Table()
    memory = Memory(pool, heads=2, width=8)
    pool.free = OrderedDict.fromkeys(torch.randperm(16).tolist())  # blocks in no order
    prompt, *answers = (torch.randn(2, n, 2, 8) for n in (40, 30, 5))  # keys and values
    memory.write(pool, first, *prompt)
    tables = [first, fork(pool, first)]
    for token in range(30):  # the two take turns, as in a batch
        for table, answer in zip(tables, answers, strict=True):
            memory.write(pool, table, *answer[:, token : token + 1])
    for table, answer in zip(tables, answers, strict=True):
        k, v = torch.cat([prompt, answer], 1).transpose(1, 2)  # [K, S, D]
        q = torch.randn(1, 4, 8)
        right = torch.nn.functional.scaled_dot_product_attention(
            q.transpose(0, 1), k, v, enable_gqa=True
        ).transpose(0, 1)
        error = float((paged_attention(q, memory, table) - right).abs().max())
        print(f"{table.length} tokens in {table.blocks!s:22s} equal: {error < 1e-5}")
    print(f"blocks in use: {16 - len(pool.free)}")


if __name__ == "__main__":
    example_same()
