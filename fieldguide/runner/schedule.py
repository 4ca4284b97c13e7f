"""Plans runs, keeps as many going as there are cores, and gathers what came of each, in the order asked."""

import contextlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Collection, Sequence
from pathlib import Path

from fieldguide.runner.plan import plan
from fieldguide.runner.pool import ROOT, Pool, Watch
from fieldguide.runner.result import collect
from fieldguide.runner.snippet import WARM
from fieldguide.runner.task import Failure, Run


def run(snippets: Sequence[Path], root: Path = ROOT, *, hash_seeds: Sequence[int] = (2,), jobs: int | None = None,
        examples: bool | Collection[str] = True, facts: bool = True, on_done: Callable[[Run], None] | None = None,
        watch: Watch | None = None) -> list[Run]:  # fmt: skip
    """Run snippets and return what each did, in the order given.

    Args:
        snippets: Files under `root/snippets/<area>/`.
        root: The project.
        hash_seeds: Seeds of Python's hashes, hence of the order of sets; each snippet runs once under each.
        jobs: How many at once; by default one for each core.
        examples: All, none, or those with these names.
        facts: Whether to also call `facts()` and draw the figures.
        on_done: Called with each run as it ends.
        watch: Called with what is printed, while it is printed.
    """
    root = Path(root).resolve()
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    done = on_done or (lambda run: None)
    with tempfile.TemporaryDirectory(prefix="fg-", ignore_cleanup_errors=True) as name:
        wanted = enumerate((Path(path).resolve(), seed) for path in snippets for seed in hash_seeds)
        base = Path(name).resolve()
        tasks = [plan(path, root, base / str(number), seed, examples, facts) for number, (path, seed) in wanted]
        able = [task for task in tasks if task.run.error is None]
        for task in tasks:
            if task.run.error:
                done(task.run)
        # What may take longest goes first, then what is slowest to start: fresh processes, then PyTorch.
        order = ["fresh", *WARM, ""]
        able.sort(key=lambda task: (-task.head.timeout_s, order.index(task.kind)))
        with contextlib.closing(Pool(jobs or cores, root, watch)) as pool:
            for task in pool.work(able):
                collect(task)
                shutil.rmtree(task.folder, ignore_errors=True)
                done(task.run)
    return [task.run for task in tasks]


def record_runs(snippets: Sequence[Path], root: Path = ROOT, *,
                on_done: Callable[[Run], None] | None = None) -> list[tuple[Run, Run]]:  # fmt: skip
    """Run each snippet twice, so that what changes from run to run shows.

    The second time hashes, global random numbers, date, time zone and the order of files in a folder are others.
    Neither may change a file of the checkout.
    """
    before = _state(root)

    def done(run: Run) -> None:
        changed = sorted(path for path, state in before.items() - _state(root).items())
        if changed and run.error is None:
            run.error = Failure("write", None, f"while it ran, {changed[0].relative_to(root)} changed")
            before.update(_state(root))
        if on_done:
            on_done(run)

    runs = run(snippets, root, hash_seeds=(0, 1), on_done=done)
    return list(zip(runs[::2], runs[1::2], strict=True))


HIDDEN = re.compile(r"/(?:__pycache__|\.\w+_cache)/")


def _state(root: Path) -> dict[Path, tuple[int, int]]:
    """Size and date of every file that a page consists of."""
    files = (path for folder in ("docs", "snippets", "tests") for path in (root / folder).rglob("*.*"))
    return {
        path: (path.stat().st_size, path.stat().st_mtime_ns) for path in files if not HIDDEN.search(path.as_posix())
    }
