"""Serving systems: chats that grow turn by turn, the trace that the routers see."""

from __future__ import annotations

import random
from dataclasses import dataclass

from snippets.inference.kv_cache.prefix import block_hashes

BLOCK = 16


@dataclass
class Arrival:
    """A request: when it comes, and the chained hashes of its prompt's blocks."""

    at: float
    hashes: list[str]


def trace(sessions: int, seconds: float, hot: float = 0.0, seed: int = 0) -> list[Arrival]:
    """Chats: system prompt (one of 4, or the first with probability `hot`), then turn upon turn.

    A turn adds 64 to 256 tokens; chats take turns at random, at Poisson times.
    """
    rng = random.Random(seed)
    systems = [[rng.randrange(1000) for _ in range(1024)] for _ in range(4)]

    def new() -> list[int]:
        return list(systems[0 if rng.random() < hot else rng.randrange(4)])

    chats = [new() for _ in range(sessions)]
    arrivals, now = list[Arrival](), 0.0
    while now < seconds:
        now += rng.expovariate(14.0)
        which = rng.randrange(sessions)
        chats[which] += [rng.randrange(1000) for _ in range(rng.randrange(64, 257))]
        arrivals.append(Arrival(now, block_hashes(chats[which], BLOCK)))
        if len(chats[which]) > 4096:  # the chat ends, a new one begins
            chats[which] = new()
    return arrivals
