"""Weights of iALS, BPR's loss and EASE's closed form."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def ials_confidence(inputs: Inputs, unit: str) -> float:
    """Weight of a pair with `r` plays."""
    import numpy as np

    from snippets.recommenders.collaborative_filtering.factors import confidence

    return float(confidence(np.array([float(inputs["r"])]), float(inputs["alpha"]))[0])


def bpr(inputs: Inputs, unit: str) -> float:
    """Loss of one pair, from the gap of its scores."""
    import numpy as np

    from snippets.recommenders.collaborative_filtering.pairs import loss

    return float(loss(np.array([float(inputs["gap"])]))[0])


def ease(inputs: Inputs, unit: str) -> list[float]:
    """The first row of the weights of item on item."""
    import numpy as np
    from scipy.sparse import csr_matrix

    from snippets.recommenders.collaborative_filtering import neighbors

    plays = csr_matrix(np.array(inputs["X"], dtype=float))
    row: list[float] = neighbors.ease(plays, float(inputs["lam"]))[0].tolist()
    return row


FAMILIES: dict[str, Adapter] = {"bpr": bpr, "ease": ease, "ials-confidence": ials_confidence}
