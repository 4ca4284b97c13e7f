"""The Netflix Prize: what was won, what was asked, and how full the matrix was."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def netflix(inputs: Inputs, unit: str) -> float | list[float]:
    """An improvement in percent, the errors that ten percent leave, or a density in percent."""
    from snippets.recommenders.netflix_personalization import published

    if "cinematch" in inputs:
        return [published.goal(float(error), 0.1) for error in inputs["cinematch"]]
    if "before" in inputs:
        return 100 * published.improvement(float(inputs["before"]), float(inputs["after"]))
    return 100 * published.density(*(int(inputs[name]) for name in ("ratings", "users", "items")))


FAMILIES: dict[str, Adapter] = {"netflix": netflix}
