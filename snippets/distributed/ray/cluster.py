"""Ray: everything on this page that needs a cluster, in one session, since starting one takes seconds."""

# /// fieldguide
# timeout_s = 600
# memory_mb = 6000
# ///

from __future__ import annotations

import sys
from functools import cache
from pathlib import Path

import ray

from snippets.distributed.ray import core, groups
from snippets.distributed.ray.feed import ROWS, ahead, orders
from snippets.distributed.ray.replay import replay, runs, worst
from snippets.distributed.ray.session import session
from snippets.distributed.ray.training import STEPS

PAGE = sys.stdout
KILL_AT = 17


@cache
def start() -> None:
    """One session. Ray prints what its node reports, which is not for the page."""
    sys.stdout = sys.stderr
    session()


def show(*lines: str) -> None:
    """Print for the page."""
    print(*lines, sep="\n", file=PAGE, flush=True)


def example_objects() -> None:
    """One array, three processes."""
    start()
    found = core.shared()
    show("an array of 80 MB", f"processes: {len({one.process for one in found})}")
    show(f"places in memory: {len({one.place for one in found})}")
    show(f"processes that may write: {sum(one.writable for one in found)}")


def example_lost() -> None:
    """A task and an actor, each killed once."""
    start()
    show(f"task, 7 * 7: {ray.get(core.square.remote(7, str(Path('fuse').absolute())))}")
    show(f"{'actor':24}{'+10':>4}{'+5, killed':>23}{'+1':>16}")
    for name, (saves, options) in core.WAYS.items():
        folder = Path(name.replace(" ", "_")).absolute()
        folder.mkdir()
        first, lost, last = core.after_loss(folder, saves, **options)
        show(f"{name:24}{first:>4}{lost:>23}{last:>16}")


def example_groups() -> None:
    """Which groups one node of three CPUs grants, and a group that waits."""
    start()
    for name, ok in groups.strategies().items():
        show(f"{name:14}{'granted' if ok else 'waits'}")
    show(*groups.gangs())


def example_overhead() -> None:
    """What a task costs that does nothing."""
    start()
    submit, done, trip = (seconds * 1e6 for seconds in groups.overhead())
    show(
        f"driver, to submit one task       {submit:6.0f} µs  # measured",
        f"one of 2,000 tasks, all in all   {done:6.0f} µs  # measured",
        f"one task, submitted and awaited  {trip:6.0f} µs  # measured",
    )


def example_ahead() -> None:
    """How far the producer of 24 blocks runs ahead of its reader."""
    start()
    show("24 blocks of 4 MB")
    for megabytes in (20, 200):
        first, second = ahead(Path(f"ahead{megabytes}").absolute(), megabytes * 1e6)
        taken = f"computed after 1 was taken: {first:2}, after 9: {second:2}"
        show(f"limit {megabytes:3} MB, {taken}  # measured")


def example_order() -> None:
    """The rows that each worker sees first, in two epochs and after a restart."""
    start()
    show(*orders())


def example_killed() -> None:
    """Two workers, one of which is killed after 17 steps."""
    start()
    losses, ran, _ = runs(KILL_AT)
    for step in (1, 2, 15, 16, 17, 18, 24):
        whole, killed = (curve[step - 1] for curve in losses)
        times = ran[1].count(step)
        show(f"step {step:2}  never killed {whole:.6f}  killed {killed:.6f}  ran {times}x")
    show(f"largest difference in {len(losses[0])} steps: {worst(*losses):g}")


def example_forgotten() -> None:
    """The rows of a resume that forgets its place, through the same training in plain PyTorch."""
    start()
    (whole, _), _, order = runs(KILL_AT)
    same = worst(replay(order), whole) < 1e-5
    show(f"plain PyTorch on the same rows, the same curve within 1e-5: {same}")
    wrong = replay(order[:15] + order[STEPS : STEPS + 9])
    for step in (15, 16, 18, 21, 24):
        show(
            f"step {step:2}  never killed {whole[step - 1]:.4f}  forgotten {wrong[step - 1]:.4f}"
        )
    second = order[STEPS:15] + order[STEPS : STEPS + 9]
    seen = [row for step in second for ids in step for row in ids]
    twice = len(seen) - len(set(seen))
    show(f"rows of the second epoch: {twice} seen twice, {ROWS - len(set(seen))} never")


def facts() -> dict[str, str]:
    """Numbers of the page."""
    start()
    (whole, killed), (_, ran), _ = runs(KILL_AT)
    return {
        "steps": str(len(whole)),
        "killed_at": str(KILL_AT),
        "difference": f"{worst(whole, killed):g}",
        "again": str(len(ran) - len(whole)),
    }


if __name__ == "__main__":
    example_objects()
    example_lost()
    example_groups()
    example_overhead()
    example_ahead()
    example_order()
    example_killed()
    example_forgotten()
