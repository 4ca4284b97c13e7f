"""What a service is asked for, how many sequences fit, and how long a token takes under load."""

from __future__ import annotations

from dataclasses import dataclass

from snippets.inference.overview.setup import Setup, sequence_bytes, weight_bytes
from snippets.inference.overview.step_time import decode_step, prefill_seconds


# --8<-- [start:load]
@dataclass(frozen=True)
class Load:
    """What a service is asked for: lengths in tokens, objectives in seconds."""

    prompt: int
    output: int
    ttft: float
    tpot: float
    context: int = 0  # longest sequence to admit; prompt + output, if longer


def sequences_that_fit(s: Setup, context: int) -> int:
    """Sequences of `context` tokens beside the weights; -1 if the weights do not fit."""
    spare = s.chips * s.chip.memory_gb * 1e9 * s.memory_share - weight_bytes(s)
    return -1 if spare < 0 else int(spare // sequence_bytes(s, context))


def token_seconds(s: Setup, load: Load, batch: int) -> float:
    """Mean time between tokens of a user, with `batch` users at once.

    A user that leaves is replaced, so each step carries batch / output new prompts.
    """
    step = decode_step(s, batch, load.prompt + load.output // 2).seconds
    return step + batch / load.output * prefill_seconds(s, load.prompt)


# --8<-- [end:load]
