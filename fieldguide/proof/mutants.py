"""Breaks a page's code in small seeded ways, and asks the page's own tests whether they see it.

Each mutant lives in a copy of the checkout. There its outputs and facts are recorded anew, so that only tests and
published numbers can tell. No kept library fits: mutmut 3 runs pytest alone, mutatest stopped at Python 3.8, and
cosmic-ray, which takes any command, draws no sample, changes files in place, and ends only its shell at the limit.
"""

import ast
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any, NamedTuple

from fieldguide import runner
from fieldguide.guide.project import Breach, Project, Trio
from fieldguide.proof import published, record
from fieldguide.proof.testing import PLUGIN

EQUIVALENT = "tests/equivalent.txt"
"""Mutants that change nothing that anybody could see: `path :: line :: before → after :: why`."""
LINKED = (".venv*", "node_modules", "overrides")
FACTOR, GRACE = 3.0, 20.0
"""A mutant that takes so many times as long as the unbroken page, and so many seconds more, is ended: killed."""
OTHER: dict[type, type[ast.AST]] = {
    ast.Add: ast.Sub, ast.Sub: ast.Add, ast.Mult: ast.Div, ast.Div: ast.Mult, ast.FloorDiv: ast.Mult,
    ast.Mod: ast.Mult, ast.Pow: ast.Mult, ast.MatMult: ast.Add, ast.And: ast.Or, ast.Or: ast.And,
    ast.Lt: ast.LtE, ast.LtE: ast.Lt, ast.Gt: ast.GtE, ast.GtE: ast.Gt, ast.Eq: ast.NotEq, ast.NotEq: ast.Eq,
}  # fmt: skip
OPPOSITE = {"min": "max", "max": "min", "any": "all", "all": "any"}
UNORDERED = {*OPPOSITE, "getattr", "isinstance", "print", "setattr", "zip"}
"""Functions whose arguments cannot be swapped, or are as good in any order."""


class Mutant(NamedTuple):
    """One small change to one file."""

    path: Path
    line: int
    name: str  # `path :: line :: before → after`
    text: str  # the whole file, changed


def choose(project: Project, trio: Trio, number: int, seed: int) -> tuple[list[Mutant], list[Breach]]:
    """`number` mutants of a page, files taking turns, no line twice; and entries of `EQUIVALENT` that name none.

    The place of each in the draw depends on its own line alone: edits of others do not move it.
    """

    def place(name: str) -> float:
        return random.Random(f"{seed} {name}").random()

    ledger = project.root / EQUIVALENT
    entries = ledger.read_text(encoding="utf-8").splitlines() if ledger.is_file() else []
    equivalent = {entry.rpartition(" :: ")[0]: number for number, entry in enumerate(entries, 1)}
    possible = {path: list(mutants(project, trio, path)) for path in trio.snippets}
    others = {project.relative(path) for path in project.snippet_files} - {project.relative(path) for path in possible}
    named = {mutant.name for each in possible.values() for mutant in each}
    stale = [name for name in equivalent.keys() - named if name.split(" :: ")[0] not in others]
    ranked = []
    for path, each in possible.items():
        each = sorted((m for m in each if m.name not in equivalent), key=lambda m: place(m.name))
        lines = {m.line: m for m in reversed(each)}  # the first of each line
        ranked += [(turn, place(path.name), m) for turn, m in enumerate(m for m in each if m is lines[m.line])]
    fix = "write `path :: line :: before → after :: why` as it stands now, or delete the entry."
    told = [
        Breach(EQUIVALENT, equivalent[name], "mutant", "there is no such mutant.", fix, trio.name) for name in stale
    ]
    return sorted(m for *_, m in sorted(ranked, key=lambda each: each[:2])[:number]), told


