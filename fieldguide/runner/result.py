"""What a snippet left behind, as a `Run`: what it printed and drew, or why it did not come to its end."""

import json
import re
import signal
from pathlib import Path
from typing import Any

from fieldguide.runner import snippet as reading
from fieldguide.runner.child import END, FACTS
from fieldguide.runner.task import Failure, Task

RULES = {
    "network": "has no network beyond this machine",
    "write": "writes only in the folder where it starts, and in tempfile.gettempdir()",
}
Json = dict[str, Any]
CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def collect(task: Task) -> None:
    """Read what the snippet left in its report folder."""
    report = Path(task.job["report"])
    run = task.run
    outcome, result = (_json(report / name) for name in ("report.json", "result.json"))
    run.seconds, run.peak_mb = outcome.get("seconds", 0.0), outcome.get("peak_mb", 0.0)
    stage = _read(report / "stage").decode("utf-8", errors="replace") or None
    run.error = _refused(report, task) or _stopped(report, outcome, stage, task)
    run.error = run.error or _unfinished(report, outcome, result, stage, task) or _left_behind(outcome, result)
    for number, name in enumerate(task.job["examples"]):
        text, problem = _text(_read(report / f"out.{number}"))
        line = reading.examples(run.snippet)[name]
        if problem and run.error is None:
            run.error = Failure("binary", name, f"example `{name}` {problem}", line)
        elif not text and run.error is None:
            run.error = Failure("silent", name, f"example `{name}` printed nothing", line)
        if text and not problem and (run.error is None or run.error.kind != "output"):
            run.sections[name] = text
    run.facts = result.get("facts", {})
    drawn = {name: _read(report / f"{name}.svg").decode() for name in task.job["figures"]}
    run.figures = {name: text for name, text in drawn.items() if text}


def _refused(report: Path, task: Task) -> Failure | None:
    """The first thing that the guard refused, even if the snippet swallowed the exception."""
    if not (lines := _read(report / "refused").splitlines()):
        return None
    first = json.loads(lines[0])
    message, line = f"{first['what']}: a snippet {RULES[first['kind']]}", first["line"]
    if first["file"] and first["file"] != task.job["file"]:
        message, line = f"{message} ({Path(first['file']).name}, line {line})", None
    return Failure(first["kind"], _example(first["stage"]), message, line, _stderr(report))


def _stopped(report: Path, outcome: Json, stage: str | None, task: Task) -> Failure | None:
    """What the warden ended the snippet for."""
    if not (stopped := outcome.get("failure")):
        return None
    message = stopped["message"]
    frames = re.findall(r'File "(.*)", line (\d+)', _read(report / "stack").decode(errors="replace"))
    line = next((int(number) for file, number in frames if file == task.job["file"]), None)
    if stage == END:
        message += ", after its last example: a thread or process that it started does not end"
    if key := {"timeout": "timeout_s", "memory": "memory_mb"}.get(stopped["kind"]):
        message += f" ({key} in its head)"
    return Failure(stopped["kind"], _example(stage), message, line, _stderr(report))


def _unfinished(report: Path, outcome: Json, result: Json, stage: str | None, task: Task) -> Failure | None:
    """An exception, or an end before the end: only the result file proves that the last example returned."""
    if error := result.get("error"):
        detail = error["detail"] + _stderr(report)
        return Failure(error["kind"], _example(error["example"]), error["message"], error["line"], detail)
    status = outcome.get("status")
    if result and status == 0:
        return None
    where = {None: "while it was imported", END: "after its last example", FACTS: "in facts()"}
    place = where.get(stage, f"in the middle of example `{stage}`")
    if status is None:
        message = f"its process was ended from outside {place}"
    elif status == -signal.SIGXCPU:
        message = f"it used too much processor time {place} (timeout_s in its head)"
        return Failure("timeout", _example(stage), message)
    elif status < 0:
        message = f"it was killed by {signal.Signals(-status).name} {place}"
    else:
        message = f"it ended with exit code {status} {place}"
    line = reading.examples(task.run.snippet).get(stage or "")
    return Failure("exit", _example(stage), message, line, _stderr(report))


def _left_behind(outcome: Json, result: Json) -> Failure | None:
    if names := ", ".join([*outcome.get("leftovers", []), *result.get("shared", [])]):
        return Failure("leftover", None, f"it left something behind, which was ended: {names}")
    if names := ", ".join(f"`{name}`" for name in result.get("threads", [])):
        return Failure("leftover", None, f"a thread still ran when it had ended: {names}")
    if ports := ", ".join(map(str, result.get("listening", []))):
        return Failure("leftover", None, f"it ended while still listening on port {ports}")
    return None


def _example(stage: str | None) -> str | None:
    return None if stage in (FACTS, END) else stage


def _text(raw: bytes) -> tuple[str, str | None]:
    """Output as it is recorded, and what is wrong with it."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        return "", f"printed bytes that are not UTF-8 (line {line} of its output, byte {raw[error.start]:#04x})"
    if found := CONTROL.search(text):
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


def _json(path: Path) -> Json:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
