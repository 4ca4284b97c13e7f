"""The process above one snippet: it holds the limits, and nothing that the snippet started outlives it.

On Linux a warden adopts every orphan below it, so that a process which forks twice or
opens its own session is still found. Elsewhere only the snippet's process group is ended.
"""

import contextlib
import ctypes
import json
import math
import os
import re
import resource
import select
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

from fieldguide.runner import child
from fieldguide.runner.child import Job

LINUX = sys.platform == "linux"
MAX_OUTPUT = 1_000_000
"""Bytes that one snippet may print."""
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


def supervise(job: Job, lifeline: int) -> None:
    """Run the child to its end and write `report.json`; if `lifeline` closes, the caller is gone and all ends."""
    if LINUX:
        _prctl(PR_SET_CHILD_SUBREAPER, 1)
    began = time.monotonic()
    pid = _forked(job)
    watched = [lifeline]
    with contextlib.suppress(OSError, AttributeError):
        watched.append(os.pidfd_open(pid))  # readable at the child's end; without one, its status is polled
    report: dict[str, Any] = {"failure": None, "status": None, "peak_mb": 0.0}
    while report["status"] is None:
        if lifeline in select.select(watched, [], [], 0.02 if job["light"] else 0.1)[0]:
            report["failure"] = {"kind": "gone", "message": "the caller is gone"}
        _poll(pid, report)
        if report["status"] is None and report["failure"] is None:
            report["failure"] = _over_limit(job, pid, began, report)
        if report["status"] is None and report["failure"]:
            _locate(pid, job)
            _end_all(pid)
            _poll(pid, report, block=True)
    report["leftovers"] = _leftovers(pid, 0.3 if job["light"] else 15.0)
    report["seconds"] = time.monotonic() - began
    if report["failure"] is None and report["peak_mb"] > job["memory_mb"]:
        report["failure"] = _too_much_memory(job, report["peak_mb"])
    target = Path(job["report"])
    (target / "report.part").write_text(json.dumps(report), encoding="utf-8")
    (target / "report.part").replace(target / "report.json")


def _forked(job: Job) -> int:
    if pid := os.fork():
        return pid
    try:
        _limit(job)
        child.main(job)
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(70)


def _limit(job: Job) -> None:
    if LINUX:
        _prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    cores = 1 if job["light"] else os.cpu_count() or 1
    seconds = math.ceil(job["timeout_s"]) * cores + 2
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 2))


def _poll(pid: int, report: dict[str, Any], block: bool = False) -> None:
    """Take the exit status and the peak memory, if the child has ended."""
    ended, status, usage = os.wait4(pid, 0 if block else os.WNOHANG)
    if ended:
        report["status"] = os.waitstatus_to_exitcode(status)
        report["peak_mb"] = max(report["peak_mb"], usage.ru_maxrss / (1024 if LINUX else 1024**2))


def _over_limit(job: Job, pid: int, began: float, report: dict[str, Any]) -> dict[str, str] | None:
    if time.monotonic() - began > job["timeout_s"]:
        return {"kind": "timeout", "message": f"it ran longer than {job['timeout_s']:g} s"}
    printed = sum(path.stat().st_size for path in Path(job["report"]).glob("out.*"))
    if printed > MAX_OUTPUT:
        return {"kind": "output", "message": f"it printed more than {MAX_OUTPUT // 1000:,} kB"}
    report["peak_mb"] = max(report["peak_mb"], resident := _resident_mb(pid, job["memory_mb"]))
    return _too_much_memory(job, resident) if resident > job["memory_mb"] else None


def _too_much_memory(job: Job, resident: float) -> dict[str, str]:
    message = f"it held {math.ceil(resident):,} MB of memory at once; {job['memory_mb']:,g} MB are allowed"
    return {"kind": "memory", "message": message}


def _resident_mb(pid: int, limit: float) -> float:
    """Memory of the child and everything below it, on Linux."""
    family = [pid, *_below(pid)] if LINUX else []
    total = sum(_memory(member, "status", b"VmRSS") for member in family)
    # Resident sets count shared pages once for each process; proportional shares are slower to count.
    if total > limit and len(family) > 1:
        total = sum(_memory(member, "smaps_rollup", b"Pss") for member in family)
    return total


def _memory(pid: int, file: str, key: bytes) -> float:
    found = re.search(rb"^%b:\s*(\d+)" % key, _proc(pid, file), re.M)
    return int(found[1]) / 1024 if found else 0.0


def _proc(pid: int, file: str) -> bytes:
    """What Linux says of a process; nothing if it has ended."""
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/{file}").read_bytes()
    return b""


def _below(pid: int) -> list[int]:
    """Every living descendant of a process."""
    found: list[int] = []
    for task in Path(f"/proc/{pid}/task").glob("*"):
        for one in map(int, _proc(pid, f"task/{task.name}/children").split()):
            found += [one, *_below(one)]
    return found


def _locate(pid: int, job: Job) -> None:
    """Ask the child where it is; its fault handler writes the stack. Then give it a moment."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGUSR1)
    until = time.monotonic() + 0.3
    stack = Path(job["report"]) / "stack"
    while time.monotonic() < until and not (stack.exists() and stack.stat().st_size):
        time.sleep(0.02)


def _leftovers(pid: int, grace: float) -> list[str]:
    """Names of processes that are still there when the snippet has ended and had a moment; they are ended."""
    until = time.monotonic() + grace
    while _alive(pid) and time.monotonic() < until:
        time.sleep(0.02)
    if not _alive(pid):
        return []
    names = [_name(one) for one in _below(os.getpid())] if LINUX else ["a process of its group"]
    _end_all(pid)
    return names


def _alive(pid: int) -> bool:
    """Whether anything that the snippet started still runs. Ended orphans are reaped on the way."""
    with contextlib.suppress(ProcessLookupError, PermissionError, ChildProcessError):
        if not LINUX:
            os.killpg(pid, 0)
            return True
        while os.waitpid(-1, os.WNOHANG)[0]:
            pass
        return True
    return False


def _name(pid: int) -> str:
    command = _proc(pid, "cmdline")
    words = command.replace(b"\0", b" ").decode(errors="replace").strip()
    forked = command == _proc(os.getpid(), "cmdline")
    what = "a forked copy of the snippet" if forked else f"`{words[:80]}`"
    return f"{what} (process {pid})"


def _end_all(pid: int) -> None:
    """End the snippet and everything below this warden, however it was started."""
    until = time.monotonic() + 10
    while time.monotonic() < until:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(pid, signal.SIGKILL)
        below = _below(os.getpid()) if LINUX else []
        for one in below:
            with contextlib.suppress(ProcessLookupError):
                os.kill(one, signal.SIGKILL)
        if not (others := [one for one in below if one != pid]):
            return
        for one in others:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(one, os.WNOHANG)
        time.sleep(0.01)


def _prctl(option: int, value: int) -> None:
    ctypes.CDLL(None).prctl(option, value, 0, 0, 0)


def main() -> None:
    """Entry of a fresh interpreter: the job's file is the first argument, the lifeline is standard input."""
    supervise(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")), 0)
