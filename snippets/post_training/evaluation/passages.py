"""Evaluation: a planted reading test, on which the right answers about two models are known."""

from __future__ import annotations

from math import hypot

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.float64]
PASSAGES, PER_PASSAGE = 50, 10
LEVEL, BY_PASSAGE, BY_QUESTION = 0.50, 0.20, 0.15  # chance to answer, and what moves it
GAIN, GAIN_BY_PASSAGE = 0.03, 0.12  # of model B over model A


# --8<-- [start:draw]
def draw(seed: int) -> tuple[Scores, Scores, NDArray[np.int64]]:
    """Scores of A and of B on the same questions, and the passage of each question."""
    rng = np.random.default_rng(seed)
    passage = np.repeat(np.arange(PASSAGES), PER_PASSAGE)  # [n]
    hard, suits = rng.choice([-1, 1], (2, PASSAGES))[:, passage]  # alike in a passage
    trap = rng.choice([-1, 1], len(passage))  # of each question alone
    chance = LEVEL + BY_PASSAGE * hard + BY_QUESTION * trap
    a = rng.random(len(passage)) < chance
    b = rng.random(len(passage)) < chance + GAIN + GAIN_BY_PASSAGE * suits
    return a.astype(float), b.astype(float), passage


# --8<-- [end:draw]


def total() -> float:
    """All of it, in percentage points."""
    return hypot(*parts().values())


def parts() -> dict[str, float]:
    """What each draw adds to the standard error of A's score, in percentage points."""
    questions = PASSAGES * PER_PASSAGE
    luck = LEVEL * (1 - LEVEL) - BY_PASSAGE**2 - BY_QUESTION**2  # of one answer
    return {
        "passages": 100 * BY_PASSAGE / PASSAGES**0.5,
        "questions": 100 * BY_QUESTION / questions**0.5,
        "answers": 100 * (luck / questions) ** 0.5,
    }


def facts() -> dict[str, str]:
    """Numbers that the page states about the planted test."""
    return {"total": f"{total():.1f} points"}
