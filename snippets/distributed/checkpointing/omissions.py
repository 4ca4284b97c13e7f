"""Checkpointing: a run that goes on without a part of what it was."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch

from snippets.distributed.checkpointing.loading import load
from snippets.distributed.checkpointing.saving import save
from snippets.distributed.checkpointing.training import STEPS, Run, step
from snippets.distributed.collectives.ranks import launch

FORGET = {
    "nothing": "nothing",
    "optimizer": "Adam's moments",
    "random": "random state",
    "seen": "data position",
    "schedule": "learning rate",
}


def forget(rank: int, folder: Path) -> None:
    """Train on after step 6, and again from its checkpoint without one of its parts."""
    calm = Run()
    for _ in range(6):
        step(calm)
    save(folder / "6", calm.tensors(), calm.rest())
    curves = {"never stopped": [step(calm) for _ in range(6, STEPS)]}
    for part in FORGET:
        run, fresh = Run(), Run().rest()
        kept = {n: t for n, t in run.tensors().items() if not n.startswith(part)}
        rest = load(folder / "6", kept)
        if part in rest:
            rest[part] = fresh[part]
        run.restore(rest)
        curves[FORGET[part]] = [step(run) for _ in range(6, STEPS)]
    torch.save(curves, folder / f"{rank}.pt")


def forgotten() -> dict[str, list[float]]:
    """Losses of steps 7 to 12."""
    found: dict[str, list[float]] = torch.load(launch(forget, 2) / "0.pt")
    return found


def example_forgotten() -> None:
    """What each part of a checkpoint is for."""
    curves = forgotten()
    calm = curves.pop("never stopped")
    print(f"{'not restored':14s}" + "".join(f"   step {at:2d}" for at in (7, 8, 10, 12)))
    print(
        f"{'never stopped':14s}" + "".join(f"{calm[at - 7]:10.5f}" for at in (7, 8, 10, 12))
    )
    for part, curve in curves.items():
        row = "".join(f"{curve[at - 7]:10.5f}" for at in (7, 8, 10, 12))
        print(f"{part:14s}{row}{'   equal' if curve == calm else ''}")


if __name__ == "__main__":
    example_forgotten()
