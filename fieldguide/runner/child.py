"""The process that runs one snippet: seeds, imports, examples, facts, and proof that it came to the end."""

import atexit
import contextlib
import faulthandler
import gc
import importlib
import importlib.util
import io
import json
import os
import random
import re
import signal
import sys
import tempfile
import threading
import time
import traceback
from pathlib import Path
from types import ModuleType
from typing import Any, TypedDict

from fieldguide.runner import drawing, guard

FACTS, END = "facts()", "the end"
STARTED: list[threading.Thread] = []
"""Threads that the snippet's own code started; those of libraries end with the process."""
SHARED: set[str] = set()
"""Names of shared memory that this process opened."""


class Job(TypedDict):
    """What the caller asks of a warden and its child. Travels as JSON."""

    root: str
    module: str
    file: str
    examples: list[str]
    figures: list[str]
    facts: bool
    work: str  # working folder of the snippet, the only place that it may write to
    report: str  # folder for what the caller reads afterwards
    environ: dict[str, str]
    seed: int  # of hashes and of global random numbers; an odd one also brings another date and other orders of files
    timeout_s: float
    memory_mb: float
    light: bool


def main(job: Job) -> None:
    """Run the snippet and end this process; never returns."""
    report = Path(job["report"])
    os.setsid()  # so that all of the snippet's processes can be ended as a group
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    _redirect(0, os.open(os.devnull, os.O_RDONLY))
    _redirect(1, _appended(report / "out.import"))
    _redirect(2, _appended(report / "stderr"))
    sys.stdin = io.TextIOWrapper(io.FileIO(0, closefd=False))
    sys.stdout = io.TextIOWrapper(io.FileIO(1, "w", closefd=False), "utf-8", line_buffering=True)
    errors = io.FileIO(2, "w", closefd=False)
    sys.stderr = io.TextIOWrapper(errors, "utf-8", "backslashreplace", line_buffering=True)
    # the warden asks where an endless loop is before it ends it
    faulthandler.register(signal.SIGUSR1, _appended(report / "stack"), all_threads=False)
    _surroundings(job)
    guard.install(Path(job["work"]).parent, Path(job["root"]) / "snippets", _appended(report / "refused"))
    _end(report, _examples(job, report))


def _appended(path: Path) -> int:
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)


def _redirect(number: int, opened: int) -> None:
    os.dup2(opened, number)
    os.close(opened)


def _surroundings(job: Job) -> None:
    """Working folder, environment and import path. A warmed process brings its own, which are replaced."""
    os.environ.clear()
    os.environ.update(job["environ"])
    os.chdir(job["work"])
    tempfile.tempdir = None
    sys.dont_write_bytecode = True
    sys.argv = [job["file"]]
    root = job["root"]  # and no other folder that holds snippets, such as the checkout of the runner
    rest = [p for p in sys.path if p and p != root and not Path(p, "snippets").is_dir()]
    sys.path[:] = [root, *rest]
    importlib.invalidate_caches()


def _examples(job: Job, report: Path) -> dict[str, Any]:
    """Run everything that was asked for; the first exception ends it."""
    facts: dict[str, str] = {}
    pid = os.getpid()
    stage = None
    try:
        _elsewhere(job["seed"] % 2 == 1)
        _watch(str(Path(job["root"], "snippets")) + os.sep)
        seed(job["seed"])
        module = importlib.import_module(job["module"])
        for number, stage in enumerate(job["examples"]):
            with _captured(report, str(number), stage, job["seed"]):
                getattr(module, f"example_{stage}")()
        for name in job["figures"]:
            with _captured(report, "facts", stage := f"figure_{name}", job["seed"]):
                drawing.style()
                drawn = drawing.svg(getattr(module, f"figure_{name}")(), name)
                (report / f"{name}.svg").write_text(drawn, encoding="utf-8")
        if job["facts"]:
            with _captured(report, "facts", stage := FACTS, job["seed"]):
                facts = _checked_facts(module)
    except BaseException as error:
        if os.getpid() == pid:
            return {"error": _described(error, stage, job)}
        traceback.print_exc()
    if os.getpid() != pid:
        os._exit(1)  # a forked copy of the snippet came out of an example: it must not report twice
    return {"facts": facts}


@contextlib.contextmanager
def _captured(report: Path, file: str, name: str, number: int) -> Any:
    """Send what is printed, down to the file descriptor, to a file of its own."""
    sys.stdout.flush()
    guard.STAGE[0] = name
    (report / "stage").write_text(name, encoding="utf-8")
    _redirect(1, _appended(report / f"out.{file}"))
    seed(number)
    yield
    sys.stdout.flush()


def seed(number: int) -> None:
    """The same random numbers in every example, whatever ran before it; others in the second run of `record`."""
    random.seed(number)
    if numpy := sys.modules.get("numpy"):
        numpy.random.seed(number)
    if torch := sys.modules.get("torch"):
        torch.manual_seed(number)


