"""A run that stops and goes on: bit for bit the same, or without a part of what it was."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import io
from typing import Any

import torch

from snippets.transformers.training_a_gpt.model import Config
from snippets.transformers.training_a_gpt.text import halves
from snippets.transformers.training_a_gpt.training import Run, Settings

CONFIG, SETTINGS = Config(layers=1, dropout=0.1), Settings(steps=20, warmup=2)
BEFORE, AFTER = 6, 6


def saved(run: Run) -> dict[str, Any]:
    """The state as a file would hold it."""
    file = io.BytesIO()
    torch.save(run.state(), file)
    file.seek(0)
    state: dict[str, Any] = torch.load(file)
    return state


def resumed(forget: str = "nothing") -> tuple[list[float], Run]:
    """Losses after a stop; what is forgotten has the value of a new run."""
    text = halves()[0]
    first = Run(CONFIG, SETTINGS)
    for _ in range(BEFORE):
        first.advance(text)
    state = saved(first)
    second = Run(CONFIG, SETTINGS)
    if forget != "nothing":
        state[forget] = second.state()[forget]
    second.restore(state)
    return [second.advance(text)[0] for _ in range(AFTER)], second


def calm() -> tuple[list[float], Run]:
    """The run that never stopped."""
    run, text = Run(CONFIG, SETTINGS), halves()[0]
    return [run.advance(text)[0] for _ in range(BEFORE + AFTER)][BEFORE:], run


def same_weights(one: Run, other: Run) -> bool:
    """Equal in each bit."""
    pairs = zip(one.model.parameters(), other.model.parameters(), strict=True)
    return all(torch.equal(p, q) for p, q in pairs)


def example_resume() -> None:
    """Losses of the first and the last step after the stop, and whether all weights are equal."""
    losses, run = calm()
    print(f"forgotten     step {BEFORE + 1:2d}   step {BEFORE + AFTER:2d}   weights equal")
    print(f"never stopped {losses[0]:7.4f}   {losses[-1]:7.4f}")
    for part in ("nothing", *run.state()):
        found, other = resumed(part)
        same = "yes" if same_weights(run, other) else "no"
        print(f"{part:13s} {found[0]:7.4f}   {found[-1]:7.4f}   {same}")


if __name__ == "__main__":
    example_resume()
