"""Plans a run: what the snippet asks for, what it gets, and why it cannot run on this machine."""

import importlib.util
import os
import shutil
import sys
from collections.abc import Collection, Iterable
from pathlib import Path

from fieldguide.runner import snippet as reading
from fieldguide.runner.child import Job
from fieldguide.runner.snippet import WARM, Head, HeadError
from fieldguide.runner.task import Failure, Run, Task

FORK_IS_SAFE = sys.platform != "darwin"
KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "JAVA_HOME", "USER", "LOGNAME")
"""What a snippet sees of the caller's environment; the rest could change what it prints."""
FIXED = {
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
    "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false", "CUDA_VISIBLE_DEVICES": "",
    "MPLBACKEND": "Agg", "RAY_USAGE_STATS_ENABLED": "0", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
}  # fmt: skip
ZONES = ("UTC", "NPT-5:45")
PROGRAMS = {
    "java": "On Debian: sudo apt-get install openjdk-17-jre-headless; on macOS: brew install openjdk@17",
    "node": "`make test` brings it in .venv; put .venv/bin first in PATH",
    "gcc": "On Debian: sudo apt-get install gcc; on macOS: xcode-select --install",
    "git": "On Debian: sudo apt-get install git; on macOS: brew install git",
}


def plan(path: Path, root: Path, folder: Path, seed: int, examples: bool | Collection[str], facts: bool) -> Task:
    """Read what the snippet declares, and refuse here what cannot run on this machine."""
    run, head = Run(path), Head()
    libraries: frozenset[str] = frozenset()
    try:
        head, libraries = reading.read_head(path), reading.reach(path, root)[1]
        run.light = reading.is_light(path, root)
        run.error = _unmet(head, libraries, root)
    except HeadError as error:
        run.error = Failure("head", None, str(error), error.line)
    except OSError as error:
        run.error = Failure("head", None, f"the snippet cannot be read: {error.strerror}")
    able = run.error is None
    known = reading.examples(path) if able else ()
    names = [name for name in known if examples is True or name in (examples or ())]
    kind = next((name for name in WARM if name in libraries), "") if run.light and FORK_IS_SAFE else "fresh"
    work = folder / "work"
    job = Job(
        root=str(root), module=".".join(path.relative_to(root).with_suffix("").parts), file=str(path),
        examples=names, figures=list(reading.figures(path)) if facts and able else [],
        facts=facts and able and "facts" in reading.functions(path),
        work=str(work), report=str(folder / "report"), environ=environment(seed, root, work, head), seed=seed,
        timeout_s=head.timeout_s, memory_mb=head.memory_mb, light=run.light,
    )  # fmt: skip
    return Task(folder.name, run, head, job, kind, seed, folder)


def _unmet(head: Head, libraries: Iterable[str], root: Path) -> Failure | None:
    """What the snippet needs and this machine lacks, with the command that brings it."""
    for program in head.needs:
        if not shutil.which(program):
            how = PROGRAMS.get(program, f"install `{program}` and put it in PATH")
            return Failure("needs", None, f"it needs `{program}`, which is not installed. {how}")
    if head.environment:
        if not python_of(root, head).exists():
            return Failure("needs", None, f"it needs the environment .venv-{head.environment}. `make test` makes it.")
        return None
    for library in sorted(libraries):
        here = (root / library).exists() or (root / f"{library}.py").exists()
        if not here and library not in sys.modules and importlib.util.find_spec(library) is None:
            how = "If it is in requirements/test.in: rm -rf .venv && make test"
            return Failure("needs", None, f"it imports `{library}`, which is not installed. {how}")
    return None


def python_of(root: Path, head: Head) -> Path:
    """The interpreter of a snippet: ours, or that of the environment it declares."""
    return root / f".venv-{head.environment}/bin/python" if head.environment else Path(sys.executable)


def environment(seed: int, root: Path, work: Path, head: Head) -> dict[str, str]:
    """The environment variables of a snippet: few, fixed, and without proxies or secrets."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    folders = dict.fromkeys(("HOME", "TMPDIR", "TEMP", "TMP"), str(work))
    path = os.pathsep.join([str(python_of(root, head).parent), kept.get("PATH", os.defpath)])
    own = {"PATH": path, "PYTHONPATH": str(root), "PYTHONHASHSEED": str(seed), "TZ": ZONES[seed % 2]}
    return kept | FIXED | folders | own
