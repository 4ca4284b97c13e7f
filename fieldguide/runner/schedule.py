"""Plans runs, keeps as many going as there are cores, and turns what is left of each into a `Run`."""

from __future__ import annotations

import contextlib
import importlib.util
import json
import os
import re
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, cast

from fieldguide.runner import snippet as reading
from fieldguide.runner.child import END, FACTS, Job
from fieldguide.runner.snippet import WARM, Head, HeadError

ROOT = Path(__file__).resolve().parents[2]
FORK_IS_SAFE = hasattr(os, "fork") and sys.platform != "darwin"
KEPT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "JAVA_HOME", "USER", "LOGNAME",
        "SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT")  # fmt: skip
"""What a snippet sees of the caller's environment; the rest could change what it prints."""
FIXED = {
    "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "NUMEXPR_NUM_THREADS": "1",
    "PYTHONDONTWRITEBYTECODE": "1", "PYTHONUTF8": "1", "TZ": "UTC", "LC_ALL": "C.UTF-8", "NO_COLOR": "1",
    "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1", "TOKENIZERS_PARALLELISM": "false",
    "CUDA_VISIBLE_DEVICES": "", "MPLBACKEND": "Agg",
    "RAY_USAGE_STATS_ENABLED": "0", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1",
}  # fmt: skip
PROGRAMS = {
    "java": "On Debian: sudo apt-get install openjdk-17-jre-headless; on macOS: brew install openjdk@17",
    "node": "`make test` brings it in .venv; put .venv/bin first in PATH",
    "gcc": "On Debian: sudo apt-get install gcc; on macOS: xcode-select --install",
    "git": "On Debian: sudo apt-get install git; on macOS: brew install git",
}
WARDEN = "from fieldguide.runner import warden; warden.from_file()"
ZYGOTE = "from fieldguide.runner import zygote; zygote.main()"
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


@dataclass(frozen=True)
class Failure:
    """Why a snippet did not do what it should."""

    kind: str
    """timeout, memory, output, exception, exit, leftover, network, write, binary, silent, needs, or head."""
    example: str | None
    message: str
    """One plain sentence."""
    line: int | None = None
    detail: str = ""
    """Traceback and the end of standard error."""


@dataclass
class Run:
    """What one snippet did."""

    snippet: Path
    sections: dict[str, str] = field(default_factory=dict)
    """What each example printed."""
    figures: dict[str, str] = field(default_factory=dict)
    """The SVG of each figure."""
    facts: dict[str, str] = field(default_factory=dict)
    error: Failure | None = None
    seconds: float = 0.0
    peak_mb: float = 0.0
    light: bool = True

    def as_json(self) -> dict[str, Any]:
        """The same as plain values."""
        return asdict(self) | {"snippet": self.snippet.as_posix()}


@dataclass
class _Task:
    """One snippet on its way through the pool."""

    id: str
    run: Run
    head: Head
    job: Job
    kind: str
    seed: int
    folder: Path
    told: dict[str, int] = field(default_factory=dict)


Watch = Callable[[Path, str, str], None]
"""Called with snippet, example and new text while a snippet prints."""


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
    tasks: list[_Task] = []
    with tempfile.TemporaryDirectory(prefix="fg-", ignore_cleanup_errors=True) as name:
        base = Path(name).resolve()
        for path, seed in wanted:
            task = _plan(path, root, base / str(len(runs)), seed, examples, facts)
            runs.append(task.run)
            if task.run.error is None:
                tasks.append(task)
            elif on_done:
                on_done(task.run)
        pool = _Pool(jobs or _cores(), root, watch)
        try:
            # What may take longest goes first, then what is slowest to start: fresh processes, then PyTorch.
            order = ["fresh", *WARM, ""]
            for task in pool.work(
                sorted(tasks, key=lambda task: (-task.head.timeout_s, order.index(task.kind)))
            ):
                _collect(task)
                shutil.rmtree(task.folder, ignore_errors=True)
                if on_done:
                    on_done(task.run)
        finally:
            pool.close()
    return runs


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _plan(
    path: Path, root: Path, folder: Path, seed: int, examples: bool | Collection[str], facts: bool
) -> _Task:
    """Read what the snippet declares, and refuse here what cannot run on this machine."""
    run = Run(path)
    head = Head()
    try:
        head = reading.read_head(path)
        run.light = reading.is_light(path, root)
        run.error = _unmet(head, reading.reach(path, root)[1], root)
    except HeadError as error:
        run.error = Failure("head", None, str(error), error.line)
    except OSError as error:
        run.error = Failure("head", None, f"the snippet cannot be read: {error.strerror}")
    if run.error is None:
        known = reading.examples(path)
        names = list(known) if examples is True else [name for name in known if name in (examples or ())]
    else:
        names = []
    kind = "fresh"
    if run.light and FORK_IS_SAFE and run.error is None:
        libraries = reading.reach(path, root)[1]
        kind = next((name for name in WARM if name in libraries), "")
    work = folder / "work"
    job = Job(
        root=str(root),
        module=".".join(path.relative_to(root).with_suffix("").parts),
        file=str(path),
        examples=names,
        figures=list(reading.figures(path)) if facts and run.error is None else [],
        facts=facts and run.error is None and reading.has_facts(path),
        work=str(work),
        report=str(folder / "report"),
        environ=environment(seed, root, work, head),
        timeout_s=head.timeout_s,
        memory_mb=head.memory_mb,
        light=run.light,
    )
    return _Task(folder.name, run, head, job, kind, seed, folder)


