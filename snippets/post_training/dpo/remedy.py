"""Two remedies for a chosen answer that falls: cross-entropy on it, or another rejected answer."""
# /// fieldguide
# timeout_s = 180
# tolerance.remedies = {rel = 0.1, abs = 0.1, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import torch
from torch import Tensor

from snippets.post_training.dpo.displacement import lowest, spread
from snippets.post_training.dpo.overlap import tuned
from snippets.post_training.dpo.phrases import SEEDS, logps, trained

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


def example_remedies() -> None:
    """Nats of change, chosen and rejected; a row a model, then mean and standard deviation."""
    print("model        as it is      cross-entropy    other rejected")
    rows = torch.tensor([remedies(seed) for seed in range(SEEDS)])
    named = [
        *((str(seed), row) for seed, row in enumerate(rows)),
        ("mean", rows.mean(0)),
        ("s.d.", rows.std(0)),
    ]
    for name, row in named:
        print(
            f"{name:>5}" + "".join(f"{a:10.2f}{b:8.2f}" for a, b in row.view(3, 2).tolist())
        )
