"""Where the gold peaks by either form of Gao, Schulman and Hilton."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def peak(inputs: Inputs, _unit: str) -> list[list[float]]:
    """Distance and gold at the peak of the form for best-of-n, and of that for RL."""
    from snippets.rl.reward_modeling.forms import peaks

    return [list(found) for found in peaks(inputs["alpha"], inputs["beta"]).values()]


FAMILIES: dict[str, Adapter] = {"overopt-peak": peak}