def _unmet(head: Head, libraries: Iterable[str], root: Path) -> Failure | None:
    """What the snippet needs and this machine lacks, with the command that brings it."""
    for program in head.needs:
        if not shutil.which(program):
            how = PROGRAMS.get(program, f"install `{program}` and put it in PATH")
            return Failure("needs", None, f"it needs `{program}`, which is not installed. {how}")
    if head.environment:
        if not _python(root, head).exists():
            return Failure(
                "needs",
                None,
                f"it needs the environment .venv-{head.environment}. "
                f"To make it: python3 -m fieldguide.commands.environments {head.environment}",
            )
        return None
    for library in sorted(libraries):
        here = (root / library).exists() or (root / f"{library}.py").exists()
        if not here and library not in sys.modules and importlib.util.find_spec(library) is None:
            return Failure(
                "needs",
                None,
                f"it imports `{library}`, which is not installed. "
                "If it is in requirements/test.in: python3 -m fieldguide.commands.environments test",
            )
    return None


def _python(root: Path, head: Head) -> Path:
    if not head.environment:
        return Path(sys.executable)
    folder = root / f".venv-{head.environment}"
    return folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")


def environment(seed: int, root: Path, work: Path, head: Head) -> dict[str, str]:
    """The environment variables of a snippet: few, fixed, and without proxies or secrets."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    scripts = str(_python(root, head).parent)
    folders = {name: str(work) for name in ("HOME", "TMPDIR", "TEMP", "TMP", "USERPROFILE")}
    return {
        **kept,
        **FIXED,
        **folders,
        "PATH": os.pathsep.join([scripts, kept.get("PATH", os.defpath)]),
        "PYTHONPATH": str(root),
        "PYTHONHASHSEED": str(seed),
    }


class _Pool:
    """Zygotes and fresh wardens, and one selector that waits for all of them."""

    def __init__(self, size: int, root: Path, watch: Watch | None) -> None:
        self.size = size
        self.root = root
        self.watch = watch
        self.zygotes: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.selector = selectors.DefaultSelector()
        self.active: dict[str, _Task] = {}
        self.text: dict[int, bytes] = {}

    def work(self, tasks: list[_Task]) -> Iterable[_Task]:
        """Start tasks as places become free; yield each when it has ended."""
        for task in tasks:  # all at once: one imports while others already run
            if task.kind != "fresh" and (task.kind, task.seed) not in self.zygotes:
                process = self._python(
                    Path(sys.executable), ZYGOTE, task.job["environ"], [task.kind or "json"]
                )
                self.zygotes[task.kind, task.seed] = process
                self.selector.register(cast(IO[bytes], process.stdout), selectors.EVENT_READ, process)
        todo = list(tasks)
        while todo or self.active:
            while todo and len(self.active) < self.size:
                self._start(todo.pop(0))
            for task in self._ended():
                yield self.active.pop(task.id)

    def _start(self, task: _Task) -> None:
        report = Path(task.job["report"])
        report.mkdir(parents=True)
        Path(task.job["work"]).mkdir()
        file = report / "job.json"
        file.write_text(json.dumps(task.job), encoding="utf-8")
        self.active[task.id] = task
        zygote = self.zygotes.get((task.kind, task.seed))
        if zygote is None:
            python = _python(self.root, task.head)
            process = self._python(python, WARDEN, task.job["environ"], [str(file)], cwd=task.job["work"])
            self.selector.register(cast(IO[bytes], process.stdout), selectors.EVENT_READ, task)
        else:
            with contextlib.suppress(BrokenPipeError):  # it ended; its closed output says so as well
                request = json.dumps({"id": task.id, "job": str(file)})
                cast(IO[bytes], zygote.stdin).write(request.encode() + b"\n")

    def _lost(self, zygote: subprocess.Popen[bytes]) -> None:
        """Start afresh what a zygote that ended too early had in hand: importing may have crashed it."""
        for key in [key for key, process in self.zygotes.items() if process is zygote]:
            del self.zygotes[key]
            for task in [task for task in self.active.values() if (task.kind, task.seed) == key]:
                shutil.rmtree(task.folder)
                self._start(task)

    def _python(
        self, python: Path, code: str, environ: dict[str, str], arguments: list[str], cwd: str | None = None
    ) -> subprocess.Popen[bytes]:
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"
        elsewhere = {"HOME": tempfile.gettempdir(), "TMPDIR": tempfile.gettempdir()}
        env = {**environ, **elsewhere}
        # A zygote may store compiled libraries. A snippet may not: it writes nowhere but in its folder.
        del env["PYTHONDONTWRITEBYTECODE"]
        process = subprocess.Popen(
            [str(python), "-P", "-c", code, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=env, cwd=cwd or tempfile.gettempdir(), start_new_session=True, bufsize=0,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def _ended(self) -> list[_Task]:
        """Wait for something to happen and return the tasks that ended."""
        ended = []
        for key, _ in self.selector.select(0.1 if self.watch else None):
            received = os.read(key.fd, 65536)
            if isinstance(key.data, _Task):  # a fresh warden writes nothing: its end closes the pipe
                if not received:
                    self.selector.unregister(key.fileobj)
                    ended.append(key.data)
                continue
            if not received:
                self.selector.unregister(key.fileobj)
                self._lost(key.data)
                continue
            *lines, self.text[key.fd] = (self.text.get(key.fd, b"") + received).split(b"\n")
            ended += [self.active[json.loads(line)["id"]] for line in lines]
        if self.watch:
            for task in self.active.values():
                self._tell(task, self.watch, whole_lines=task not in ended)
        return ended

    @staticmethod
    def _tell(task: _Task, watch: Watch, whole_lines: bool) -> None:
        """Pass on what examples have printed since the last time."""
        for number, name in enumerate(task.job["examples"]):
            path = Path(task.job["report"]) / f"out.{number}"
            if path.exists():
                with path.open("rb") as file:
                    file.seek(task.told.get(name, 0))
                    new = file.read()
                new = new[: new.rfind(b"\n") + 1] if whole_lines else new
                task.told[name] = task.told.get(name, 0) + len(new)
                if new:
                    watch(task.run.snippet, name, new.decode("utf-8", errors="replace"))

    def close(self) -> None:
        """End everything: wardens and zygotes see their input close, and end what is below them."""
        for process in self.processes:
            cast(IO[bytes], process.stdin).close()
        for process in self.processes:
            try:
                process.wait(timeout=15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            cast(IO[bytes], process.stdout).close()
        self.selector.close()


def _collect(task: _Task) -> None:
    """Read what the snippet left in its report folder."""
    report = Path(task.job["report"])
    run = task.run
    outcome = _json(report / "report.json") or {}
    result = _json(report / "result.json")
    run.seconds, run.peak_mb = outcome.get("seconds", 0.0), outcome.get("peak_mb", 0.0)
    stage = _read(report / "stage").decode("utf-8", errors="replace") or None
    run.error = (
        _refused(report, task)
        or _stopped(report, outcome, stage, task)
        or _unfinished(outcome, result, stage, report, task)
        or _left_behind(outcome, result)
    )
    for number, name in enumerate(task.job["examples"]):
        raw = _read(report / f"out.{number}")
        text, problem = _text(raw)
        line = reading.examples(run.snippet)[name]
        if problem and run.error is None:
            run.error = Failure("binary", name, f"example `{name}` {problem}", line)
        elif not text and run.error is None:
            run.error = Failure("silent", name, f"example `{name}` printed nothing", line)
        if text and not problem and (run.error is None or run.error.kind != "output"):
            run.sections[name] = text
    run.facts = (result or {}).get("facts", {})
    for name in task.job["figures"]:
        if drawn := _read(report / f"{name}.svg"):
            run.figures[name] = drawn.decode()


def _refused(report: Path, task: _Task) -> Failure | None:
    """The first thing that the guard refused, even if the snippet swallowed the exception."""
    lines = _read(report / "refused").splitlines()
    if not lines:
        return None
    first = json.loads(lines[0])
    what = first["what"]
    if first["kind"] == "network":
        message = f"{what}: a snippet has no network beyond this machine"
    else:
        message = f"{what}: a snippet writes only in the folder where it starts, and in tempfile.gettempdir()"
    line = first["line"]
    if first["file"] and first["file"] != task.job["file"]:
        message, line = f"{message} ({Path(first['file']).name}, line {line})", None
    return Failure(first["kind"], _example(first["stage"]), message, line, _stderr(report))


def _stopped(report: Path, outcome: dict[str, Any], stage: str | None, task: _Task) -> Failure | None:
    """What the warden ended the snippet for."""
    stopped = outcome.get("failure")
    if not stopped:
        return None
    message, key = stopped["message"], {"timeout": "timeout_s", "memory": "memory_mb"}.get(stopped["kind"])
    line = None
    for found in re.finditer(r'File "(.*)", line (\d+)', _read(report / "stack").decode(errors="replace")):
        if found[1] == task.job["file"]:
            line = int(found[2])
            break
    if stage == END:
        message += ", after its last example: a thread or process that it started does not end"
    if key:
        message += f" ({key} in its head)"
    return Failure(stopped["kind"], _example(stage), message, line, _stderr(report))


def _unfinished(
    outcome: dict[str, Any], result: dict[str, Any] | None, stage: str | None, report: Path, task: _Task
) -> Failure | None:
    """An exception, or an end before the end: only the result file proves that the last example returned."""
    error = (result or {}).get("error")
    if error:
        detail = error["detail"] + _stderr(report)
        return Failure(error["kind"], _example(error["example"]), error["message"], error["line"], detail)
    status = outcome.get("status")
    if result is not None and status == 0:
        return None
    where = {None: "while it was imported", END: "after its last example", FACTS: "in facts()"}
    place = where.get(stage, f"in the middle of example `{stage}`")
    if status is None:
        message = f"its process was ended from outside {place}"
    elif status == -getattr(signal, "SIGXCPU", 0):
        message = f"it used too much processor time {place} (timeout_s in its head)"
        return Failure("timeout", _example(stage), message)
    elif status < 0:
        message = f"it was killed by {signal.Signals(-status).name} {place}"
    else:
        message = f"it ended with exit code {status} {place}"
    line = reading.examples(task.run.snippet).get(stage or "")
    return Failure("exit", _example(stage), message, line, _stderr(report))


def _left_behind(outcome: dict[str, Any], result: dict[str, Any] | None) -> Failure | None:
    if outcome.get("leftovers"):
        names = ", ".join(outcome["leftovers"])
        return Failure("leftover", None, f"it left a process behind, which was ended: {names}")
    ports = (result or {}).get("listening")
    if ports:
        numbers = ", ".join(map(str, ports))
        return Failure("leftover", None, f"it ended while still listening on port {numbers}")
    return None


def _example(stage: str | None) -> str | None:
    return None if stage in (FACTS, END) else stage


def _text(raw: bytes) -> tuple[str, str | None]:
    """Output as it is recorded, and what is wrong with it."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        byte = f"{raw[error.start]:#04x}"
        return "", f"printed bytes that are not UTF-8 (line {line} of its output, byte {byte})"
    found = CONTROL.search(text)
    if found:
        line = text.count("\n", 0, found.start()) + 1
        return "", f"printed the control character {found[0]!r} (line {line} of its output)"
    if "--8<--" in text:
        return "", "printed a region marker, which would tear its recorded output apart"
    return "\n".join(line.rstrip() for line in text.split("\n")).rstrip("\n"), None


def _stderr(report: Path, lines: int = 20) -> str:
    text = _read(report / "stderr").decode("utf-8", errors="replace").rstrip()
    return "\n".join(["", "standard error:", *text.split("\n")[-lines:]]) if text else ""


def _read(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def _json(path: Path) -> dict[str, Any] | None:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else None


__all__ = ["ROOT", "WARM", "Failure", "Run", "record_runs", "run"]
