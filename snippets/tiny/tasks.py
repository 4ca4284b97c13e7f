"""Tasks with one right answer: put digits in order, or turn them around."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Task:
    """What is asked, and the one answer that counts."""

    prompt: str  # "sort 413"
    answer: str  # "134"

    @property
    def kind(self) -> str:
        """The verb of the prompt."""
        return self.prompt.split()[0]

    @property
    def messages(self) -> list[dict[str, str]]:
        """The task as a conversation of two turns."""
        return [
            {"role": "user", "content": self.prompt},
            {"role": "assistant", "content": self.answer},
        ]


def held_out(digits: str) -> bool:
    """Digits whose sum 5 divides are for evaluation: so is each order of them."""
    return sum(map(int, digits)) % 5 == 0


def solve(kind: str, digits: str) -> str:
    """The right answer."""
    return "".join(sorted(digits)) if kind == "sort" else digits[::-1]


def tasks(
    seed: int,
    n: int,
    *,
    test: bool = False,
    kinds: Sequence[str] = ("sort",),
    digits: tuple[int, int] = (2, 4),
) -> list[Task]:
    """Draws `n` tasks, harder with more digits; `kinds` are "sort" and "reverse"."""
    draw = random.Random(f"{seed} {test}")
    drawn: list[Task] = []
    while len(drawn) < n:
        kind = draw.choice(list(kinds))
        given = "".join(draw.choices("0123456789", k=draw.randint(*digits)))
        if held_out(given) == test:
            drawn.append(Task(f"{kind} {given}", solve(kind, given)))
    return drawn


def demonstrations(seed: int, n: int, *, careless: float = 0.4) -> list[Task]:
    """Tasks as people answered them: a share `careless` only copied the digits (planted)."""
    draw = random.Random(f"people {seed}")
    return [
        Task(task.prompt, task.prompt.split()[1]) if draw.random() < careless else task
        for task in tasks(seed, n)
    ]


def grade(task: Task, answer: str) -> float:
    """1 for the right answer, else 0."""
    return float(answer == task.answer)
