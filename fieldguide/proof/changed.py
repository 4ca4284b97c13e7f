"""Which pages a branch touched: their own folders, and what they import, show or quote from others."""

import subprocess
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from fieldguide import runner
from fieldguide.guide.project import Project, Trio
from fieldguide.proof import notebooks

READERS = ("fieldguide/guide/outputs.py", "fieldguide/proof/record.py", "fieldguide/proof/notebooks.py")
MACHINERY = ("fieldguide/runner/", *READERS, "requirements/test.txt")
"""A change here can change what every snippet prints, or whether that is noticed."""


class GitError(Exception):
    """Why the branch cannot be compared."""


class Touched(NamedTuple):
    """What a branch can have broken."""

    files: set[Path]  # what differs from the base, deleted files included
    trios: list[Trio]
    tests: list[Path]  # further ones that import a changed snippet, such as those of published numbers
    labs: list[Path]  # sources of notebooks
    machinery: str  # the file that makes every page suspect, if there is one


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], cwd=root, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise GitError("git is not installed, so the branch cannot be compared.") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["it failed"])[-1]
        raise GitError(f"git {arguments[0]}: {reason}")
    return done.stdout


def changed_files(root: Path, base: str = "") -> set[Path]:
    """Files that differ from where the branch left `base`, by default `main`, committed or not, and new ones.

    A `GitError` says if this is no checkout, or `base` is nothing that git knows.
    """
    paths, start = _git(root, "ls-files", "--others", "--exclude-standard", "-z"), ""
    for known in [base] if base else ["HEAD", "upstream/main", "origin/main", "main"]:  # the last that is there
        with suppress(GitError):
            start = _git(root, "merge-base", "HEAD", known).strip()
    if base and not start:
        raise GitError(f"git knows no branch or commit {base!r}; with --changed, the argument is what to compare with.")
    # where nothing is committed yet, everything is new
    paths += _git(root, *(["diff", "--name-only", "--relative", "-z", start] if start else ["ls-files", "-z"]))
    return {root / path for path in paths.split("\0") if path}


def touched(project: Project, base: str = "") -> Touched:
    """Pages and tests that a branch can have broken."""
    files = changed_files(project.root, base)
    machinery = next((name for name in sorted(map(project.relative, files)) if name.startswith(MACHINERY)), "")
    trios = [trio for trio in project.trios if trio.snippets and (machinery or _depends(project, trio, files))]
    further = [path for path in sorted(project.tests.glob("published/test_*.py")) if _used(project, {path}) & files]
    labs = [path for path in notebooks.sources(project)
            if machinery or _used(project, {path, path.with_suffix(".ipynb")}) & files]  # fmt: skip
    return Touched(files, trios, further, labs, machinery)


def _depends(project: Project, trio: Trio, changed: set[Path]) -> bool:
    """Whether a change can make a trio pass or fail."""
    code, tests = project.snippets / trio.page.folder, project.tests / trio.page.folder
    if any(path.parent in (code, tests, tests.parent) and not path.name.startswith("test_") for path in changed):
        return True
    shown = {project.snippets / include.file for include in trio.page.includes}
    owners = {fact.owner for fact in trio.page.facts}
    quoted = {path for other in project.trios if other.name in owners for path in other.snippets}
    ran = {path.with_name(path.name.replace(".out.txt", ".py")) for path in shown}
    return bool(changed & (_used(project, {*trio.snippets, *trio.tests, *quoted, *ran}) | shown | {trio.page.path}))


def _used(project: Project, files: set[Path]) -> set[Path]:
    """`files` with all that the Python files among them import, and what tests find in their folders."""
    for folder in {path.parent for path in files if project.tests in path.parents}:
        files = files | {p for p in folder.rglob("*") if p.is_file() and not p.name.startswith(("test_", "."))}
    for path in [path for path in files if path.suffix == ".py" and path.is_file()]:
        files = files | runner.reach(path, project.root)[0]
    return files
