"""Replies as a run logs them: what sampler and trainer gave each token. Standard library only."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

FIELDS = ("sampler", "trainer")


# --8<-- [start:read]
@dataclass(frozen=True)
class Reply:
    """Log-probabilities of the tokens that the policy wrote, in nats, by both programs."""

    sampler: tuple[float, ...]
    trainer: tuple[float, ...]

    def log_ratios(self) -> list[float]:
        """Log of trainer over sampler, token by token."""
        return [t - s for t, s in zip(self.trainer, self.sampler, strict=True)]


def read(text: str, name: str = "log") -> list[Reply]:
    """One reply per line of JSON; what is wrong is told with file and line."""
    replies = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            try:
                replies.append(reply(json.loads(line)))
            except ValueError as error:
                raise ValueError(f"{name}, line {number}: {error}") from error
    if not replies:
        raise ValueError(f"{name}: no replies")
    return replies


# --8<-- [end:read]
def reply(row: object) -> Reply:
    """The reply of one line.

    Raises:
        ValueError: With what is wrong, for somebody who can see the line.
    """
    if not isinstance(row, dict):
        raise ValueError("not an object with the fields sampler and trainer")
    sampler, trainer = (logprobs(row, field) for field in FIELDS)
    if len(sampler) != len(trainer):
        raise ValueError(
            f"{len(sampler)} tokens by the sampler, {len(trainer)} by the trainer"
        )
    return Reply(sampler, trainer)


def logprobs(row: dict[str, object], field: str) -> tuple[float, ...]:
    """The numbers of one field: finite, and none above 0."""
    values = row.get(field)
    if not isinstance(values, list) or not values:
        raise ValueError(f"{field} is not a list of log-probabilities")
    for place, value in enumerate(values, 1):
        if not isinstance(value, int | float) or not math.isfinite(value):
            raise ValueError(f"{field}, token {place}: {value} is not a finite number")
        if value > 0:
            raise ValueError(
                f"{field}, token {place}: {value} is above 0, so not a log-probability"
            )
    return tuple(float(value) for value in values)


def read_file(path: Path) -> list[Reply]:
    """The replies of a file."""
    return read(path.read_text(encoding="utf-8"), path.name)


def write(replies: Iterable[Reply]) -> str:
    """The text that `read` reads."""
    return "".join(json.dumps(vars(reply)) + "\n" for reply in replies)
