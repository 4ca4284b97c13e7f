"""Training a GPT."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.transformers.training_a_gpt import budget


def corrected_bits(inputs: Inputs, unit: str) -> float:
    """Bits per byte after the bytes were counted again."""
    from snippets.transformers.training_a_gpt import text

    return text.corrected(inputs["reported"], inputs["counted"], inputs["real"])


def byte_inflation(inputs: Inputs, unit: str) -> float:
    """Share of bytes that were counted too much."""
    from snippets.transformers.training_a_gpt import text

    return in_unit(text.inflation(inputs["counted"], inputs["real"]), unit)


def run_price(inputs: Inputs, unit: str) -> float:
    """Price of a run."""
    return budget.dollars(inputs["chips"], inputs["hours"], inputs["price"])


def run_hours(inputs: Inputs, unit: str) -> float:
    """Hours of a run."""
    return budget.elapsed(inputs["seconds"])


def seed_spread(inputs: Inputs, unit: str) -> list[float]:
    """Mean of equal runs, and highest less lowest."""
    return list(budget.seed_spread(tuple(inputs["scores"])))


FAMILIES: dict[str, Adapter] = {
    "byte-inflation": byte_inflation,
    "corrected-bits": corrected_bits,
    "run-hours": run_hours,
    "run-price": run_price,
    "seed-spread": seed_spread,
}
