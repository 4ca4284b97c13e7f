"""Prefix caching: which blocks of a prompt have been computed before."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Sequence

BLOCK = 16


# The parent's hash stands for the whole prefix, so that equal names mean equal keys and values;
# the salt separates what else the values depend on: tenants, adapters, images.
# Source: vLLM, "Automatic Prefix Caching".
# --8<-- [start:chain]
def block_hashes(tokens: Sequence[int], block: int = BLOCK, salt: str = "") -> list[str]:
    """Name every full block by its tokens *and* everything before them."""
    names, parent = [], salt
    for start in range(0, len(tokens) - len(tokens) % block, block):
        content = f"{parent}|{','.join(map(str, tokens[start : start + block]))}"
        parent = hashlib.sha256(content.encode()).hexdigest()
        names.append(parent)
    return names


# --8<-- [end:chain]


# --8<-- [start:match]
def cached_tokens(known: set[str], names: Sequence[str], block: int = BLOCK) -> int:
    """Tokens at the start of a prompt whose blocks are all in the cache."""
    hits = 0
    for name in names:
        if name not in known:
            break
        hits += block
    return hits


# --8<-- [end:match]


def prompts(users: int = 200, system: int = 1000) -> list[list[int]]:
    """Prompts that share a system message and end in a question of their own."""
    rng = random.Random(0)
    shared = [rng.randrange(32_000) for _ in range(system)]
    return [
        shared + [rng.randrange(32_000) for _ in range(rng.randint(50, 400))]
        for _ in range(users)
    ]


def example_shared() -> None:
    """200 prompts behind one system message of 1,000 tokens, for four sizes of block."""
    requests = prompts()
    total = sum(map(len, requests))
    print(f"{'block':>5s}{'reused per hit':>16s}{'prefill saved':>15s}")
    for block in (1, 16, 64, 256):
        known: set[str] = set()
        hits = []
        for tokens in requests:
            names = block_hashes(tokens, block)
            hits.append(cached_tokens(known, names, block))
            known.update(names)
        print(f"{block:5d}{max(hits):16,d}{sum(hits) / total:15.1%}")


# --8<-- [start:orphan]
def orphan_hashes(tokens: Sequence[int], block: int = BLOCK) -> list[str]:
    """The mistake: a block is named by its own tokens alone."""
    starts = range(0, len(tokens) - len(tokens) % block, block)
    blocks = [str(tokens[start : start + block]) for start in starts]
    return [hashlib.sha256(content.encode()).hexdigest() for content in blocks]


def example_orphan() -> None:
    """Two documents in the other order; two tenants with the same prompt."""
    a, b = list(range(16)), list(range(100, 116))
    hit = cached_tokens({*orphan_hashes(a + b)}, orphan_hashes(b + a))
    print(f"b + a after a + b, tokens alone:  {hit:2d} tokens reused, 0 are right")
    hit = cached_tokens({*block_hashes(a + b)}, block_hashes(b + a))
    print(f"b + a after a + b, chained:       {hit:2d} tokens reused")
    hit = cached_tokens(
        {*block_hashes(a, salt="tenant 1")}, block_hashes(a, salt="tenant 2")
    )
    print(f"tenant 2 after tenant 1, salted:  {hit:2d} tokens reused")


# --8<-- [end:orphan]


def reused_by_the_next(requests: Sequence[Sequence[int]], block: int = BLOCK) -> int:
    """Tokens that the second request finds after the first."""
    first, second = (block_hashes(tokens, block) for tokens in requests[:2])
    return cached_tokens(set(first), second, block)


def facts() -> dict[str, str]:
    """Numbers that the page states about prefixes."""
    return {"system_reused": f"{reused_by_the_next(prompts())}"}


if __name__ == "__main__":
    example_shared()
    example_orphan()
