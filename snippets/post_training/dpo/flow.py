"""Where the probability of one pair goes, with every answer listed."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from typing import Any

import torch

from snippets.post_training.dpo.displacement import lowest
from snippets.post_training.dpo.overlap import in_nats, predicted, tuned
from snippets.post_training.dpo.phrases import every_answer, logps, trained


def flows(seed: int, top: int = 3) -> list[tuple[Any, ...]]:
    """Chosen, rejected, and the largest predicted gainers: nats predicted and measured, shares before and after."""
    model, pair = trained(seed)[0], lowest(seed)
    policy, answers = tuned(model, pair), every_answer()
    with torch.no_grad():
        before, after = logps(model, answers), logps(policy, answers)
        lift = in_nats(predicted(model, pair, answers))
    places = [int((answers == answer).all(-1).nonzero()) for answer in pair]
    gainers = (before.exp() * lift).topk(top).indices.tolist()
    named = zip(["chosen", "rejected", *["gainer"] * top], [*places, *gainers], strict=True)
    columns = torch.stack([lift, after - before, before.exp(), after.exp()], 1)
    return [(name, answers[i, 1:], *columns[i].tolist()) for name, i in named]
