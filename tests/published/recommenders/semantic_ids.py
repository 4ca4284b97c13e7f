"""Tuples that codes can form, and TIGER's change of four metrics."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def semantic_id(inputs: Inputs, _unit: str) -> list[int]:
    """Tuples without and with one more code for items that would share theirs."""
    from snippets.recommenders.semantic_ids.capacity import capacity

    return [capacity(inputs["levels"] + more, inputs["codes"]) for more in (0, 1)]


def tiger(inputs: Inputs, _unit: str) -> list[float]:
    """Percent by which each metric of TIGER differs from SASRec's."""
    from snippets.recommenders.semantic_ids.capacity import change

    return change(inputs["sasrec"], inputs["tiger"])


FAMILIES: dict[str, Adapter] = {"semantic-id": semantic_id, "tiger": tiger}