def _watch(own: str) -> None:
    """Note threads that code below the folder `own` starts, and shared memory that is opened."""
    start = threading.Thread.start

    def started(thread: threading.Thread) -> None:
        if sys._getframe(1).f_code.co_filename.startswith(own):
            STARTED.append(thread)
        start(thread)

    threading.Thread.start = started  # type: ignore[method-assign, assignment]
    with contextlib.suppress(ImportError):  # not everywhere
        posix: Any = importlib.import_module("_posixshmem")
        opened = posix.shm_open

        def noted(name: str, *args: Any, **kwargs: Any) -> Any:
            SHARED.add(name.removeprefix("/"))
            return opened(name, *args, **kwargs)

        posix.shm_open = noted


def _elsewhere(other: bool) -> None:
    """List files in a fixed order, or `other` in the opposite one and on a day in another year, where that can be had."""
    listdir, scandir = os.listdir, os.scandir
    os.listdir = lambda *args: sorted(listdir(*args), reverse=other)  # type: ignore[assignment]
    os.scandir = lambda *args: Entries(scandir(*args), other)  # type: ignore[assignment]
    if other and importlib.util.find_spec("time_machine"):
        importlib.import_module("time_machine").travel(time.time() + 4e7, tick=True).start()


class Entries(contextlib.ExitStack):
    """What `os.scandir` returns, in order; a stack with nothing on it brings `with` and `close`."""

    def __init__(self, entries: Any, reverse: bool) -> None:
        super().__init__()
        with entries:
            self.left = iter(sorted(entries, key=lambda entry: entry.name, reverse=reverse))

    def __next__(self) -> Any:
        return next(self.left)

    def __iter__(self) -> Any:
        return self


def _checked_facts(module: ModuleType) -> dict[str, str]:
    facts = module.facts()
    if not isinstance(facts, dict):
        raise TypeError(f"facts() returned {type(facts).__name__}, not a dict of texts")
    for name, text in facts.items():
        if not (isinstance(name, str) and re.fullmatch(r"[A-Za-z]\w*", name)):
            raise ValueError(f"{name!r} cannot name a fact: use letters, digits and underscores")
        if not isinstance(text, str) or not text.strip() or re.search(r"[\n<>&]", text):
            raise ValueError(f"the fact {name!r} must be one line of text without <, > or &, not {text!r}")
    return facts


def _described(error: BaseException, stage: str | None, job: Job) -> dict[str, Any]:
    """What happened, where in the snippet, and the traceback without the runner's own frames."""
    own = str(Path(job["root"], "snippets")) + os.sep
    while error.__traceback__ and not error.__traceback__.tb_frame.f_code.co_filename.startswith(own):
        error.__traceback__ = error.__traceback__.tb_next
    line = error.lineno if isinstance(error, SyntaxError) and error.filename == job["file"] else None
    for frame, number in traceback.walk_tb(error.__traceback__):
        if frame.f_code.co_filename == job["file"]:
            line = number
    if isinstance(error, SystemExit):
        kind, message = "exit", f"it called exit({error.code!r})"
    else:
        text = " ".join(str(error).split())[:300]
        kind, message = "exception", ": ".join(filter(None, [type(error).__name__, text]))
    detail = "".join(traceback.format_exception(error))
    return {"kind": kind, "example": stage, "message": message, "line": line, "detail": detail}


def _end(report: Path, result: dict[str, Any]) -> None:
    """End like an interpreter does, then leave the proof that the end was reached."""
    with contextlib.suppress(OSError):
        (report / "stage").write_text(END)
    threading._shutdown()  # type: ignore[attr-defined]
    living = [thread.name for thread in STARTED if thread.is_alive()]
    shared = [f"the shared memory {name}" for name in sorted(SHARED) if Path("/dev/shm", name).exists()]
    with contextlib.suppress(SystemExit):
        atexit._run_exitfuncs()
    gc.collect()
    result |= {"listening": _listening(), "threads": living, "shared": shared}
    sys.stdout.flush()
    sys.stderr.flush()
    part = report / "result.part"
    part.write_text(json.dumps(result), encoding="utf-8")
    part.replace(report / "result.json")
    os._exit(0)


def _listening() -> list[int]:
    """Ports on which this process still listens (Linux; elsewhere they end with the process, unreported)."""
    inodes = set()
    for descriptor in Path("/proc/self/fd").glob("*"):
        with contextlib.suppress(OSError):
            inodes.update(re.findall(r"^socket:\[(\d+)\]", str(descriptor.readlink())))
    ports = []
    for table in ("/proc/self/net/tcp", "/proc/self/net/tcp6") if inodes else ():  # slow to read
        with contextlib.suppress(OSError):
            for row in Path(table).read_text().splitlines()[1:]:
                fields = row.split()
                if fields[3] == "0A" and fields[9] in inodes:
                    ports.append(int(fields[1].rpartition(":")[2], 16))
    return sorted(ports)
