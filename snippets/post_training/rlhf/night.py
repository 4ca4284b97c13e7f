"""What a dashboard shows of a night of training, from our own run without a price."""
# /// fieldguide
# timeout_s = 60
# tolerance.log = {rel = 0.03, abs = 0.02, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import torch
from torch import Tensor

from snippets.post_training.rlhf.frontier import free_path
from snippets.post_training.rlhf.language import REFERENCE, REPLIES, TRUTH, expected, kl
from snippets.post_training.rlhf.preferences import proxy, wins

EVERY, ROWS = 2, 13  # policies between two rows; one was kept after every other step
LENGTHS = torch.tensor([len(reply) for reply in REPLIES], dtype=torch.float64)


def preferred(policy: Tensor) -> float:
    """How often people prefer a reply of the policy to one of the reference."""
    chance = wins(TRUTH.unsqueeze(1) - TRUTH)  # [A, A]
    return (policy @ chance @ REFERENCE).item()


def best_step() -> int:
    """The logged step at which people preferred the policy most."""
    rows = free_path()[: EVERY * ROWS : EVERY]
    return 2 * EVERY * max(range(len(rows)), key=lambda k: preferred(rows[k]))


def example_log() -> None:
    """Score, KL, words, and what people say."""
    print("step  score    KL  words  preferred by people")
    for k, policy in enumerate(free_path()[: EVERY * ROWS : EVERY]):
        row = (
            expected(policy, proxy()),
            kl(policy, REFERENCE).item(),
            expected(policy, LENGTHS),
        )
        print(
            f"{2 * EVERY * k:4d}{row[0]:7.2f}{row[1]:6.2f}{row[2]:7.2f}{preferred(policy):21.0%}"
        )


def facts() -> dict[str, str]:
    """Numbers of the exercise."""
    return {"best_step": f"{best_step()}"}


if __name__ == "__main__":
    example_log()
