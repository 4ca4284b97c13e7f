"""Plans runs, keeps as many going as there are cores, and gathers what came of each, in the order asked."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from fieldguide.runner.plan import plan
from fieldguide.runner.pool import ROOT, Pool, Watch
from fieldguide.runner.result import collect
from fieldguide.runner.snippet import WARM
from fieldguide.runner.task import Run, Task


def run(
    snippets: Sequence[Path],
    root: Path = ROOT,
    *,
    hash_seed: int = 2,
    jobs: int | None = None,
    examples: bool | Collection[str] = True,
    facts: bool = True,
    on_done: Callable[[Run], None] | None = None,
    watch: Watch | None = None,
) -> list[Run]:
    """Run snippets and return what each did, in the order given.

    Args:
        snippets: Files under `root/snippets/<area>/`.
        root: The project.
        hash_seed: Seed of Python's hashes, hence of the order of sets.
        jobs: How many at once; by default one for each core.
        examples: All, none, or those with these names.
        facts: Whether to also call `facts()` and draw the figures.
        on_done: Called with each run as it ends.
        watch: Called with what is printed, while it is printed.
    """
    wanted = [(Path(path).resolve(), hash_seed) for path in snippets]
    return _run_all(wanted, Path(root).resolve(), jobs, examples, facts, on_done, watch)


def record_runs(
    snippets: Sequence[Path], root: Path = ROOT, *, on_done: Callable[[Run], None] | None = None
) -> list[tuple[Run, Run]]:
    """Run each snippet twice, under two hash seeds, so that what changes from run to run shows."""
    wanted = [(Path(path).resolve(), seed) for path in snippets for seed in (0, 1)]
    runs = _run_all(wanted, Path(root).resolve(), None, True, True, on_done, None)
    return list(zip(runs[::2], runs[1::2], strict=True))


def _run_all(
    wanted: Sequence[tuple[Path, int]],
    root: Path,
    jobs: int | None,
    examples: bool | Collection[str],
    facts: bool,
    on_done: Callable[[Run], None] | None,
    watch: Watch | None,
) -> list[Run]:
    runs: list[Run] = []
    tasks: list[Task] = []
    with tempfile.TemporaryDirectory(prefix="fg-", ignore_cleanup_errors=True) as name:
        base = Path(name).resolve()
        for path, seed in wanted:
            task = plan(path, root, base / str(len(runs)), seed, examples, facts)
            runs.append(task.run)
            if task.run.error is None:
                tasks.append(task)
            elif on_done:
                on_done(task.run)
        pool = Pool(jobs or _cores(), root, watch)
        try:
            # What may take longest goes first, then what is slowest to start: fresh processes, then PyTorch.
            order = ["fresh", *WARM, ""]
            for task in pool.work(sorted(tasks, key=lambda task: (-task.head.timeout_s, order.index(task.kind)))):
                collect(task)
                shutil.rmtree(task.folder, ignore_errors=True)
                if on_done:
                    on_done(task.run)
        finally:
            pool.close()
    return runs


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
