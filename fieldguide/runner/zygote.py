"""A process with one thread that has imported what many snippets need, and forks a warden for each."""

import contextlib
import gc
import importlib
import json
import os
import select
import signal
import sys
import traceback
from pathlib import Path
from types import ModuleType

from fieldguide.runner import child, warden

DRAWING = ("matplotlib.backends.backend_svg", "matplotlib.figure")
LATE = {"matplotlib": DRAWING, "torch": ("torch._dynamo", *DRAWING, "scipy.stats"),
        "transformers": ("transformers.modeling_utils",)}  # fmt: skip
"""What a library imports at its first use, and what its snippets often import besides."""


def main() -> None:
    """Serve until standard input closes. Arguments name the libraries to import first.

    Lines of input are JSON objects with an `id` and the path of a `job`; a line of output names an `id` that ended.
    """
    for library in sys.argv[1:]:
        with contextlib.suppress(ImportError):  # the snippet itself will say what is missing
            _warm(importlib.import_module(library))
    gc.collect()
    gc.freeze()  # keeps the collector from touching, and so copying, the pages that children share
    awake, waker = os.pipe()
    os.set_blocking(awake, False)
    os.set_blocking(waker, False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(waker, warn_on_full_buffer=False)
    alive, lifeline = os.pipe()  # never written to: `alive` becomes readable when this process is gone
    running: dict[int, str] = {}
    pending = b""
    while True:
        ready = select.select([0, awake], [], [])[0]
        if awake in ready:
            with contextlib.suppress(BlockingIOError):
                os.read(awake, 4096)
            _reap(running)
        if 0 in ready:
            if not (received := os.read(0, 65536)):
                return
            *lines, pending = (pending + received).split(b"\n")
            for request in map(json.loads, lines):
                if not (pid := os.fork()):
                    _become_warden(request["job"], alive, close=(awake, waker, lifeline))
                running[pid] = request["id"]


def _warm(library: ModuleType) -> None:
    """Do here once what each snippet would repeat: the first seeding, the first matrix product's buffers."""
    for late in LATE.get(library.__name__, ()):
        importlib.import_module(late)
    if library.__name__ == "transformers":
        _warm(importlib.import_module("torch"))
    elif library.__name__ in ("torch", "numpy"):
        child.seed(0)
        library.ones((64, 64)) @ library.ones((64, 64))


def _reap(running: dict[int, str]) -> None:
    while running and (pid := os.waitpid(-1, os.WNOHANG)[0]):
        os.write(1, json.dumps({"id": running.pop(pid)}).encode() + b"\n")


def _become_warden(file: str, alive: int, close: tuple[int, ...]) -> None:
    """What a fork of this process does instead of serving; never returns."""
    try:
        signal.set_wakeup_fd(-1)
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDWR)
        for end in (0, 1):
            os.dup2(nothing, end)
        for end in (nothing, *close):
            os.close(end)
        os.setsid()
        warden.supervise(json.loads(Path(file).read_text(encoding="utf-8")), alive)
    except BaseException:
        traceback.print_exc()
        os._exit(1)
    os._exit(0)