def mutants(project: Project, trio: Trio, path: Path) -> Iterator[Mutant]:
    """Every mutant of a file: operators, comparisons, constants, bounds, dropped terms, swapped arguments.

    How something is drawn is no claim: of figures, only functions that a test calls are broken.
    """
    tested = "".join(test.read_text(encoding="utf-8") for test in trio.tests) if _draws(project, trio, path) else ""
    raw = path.read_bytes()
    lines = raw.splitlines(keepends=True)
    starts = [0, *accumulate(map(len, lines))]
    for statement in ast.parse(raw).body:
        name = getattr(statement, "name", "")
        main = isinstance(statement, ast.If) and "__name__" in ast.unparse(statement.test)
        texts = "str" in ast.unparse(getattr(statement, "returns", None) or ast.Constant(0))
        drawn = tested and (texts or not name or f"{path.stem}.{name}(" not in tested)
        if main or name.startswith("figure_") or drawn:
            continue
        for node, whole in _targets(statement):
            start = starts[whole.lineno - 1] + whole.col_offset
            end = starts[(whole.end_lineno or 0) - 1] + (whole.end_col_offset or 0)
            for new in _changes(node):
                with suppress(ValueError):  # a string that Python 3.11 cannot write
                    after = ast.unparse(_with(whole, node, new))
                    after = f"({after})" if isinstance(new, ast.BinOp | ast.Compare | ast.BoolOp) else after
                    parts = project.relative(path), lines[whole.lineno - 1].decode().strip()
                    named = " :: ".join([*parts, f"{ast.unparse(node)} → {ast.unparse(new)}"])
                    yield Mutant(path, whole.lineno, named, (raw[:start] + after.encode() + raw[end:]).decode())


def _draws(project: Project, trio: Trio, path: Path) -> bool:
    """Whether a file holds figures and no example or fact, or serves such files alone."""
    plain = {p for p in trio.snippets if not runner.examples(p) and b"def facts(" not in p.read_bytes()}
    users = {p for p in trio.snippets if path in runner.reach(p, project.root)[0]}
    return path in plain and (
        bool(runner.figures(path)) or (bool(users) and all(p in plain and runner.figures(p) for p in users))
    )


def _targets(node: ast.AST, whole: ast.expr | None = None) -> Iterator[tuple[ast.expr, ast.expr]]:
    """Expressions but annotations and formats, each with the one whose text changes.

    Of a formatted string that is the whole: Python 3.11 knows no place inside.
    """
    if isinstance(node, ast.expr):
        whole = whole or (node if isinstance(node, ast.JoinedStr) else None)
        yield node, whole or node
    left_out = [getattr(node, field, None) for field in ("annotation", "returns", "format_spec")]
    for child in ast.iter_child_nodes(node):
        if child not in left_out:
            yield from _targets(child, whole)


def _with(tree: Any, old: ast.expr, new: ast.expr) -> Any:
    """A tree with one node replaced."""
    if isinstance(tree, list):
        return [_with(part, old, new) for part in tree]
    if tree is old or not isinstance(tree, ast.AST):
        return new if tree is old else tree
    return type(tree)(**{field: _with(part, old, new) for field, part in ast.iter_fields(tree)})


def _changes(node: ast.expr) -> Iterator[ast.expr]:
    op = getattr(node, "op", None) or getattr(node, "ops", [None])[0]
    other: Any = OTHER.get(type(op))
    match node:
        case ast.BinOp(left, _, right) if other and not any(map(_is_text, (left, right))):
            yield from (ast.BinOp(left, other(), right), left)
            if isinstance(op, ast.Add | ast.Mult):
                yield right
        case ast.Compare(left, [_], [right]) if other:
            yield ast.Compare(left, [other()], [right])
        case ast.BoolOp(_, values):
            yield ast.BoolOp(other(), values)
        case ast.Constant(bool() as value):
            yield ast.Constant(not value)
        case ast.Constant(int() as value):
            yield ast.Constant(value + 1)
        case ast.Constant(float() as value):
            yield ast.Constant(value * 1.25 if value else 1.0)
        case ast.Call(ast.Name(name), arguments, keywords) if name in OPPOSITE:
            yield ast.Call(ast.Name(OPPOSITE[name]), arguments, keywords)
        case ast.Call(ast.Name("range") as function, [*rest, last], keywords) if len(rest) < 2:
            yield ast.Call(function, [*rest, ast.BinOp(last, ast.Sub(), ast.Constant(1))], keywords)
        case ast.Call(ast.Name(name) as function, [first, second, *rest], keywords) if name not in UNORDERED:
            if ast.dump(first) != ast.dump(second):
                yield ast.Call(function, [second, first, *rest], keywords)


