"""Rules on tests: they assert something, and what they skip is paid for in the ledger."""

from __future__ import annotations

import ast
import datetime
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from fieldguide.guide.regions import functions
from fieldguide.proof.rules.guide import Finding, Guide, near, rule

LEDGER = "tests/skips.toml"
MAX_SKIPS = 5
SKIPS = frozenset(
    {
        "skip",
        "skipif",
        "xfail",
        "importorskip",
        "skipIf",
        "skipUnless",
        "expectedFailure",
        "SkipTest",
        "skipTest",
    }
)
CHECKS = (
    "assert_",
    "raises",
    "fail_",
    "check_",
)  # as in `fieldguide.proof.pytest_plugin`, which needs pytest
HOMES = frozenset({"pytest", "unittest", "mark"})
ISSUE = re.compile(r"#\d+|https?://\S+")


@rule("assertion", "The tests of a page assert something that could be false.")
def asserts(guide: Guide) -> Iterator[Finding]:
    """Test files without a test or an assertion, and assertions that always hold."""
    for trio in guide.trios.values():
        for path in trio.tests:
            nodes = guide.nodes(path)
            if not nodes:
                continue
            asserted = [node for node in nodes if isinstance(node, ast.Assert)]
            empty = [node for node in asserted if _always_holds(node.test)]
            for node in empty:
                yield (
                    path,
                    node.lineno,
                    "this assertion holds whatever the code does.",
                    "assert a value that the snippet computes.",
                )
            if not any(
                isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef) and n.name.startswith("test")
                for n in nodes
            ):
                yield (
                    path,
                    1,
                    "the file has no test.",
                    "write a function `test_…` that asserts what the page claims.",
                )
            elif len(asserted) == len(empty) and not any(_checks(node) for node in nodes):
                yield (
                    path,
                    1,
                    "the tests of this page assert nothing.",
                    "compare with an implementation that nobody here wrote.",
                )


def _always_holds(test: ast.expr) -> bool:
    """`assert True`, `assert 1 == 1`, `assert x == x`, `assert (x, "message")`, `assert x or True`."""
    match test:
        case ast.Tuple(elts=[_, *_]):
            return True
        case ast.Compare(left=left, ops=[ast.Eq() | ast.Is()], comparators=[right]) if ast.dump(
            left
        ) == ast.dump(right):
            return not any(
                isinstance(node, ast.Call) for node in ast.walk(left)
            )  # a call may differ from itself
        case ast.BoolOp(op=ast.Or(), values=values):
            return any(_always_holds(value) for value in values)
    return not any(isinstance(node, ast.Name | ast.Call) for node in ast.walk(test))


def _checks(node: ast.AST) -> bool:
    """A call such as `torch.testing.assert_close` or `pytest.raises`."""
    if not isinstance(node, ast.Call):
        return False
    name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
    return name.startswith(CHECKS)


@rule(
    "skip",
    f"A test is skipped only by one of {MAX_SKIPS} entries in `{LEDGER}`, with reason, issue and expiry.",
)
def skips(guide: Guide) -> Iterator[Finding]:
    """Skips in the code of tests, and entries that are incomplete, expired or about nothing."""
    for path in guide.test_files:
        for line, name in sorted(set(_skips(guide.nodes(path)))):
            yield (
                path,
                line,
                f"`{name}` skips or excuses a test where nobody counts it.",
                f"delete it, and add an entry to `{LEDGER}`.",
            )
    yield from _ledger(guide)


def _skips(nodes: tuple[ast.AST, ...]) -> Iterator[tuple[int, str]]:
    """Line and name of every use of pytest's and unittest's ways to skip."""
    renamed = {
        alias.asname or alias.name: alias.name
        for node in nodes
        if isinstance(node, ast.Import | ast.ImportFrom)
        and (isinstance(node, ast.Import) or node.module in ("pytest", "unittest"))
        for alias in node.names
    }
    for node in nodes:
        match node:
            case ast.Attribute(attr=name, value=ast.Name(id=home)) if (
                name in SKIPS and renamed.get(home, home) in HOMES
            ):
                yield node.lineno, f"{home}.{name}"
            case ast.Attribute(attr=name, value=ast.Attribute(attr="mark")) if name in SKIPS:
                yield node.lineno, f"pytest.mark.{name}"
            case ast.Attribute(attr="skipTest", value=ast.Name(id="self")):
                yield node.lineno, "self.skipTest"
            case ast.Name(id=name) if name in renamed and renamed[name] in SKIPS:
                yield node.lineno, name
            case ast.Assign(
                targets=[ast.Name(id="collect_ignore" | "collect_ignore_glob" | "__test__" as name)]
            ):
                yield node.lineno, name


def _ledger(guide: Guide) -> Iterator[Finding]:
    path = guide.root / LEDGER
    if not path.is_file():
        return
    text = guide.text(path)
    try:
        entries = tomllib.loads(text).get("skip", [])
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        yield (
            LEDGER,
            int(found[1]) if found else 1,
            f"the ledger cannot be read: {error}.",
            "correct the TOML.",
        )
        return
    lines = [
        number for number, line in enumerate(text.split("\n"), 1) if re.match(r"\s*\[\[\s*skip\s*\]\]", line)
    ]
    for count, (entry, line) in enumerate(zip(entries, lines), 1):
        if count > MAX_SKIPS:
            yield (
                LEDGER,
                line,
                f"entry {count}: only {MAX_SKIPS} tests may be skipped at once.",
                "repair one of the others first.",
            )
        for key, what in (
            ("test", "name the test"),
            ("reason", "say why"),
            ("issue", "link the issue"),
            ("expires", "give a date"),
        ):
            if not str(entry.get(key, "")).strip():
                yield LEDGER, line, f"the entry has no `{key}`.", f"{what}: `{key} = …`."
        for key in entry.keys() - {"test", "reason", "issue", "expires"}:
            yield (
                LEDGER,
                line,
                f"the entry has an unknown key `{key}`.",
                "keep test, reason, issue and expires.",
            )
        if entry.get("issue") and not ISSUE.fullmatch(str(entry["issue"])):
            yield LEDGER, line, f"`{entry['issue']}` is no issue.", "write its URL, or `#12`."
        if entry.get("expires"):
            yield from _expiry(line, str(entry["expires"]))
        if entry.get("test"):
            yield from _skipped_test(guide, line, str(entry["test"]))


def _expiry(line: int, expires: str) -> Iterator[Finding]:
    try:
        date = datetime.date.fromisoformat(expires[:10])
    except ValueError:
        yield LEDGER, line, f"`{expires}` is no date.", "write `expires = 2026-01-31`."
        return
    if date < datetime.date.today():
        yield LEDGER, line, f"the entry expired on {date}.", "repair the test and delete the entry."


def _skipped_test(guide: Guide, line: int, test: str) -> Iterator[Finding]:
    file, *names = re.sub(r"\[.*\]$", "", test).split("::")
    path = Path(guide.root / file)
    tree = guide.tree(path) if path.is_file() else None
    if tree is None:
        files = [guide.project.relative(p) for p in guide.test_files]
        yield LEDGER, line, f"there is no test file `{file}`. {near(file, files)}", "correct `test`."
        return
    known = [node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    if not names or names[-1] not in known:
        yield (
            LEDGER,
            line,
            f"`{file}` has no test `{'::'.join(names)}`. {near(names[-1] if names else '', functions(tree))}",
            "write `file.py::test_name`, or delete the entry.",
        )
