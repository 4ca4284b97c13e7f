"""Keeps as many snippets running as there are cores, forked from warmed processes where they may be."""

import contextlib
import json
import os
import selectors
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import IO, cast

from fieldguide.runner.plan import python_of
from fieldguide.runner.task import Task

ROOT = Path(__file__).resolve().parents[2]
WARDEN = "from fieldguide.runner import warden; warden.main()"
ZYGOTE = "from fieldguide.runner import zygote; zygote.main()"
Watch = Callable[[Path, str, str], None]
"""Called with snippet, example and new text while a snippet prints."""


class Pool:
    """Zygotes and fresh wardens, and one selector that waits for all of them."""

    def __init__(self, size: int, root: Path, watch: Watch | None) -> None:
        self.size, self.root, self.watch = size, root, watch
        self.zygotes: dict[tuple[str, int], subprocess.Popen[bytes]] = {}
        self.processes: list[subprocess.Popen[bytes]] = []
        self.selector = selectors.DefaultSelector()
        self.active: dict[str, Task] = {}
        self.text: dict[int, bytes] = {}

    def work(self, tasks: list[Task]) -> Iterable[Task]:
        """Start tasks as places become free; yield each when it has ended."""
        for task in tasks:  # all at once: one imports while others already run
            if task.kind != "fresh" and (task.kind, task.seed) not in self.zygotes:
                process = self._python(Path(sys.executable), ZYGOTE, task.job["environ"], [task.kind or "json"])
                self.zygotes[task.kind, task.seed] = process
                self.selector.register(cast(IO[bytes], process.stdout), selectors.EVENT_READ, process)
        todo = list(tasks)
        while todo or self.active:
            while todo and len(self.active) < self.size:
                self._start(todo.pop(0))
            for task in self._ended():
                yield self.active.pop(task.id)

    def _start(self, task: Task) -> None:
        report = Path(task.job["report"])
        report.mkdir(parents=True)
        Path(task.job["work"]).mkdir()
        file = report / "job.json"
        file.write_text(json.dumps(task.job), encoding="utf-8")
        self.active[task.id] = task
        zygote = self.zygotes.get((task.kind, task.seed))
        if zygote is None:
            python = python_of(self.root, task.head)
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

    def _python(self, python: Path, code: str, environ: dict[str, str], arguments: list[str],
                cwd: str | None = None) -> subprocess.Popen[bytes]:  # fmt: skip
        code = f"import sys; sys.path.insert(0, {str(ROOT)!r}); {code}"
        env = environ | dict.fromkeys(("HOME", "TMPDIR"), tempfile.gettempdir())
        # A zygote may store compiled libraries. A snippet may not: it writes nowhere but in its folder.
        del env["PYTHONDONTWRITEBYTECODE"]
        process = subprocess.Popen(
            [str(python), "-P", "-c", code, *arguments],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            env=env, cwd=cwd or tempfile.gettempdir(), start_new_session=True, bufsize=0,
        )  # fmt: skip
        self.processes.append(process)
        return process

    def _ended(self) -> list[Task]:
        """Wait for something to happen and return the tasks that ended."""
        ended = []
        for key, _ in self.selector.select(0.1 if self.watch else None):
            if received := os.read(key.fd, 65536):  # a zygote names what ended; a fresh warden writes nothing
                *lines, self.text[key.fd] = (self.text.get(key.fd, b"") + received).split(b"\n")
                ended += [self.active[json.loads(line)["id"]] for line in lines]
                continue
            self.selector.unregister(key.fileobj)
            if isinstance(key.data, Task):
                ended.append(key.data)
            else:
                self._lost(key.data)
        if self.watch:
            for task in self.active.values():
                self._tell(task, self.watch, whole_lines=task not in ended)
        return ended

    @staticmethod
    def _tell(task: Task, watch: Watch, whole_lines: bool) -> None:
        """Pass on what examples have printed since the last time."""
        for number, name in enumerate(task.job["examples"]):
            path = Path(task.job["report"]) / f"out.{number}"
            told = task.told.get(name, 0)
            new = path.read_bytes()[told:] if path.exists() else b""
            if new := new[: new.rfind(b"\n") + 1] if whole_lines else new:
                task.told[name] = told + len(new)
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