def _is_text(node: ast.expr) -> bool:
    return isinstance(node, ast.JoinedStr) or (isinstance(node, ast.Constant) and isinstance(node.value, str))


def judge(project: Project, trio: Trio, chosen: list[Mutant]) -> Iterator[tuple[Mutant, str, float]]:
    """Each mutant in turn, what saw it (empty for a survivor), and seconds.

    Raises:
        RuntimeError: if something sees a mutant where there is none.
    """
    limit, numbers = 3600.0, tuple(published.tests(project, trio.page.area))
    times = dict.fromkeys([*((project.relative(path),) for path in trio.tests), *([numbers] if numbers else [])], 0.0)
    for mutant in (None, *chosen):
        began = time.monotonic()
        with tempfile.TemporaryDirectory(prefix="fg-", ignore_cleanup_errors=True) as folder:
            seen = _seen(project, trio, mutant, Path(folder), times, began + limit)
        seconds = time.monotonic() - began
        if mutant:
            yield mutant, seen, seconds
        elif seen:
            raise RuntimeError(f"{trio.name} does not pass as it is: {seen}")
        else:
            limit = FACTOR * seconds + GRACE


def _seen(
    project: Project, trio: Trio, mutant: Mutant | None, folder: Path, times: dict[tuple[str, ...], float], until: float
) -> str:
    """What sees a mutant in a copy below `folder`; `times` has the seconds of tests, of which the quickest begin."""
    copy, changed = folder / "copy", project.relative(mutant.path) if mutant else ""
    shutil.copytree(project.root, copy, ignore=shutil.ignore_patterns(*LINKED, ".git", ".cache", "site", "__pycache__"))
    for path in (path for pattern in LINKED for path in project.root.glob(pattern)):
        (copy / path.name).symlink_to(path)
    if mutant:
        (copy / changed).write_text(mutant.text, encoding="utf-8")
    pytest = "pytest", *PLUGIN, f"--rootdir={copy}", "-xqra", "--no-header", "--tb=line"
    for tests in ((), *sorted(times, key=times.__getitem__)):
        began = time.monotonic()
        command = (*pytest, *tests) if tests else ("fieldguide.proof.mutants", trio.name, changed)
        code, said = _run(["-m", *command], copy, until - began)
        if code is None:
            return "its limit"
        if code:
            lines = [line for line in said.splitlines() if line.startswith(("FAILED", "ERROR", "snippets/"))]
            return (lines or said.strip().splitlines() or [f"exit code {code}"])[0]
        if tests:
            times[tests] = time.monotonic() - began
    return ""


def _run(arguments: list[str], copy: Path, seconds: float) -> tuple[int | None, str]:
    """Exit code, or None at the limit, and what was printed. Nothing that was started stays, nor what it wrote."""
    env = {**os.environ, "PYTHONPATH": str(copy), "TMPDIR": str(copy.parent)}
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as output:
        process = subprocess.Popen(
            [sys.executable, *arguments], cwd=copy, env=env, stdin=subprocess.DEVNULL,
            stdout=output, stderr=subprocess.STDOUT, start_new_session=True,
        )  # fmt: skip
        code = None
        try:
            with suppress(subprocess.TimeoutExpired):
                code = process.wait(max(seconds, 1.0))
        finally:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        output.seek(0)
        return code, output.read()


def rerecord(root: Path, name: str, changed: str) -> int:
    """Record anew what a changed file of a page can change; 1 if a snippet fails, or does not do the same twice."""
    project = Project(root)
    trio, path = project.trio(name), root / changed
    reaching = tuple(p for p in trio.snippets if not changed or path in {p, *runner.reach(p, root)[0]})
    _, refused = record.record(project, [replace(trio, snippets=reaching)], again=False)
    print(*refused, sep="\n")
    return int(bool(refused))


if __name__ == "__main__":
    sys.exit(rerecord(Path.cwd(), *sys.argv[1:]))
