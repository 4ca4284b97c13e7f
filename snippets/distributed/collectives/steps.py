"""Collectives: the ring as a list of steps, and who holds what after each of them."""

from __future__ import annotations

from typing import NamedTuple


# Source: Patarasuk and Yuan 2009, section 3
# --8<-- [start:ring]
class Step(NamedTuple):
    """What one rank does in one step of a ring: send one chunk, receive another."""

    send: int
    receive: int
    add: bool  # add what arrives to what is there, or replace it


def ring(rank: int, ranks: int) -> list[Step]:
    """One rank's steps of an all-reduce; there is a chunk for each rank."""
    half = range(ranks - 1)
    scatter = [((rank - s) % ranks, (rank - s - 1) % ranks, True) for s in half]
    gather = [((rank - s + 1) % ranks, (rank - s) % ranks, False) for s in half]
    return [Step(*step) for step in scatter + gather]


# --8<-- [end:ring]


def starts(ranks: int) -> int:
    """Messages of one rank, each begun when the one before has arrived."""
    return len(ring(0, ranks))


def held(ranks: int, steps: int) -> list[list[set[int]]]:
    """After so many steps, whose numbers are in the sum that a rank has of a chunk.

    Returns:
        One list per rank, with a set of ranks for each chunk.
    """
    now = [[{rank} for _ in range(ranks)] for rank in range(ranks)]
    for step in range(steps):
        moves = [ring(rank, ranks)[step] for rank in range(ranks)]
        arriving = [set(now[rank - 1][moves[rank].receive]) for rank in range(ranks)]
        for rank, (_, chunk, add) in enumerate(moves):
            now[rank][chunk] = now[rank][chunk] | arriving[rank] if add else arriving[rank]
    return now


def facts() -> dict[str, str]:
    """Numbers that the page states about the ring."""
    return {"steps_8": f"{starts(8)}", "steps_1024": f"{starts(1024):,}"}
