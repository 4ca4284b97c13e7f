"""Four runs that begin at ln 2, three of which stay there."""
# /// fieldguide
# timeout_s = 180
# tolerance.runs = {rel = 0.05, abs = 0.02, reason = "a training run sums in another order on another machine"}
# tolerance.facts = {rel = 0.05, abs = 0.02, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import copy
from dataclasses import dataclass

import torch
from torch import Tensor

from snippets.post_training.dpo.losses import dpo, margin
from snippets.post_training.dpo.phrases import Writer, logps, trained


@dataclass(frozen=True)
class Log:
    """What a dashboard shows of a step, and what it cannot: the drift from the true start."""

    loss: float
    margin: float
    norm: float
    chosen: float  # log-probability of the chosen answers, mean
    rejected: float


def pairs() -> Tensor:  # [8, 1 + T]: four chosen, then four rejected
    """Phrases of the first model, the first four preferred to the next."""
    return trained(0)[1][:8]


# --8<-- [start:run]
def run(
    shared: bool = False, gradient: bool = False, beta: float = 0.1, steps: int = 30
) -> list[Log]:
    """Train with a frozen copy as the reference, or with the policy itself."""
    policy = copy.deepcopy(trained(0)[0])
    reference = policy if shared else copy.deepcopy(policy)
    optimizer = torch.optim.SGD(policy.parameters(), lr=0.05)
    logs = []
    for _ in range(steps):
        now = logps(policy, pairs()).view(2, -1).T  # [4, 2]
        with torch.set_grad_enabled(gradient):
            then = logps(reference, pairs()).view(2, -1).T
        h = margin(now, then)
        loss = dpo(h, beta).mean()
        optimizer.zero_grad()
        loss.backward()
        logs.append(log(policy, loss, h, now))
        optimizer.step()
    return logs


# --8<-- [end:run]


def log(policy: Writer, loss: Tensor, h: Tensor, now: Tensor) -> Log:
    """The numbers of a step."""
    norms = [
        weight.grad.norm() for weight in policy.parameters() if weight.grad is not None
    ]
    chosen, rejected = now.detach().mean(0).tolist()
    return Log(
        loss.item(), h.mean().item(), torch.stack(norms).norm().item(), chosen, rejected
    )


RUNS = {
    "frozen copy": {},
    "shared, no gradient": {"shared": True},
    "shared, with gradient": {"shared": True, "gradient": True},
    "beta 0": {"beta": 0.0},
}


def example_runs() -> None:
    """The last of thirty steps, and how far the log-probabilities have moved."""
    print("reference               loss   margin  gradient  chosen moved  rejected moved")
    for name, how in RUNS.items():
        logs = run(**how)  # type: ignore[arg-type]
        first, last = logs[0], logs[-1]
        print(f"{name:22}{last.loss:6.4f}{last.margin:9.2f}{last.norm:10.3f}"
              f"{last.chosen - first.chosen:14.2f}{last.rejected - first.rejected:16.2f}")  # fmt: skip


def drift(shared: bool) -> float:
    """Nats that the rejected answers have lost."""
    logs = run(shared=shared)
    return logs[0].rejected - logs[-1].rejected


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {"drift_shared": f"{drift(True):.1f}", "drift_frozen": f"{drift(False):.1f}"}
