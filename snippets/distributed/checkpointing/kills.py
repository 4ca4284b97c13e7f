"""Checkpointing: a rank is killed in the middle of a step and in the middle of a save."""

# /// fieldguide
# timeout_s = 120
# memory_mb = 4000
# ///

from __future__ import annotations

import os
import signal
import tempfile
from functools import partial
from pathlib import Path

import torch.distributed as dist
from torch.multiprocessing.spawn import ProcessExitedException

from snippets.distributed.checkpointing.training import Strike, peace, train
from snippets.distributed.collectives.ranks import RANKS, launch


def kill(at: int, writing: str, step: int, name: str) -> None:
    """Rank 2 of four is gone, without a word, as if its power had failed."""
    if (step, name) == (at, writing):
        dist.barrier()  # all have come this far
        if dist.get_rank() == 2:
            os.kill(os.getpid(), signal.SIGKILL)


def attempt(home: Path, strike: Strike = peace, ranks: int = RANKS) -> str:
    """One start of the job. What became of it."""
    home.mkdir(exist_ok=True)
    try:
        launch(partial(train, home, strike), ranks)
    except ProcessExitedException as died:
        return f"rank {died.error_index}: {died.signal_name}"
    return "finished"


def losses(home: Path) -> list[tuple[int, int, float]]:
    """Step, ranks and loss of every step that was made, in the order in which it was made."""
    lines = (line.split() for line in (home / "losses").read_text().splitlines())
    return [(int(step), int(ranks), float(loss)) for step, ranks, loss in lines]


WRITING = "optimizer.second.weight.exp_avg"


def compared() -> tuple[dict[str, list[str]], dict[str, list[tuple[int, int, float]]]]:
    """The same training undisturbed, killed twice, and continued on half of the ranks."""
    folder = Path(tempfile.mkdtemp())
    became = {
        "calm": [attempt(folder / "calm")],
        "killed": [
            attempt(folder / "killed", partial(kill, 6, "")),
            attempt(folder / "killed", partial(kill, 8, WRITING)),
            attempt(folder / "killed"),
        ],
    }
    (folder / "half").mkdir()
    (folder / "calm" / "8").rename(folder / "half" / "8")
    became["half"] = [attempt(folder / "half", ranks=2)]
    return became, {name: losses(folder / name) for name in became}


def example_run() -> None:
    """Loss by loss."""
    became, curves = compared()
    calm = {step: loss for step, _, loss in curves["calm"]}
    print("start by start: " + ", ".join(became["killed"]))
    made = " ".join(str(step) for step, _, _ in curves["killed"])
    print(f"steps made:     {made}")
    print("\nstep   never killed   killed twice   from 8 on two ranks")
    killed = {step: loss for step, _, loss in curves["killed"]}
    half = {step: loss for step, _, loss in curves["half"]}
    for at in (1, 5, 6, 8, 9, 12):
        end = f"{half[at]:17.7f}" if at in half else ""
        print(f"{at:4d}{calm[at]:15.7f}{killed[at]:15.7f}{end}")
    print(f"\nkilled twice, equal bit for bit: {killed == calm}")
    apart = max(abs(loss / calm[at] - 1) for at, loss in half.items())
    print(f"two ranks, equal to 1e-6: {apart < 1e-6}")


if __name__ == "__main__":
    example_run()
