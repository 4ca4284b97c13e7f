"""Two remedies for a chosen answer that falls: cross-entropy on it, or another rejected answer."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch
from torch import Tensor

from snippets.post_training.dpo.displacement import lowest, spread
from snippets.post_training.dpo.overlap import tuned
from snippets.post_training.dpo.phrases import logps, trained

STEPS, ANCHOR = 40, 0.02


def moved(seed: int, pair: Tensor, anchor: float = 0.0) -> list[float]:
    """Change of both log-probabilities after forty steps, chosen first."""
    model = trained(seed)[0]
    policy = tuned(model, pair, STEPS, anchor)
    with torch.no_grad():
        return (logps(policy, pair) - logps(model, pair)).tolist()


def remedies(seed: int) -> list[float]:
    """The worst pair of a model: as it is, with cross-entropy, and with the best of the other edits."""
    pair = lowest(seed)
    with torch.no_grad():
        other = spread(trained(seed)[0], pair[0])[-1]
    return moved(seed, pair) + moved(seed, pair, ANCHOR) + moved(seed, other)
