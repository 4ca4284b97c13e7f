"""Speeds of the pairs that three servers print, each told to stretch one model by 4."""

from __future__ import annotations

from snippets.transformers.position_encoding.frequencies import (
    llama3,
    ntk,
    wavelengths,
    yarn,
)
from snippets.transformers.position_encoding.shape import BASE, FACTOR, TRAINED, D, W

PAIRS = (0, 8, 16, 20, 24, 28, 32, 35, 38, 41, 42, 48, 63)
STRETCHED = int(FACTOR * TRAINED)


def servers() -> dict[str, list[float]]:
    """Frequencies of each; B was told that the model was trained at the length it shall reach."""
    return {
        "A": ntk(D, BASE, FACTOR),
        "B": yarn(D, BASE, FACTOR, STRETCHED),
        "C": llama3(D, BASE, FACTOR, TRAINED),
    }


def example_speeds() -> None:
    """Share of its trained speed that a pair keeps, for some pairs."""
    print("pair  tokens per turn   server A   server B   server C")
    for i in PAIRS:
        kept = "".join(f"{w[i] / W[i]:11.2f}" for w in servers().values())
        print(f"{i:4d}{wavelengths(W)[i]:17,.0f}{kept}")


if __name__ == "__main__":
    example_speeds()
