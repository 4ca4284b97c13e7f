"""Rule on tests that do not count: each is paid for in the ledger.

What pytest skips while it runs, the plugin refuses; here stand the ledger itself, and what keeps a
test from being collected or lets it fail unseen.
"""

import datetime
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated

from pydantic import StringConstraints, ValidationError, field_validator

from fieldguide.guide import forms
from fieldguide.guide.forms import Form, Text
from fieldguide.guide.project import Project
from fieldguide.proof.rules.rule import Finding, rule

LEDGER = "tests/skips.toml"
MAX_SKIPS = 5
EXCUSE = r"\b(?:mark\.xfail|pytest\.xfail|expectedFailure)\b|^\s*(?:collect_ignore(?:_glob)?|__test__)\b"
UNSEEN = re.compile(rf"^[^#\n]*?(?P<what>{EXCUSE})", re.M)


class Skip(Form):
    """One test that cannot run or pass for now."""

    test: Text
    reason: Text
    issue: Annotated[str, StringConstraints(pattern=r"^(#\d+|https?://\S+)$")]
    expires: datetime.date

    @field_validator("expires")
    @classmethod
    def _ahead(cls, date: datetime.date) -> datetime.date:
        if date < datetime.date.today():
            raise ValueError(f"the entry expired on {date}.")
        return date


@rule("skip", f"A test is excused only by one of {MAX_SKIPS} entries in `{LEDGER}`, with reason, issue and expiry.",
      "repair the test, and delete the excuse; for a while, an entry of the ledger may stand for it.")  # fmt: skip
def skips(project: Project) -> Iterator[Finding]:
    """Excuses in the code of tests, and entries that are incomplete, expired or about nothing."""
    for path in sorted(project.tests.glob("**/*.py")):
        text = path.read_text(encoding="utf-8", errors="replace")
        for found in UNSEEN.finditer(text):
            message = f"`{found['what'].strip()}` excuses a test where nobody counts it."
            yield Finding(path, text.count("\n", 0, found.start("what")) + 1, message)
    if (project.root / LEDGER).is_file():
        yield from _ledger(project, project.root / LEDGER)


def _ledger(project: Project, ledger: Path) -> Iterator[Finding]:
    text = ledger.read_text(encoding="utf-8")
    try:
        entries = tomllib.loads(text).get("skip", [])
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        yield Finding(ledger, int(found[1]) if found else 1, f"the ledger cannot be read: {error}.")
        return
    lines = [n for n, line in enumerate(text.split("\n"), 1) if re.match(r"\s*\[\[\s*skip\s*\]\]", line)]
    for count, (entry, line) in enumerate(zip(entries, lines), 1):
        file, _, test = str(entry.get("test", "")).partition("::")
        path, name = project.root / file, re.sub(r"\[.*\]$", "", test).rpartition("::")[2]
        page = project.page_of(path)
        if count > MAX_SKIPS:
            message = f"entry {count}: only {MAX_SKIPS} tests may be skipped at once."
            yield Finding(ledger, line, message, "repair another first.", page)
        try:
            Skip.model_validate(entry)
        except ValidationError as error:
            for _, message, fix in forms.describe(error, Skip, "the entry"):
                yield Finding(ledger, line, message, fix, page)
            continue
        if not path.is_file() or f"def {name}(" not in path.read_text(encoding="utf-8"):
            fix = "write `file.py::test_name`, or delete the entry."
            yield Finding(ledger, line, f"there is no test `{file}::{test}`.", fix, page)
