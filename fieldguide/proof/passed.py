"""Which trios passed on this machine, when, and with which versions: a cache, which the site shows."""

import datetime
import hashlib
import importlib.metadata
import json
import platform
from collections.abc import Iterable
from contextlib import suppress
from typing import Any

from fieldguide import runner
from fieldguide.guide.outputs import output_file, write_atomic
from fieldguide.guide.project import Project, Trio

PASSED = ".cache/fieldguide/passed.json"


def digest(project: Project, trio: Trio) -> str:
    """A hash of all that a trio's result depends on: page, snippets, outputs, tests, what they import."""
    files = {trio.page.path, *trio.snippets, *trio.tests, *map(output_file, trio.snippets)}
    files |= {path.with_name(f"{name}.svg") for path in trio.snippets for name in runner.figures(path)}
    for path in (*trio.snippets, *trio.tests):
        files |= runner.reach(path, project.root)[0]
    content = hashlib.sha256()
    for path in sorted(filter(lambda path: path.is_file(), files)):
        content.update(project.relative(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return content.hexdigest()


def mark_passed(project: Project, trios: Iterable[Trio]) -> None:
    """Remember that these trios passed today, as they are now, and with which versions."""
    passed = read(project)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for trio in trios:
        versions = {"python": platform.python_version()}
        for library in sorted({name for path in trio.snippets for name in runner.reach(path, project.root)[1]}):
            with suppress(importlib.metadata.PackageNotFoundError):
                versions[library] = importlib.metadata.version(library)
        passed[trio.name] = {"date": today, "digest": digest(project, trio), "versions": versions}
    path = project.root / PASSED
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(passed, indent=1, sort_keys=True) + "\n")


def last_passed(project: Project, trio: Trio) -> tuple[datetime.date, bool] | None:
    """Day on which a trio last passed on this machine, and whether it is unchanged since; None if never."""
    entry = read(project).get(trio.name)
    return entry and (datetime.date.fromisoformat(entry["date"]), entry["digest"] == digest(project, trio))


def read(project: Project) -> dict[str, Any]:
    """Day, digest and versions of each trio that passed here, by name."""
    try:
        found = json.loads((project.root / PASSED).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a cache: what cannot be read counts as never passed
        return {}
    return found if isinstance(found, dict) else {}
