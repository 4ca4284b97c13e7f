"""Context parallelism: who holds which tokens, and how much causal attention that makes."""

from __future__ import annotations

from collections.abc import Sequence


# --8<-- [start:split]
def positions(split: str, rank: int, ranks: int, tokens: int) -> list[int]:
    """Which tokens of the sequence a rank holds, in the order in which it holds them.

    Source: Liu et al. 2023 (contiguous); Brandon et al. 2023 (striped); Llama Team 2024,
    section 3.3.2 (zigzag: of 2n chunks, the r-th from the front and the r-th from the end).
    """
    if split == "contiguous":
        return list(range(tokens * rank // ranks, tokens * (rank + 1) // ranks))
    if split == "striped":
        return list(range(rank, tokens, ranks))
    chunk, last = tokens // (2 * ranks), 2 * ranks - 1 - rank
    return [
        *range(chunk * rank, chunk * (rank + 1)),
        *range(chunk * last, chunk * (last + 1)),
    ]


# --8<-- [end:split]


def pairs(queries: Sequence[int], keys: Sequence[int]) -> int:
    """Scores that causal attention needs: pairs in which the key does not come later."""
    return sum(key <= query for query in queries for key in keys)


def work(split: str, ranks: int, tokens: int) -> list[list[int]]:
    """Pairs of each rank in each step of the ring: in step s it has the keys of rank r - s."""
    held = [positions(split, rank, ranks, tokens) for rank in range(ranks)]
    return [
        [pairs(held[rank], held[(rank - step) % ranks]) for step in range(ranks)]
        for rank in range(ranks)
    ]


def slowest(table: Sequence[Sequence[int]]) -> int:
    """Work on the critical path: in each step everybody waits for the busiest rank."""
    return sum(max(column) for column in zip(*table, strict=True))


def balance(split: str, ranks: int, tokens: int) -> float:
    """Share of the time in which the average rank computes, if transfers cost nothing."""
    table = work(split, ranks, tokens)
    return sum(map(sum, table)) / (ranks * slowest(table))


SPLITS = ("contiguous", "zigzag", "striped")


def example_work() -> None:
    """Pairs by rank and step, four ranks and 32 tokens."""
    tables = {split: work(split, 4, 32) for split in SPLITS}
    print("pairs    " + "".join(f"{split:24s}" for split in SPLITS))
    print("step     " + "     ".join("  0   1   2   3" + " " * 4 for _ in SPLITS))
    for rank in range(4):
        cells = ("".join(f"{pair:4d}" for pair in tables[s][rank]) for s in SPLITS)
        print(f"rank {rank}  " + "        ".join(cells))
    print("busy   " + "".join(f"{balance(s, 4, 32):>16.0%}{'':8s}" for s in SPLITS))


def facts() -> dict[str, str]:
    """Numbers that the page states about splits."""
    return {
        "busy_contiguous": f"{balance('contiguous', 16, 512):.0%}",
        "busy_eight": f"{balance('contiguous', 8, 512):.0%}",
        "striped_long": f"{balance('striped', 4, 256):.0%}",
    }


if __name__ == "__main__":
    example_work()
