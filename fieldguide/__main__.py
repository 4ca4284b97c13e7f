"""`python3 -m fieldguide …` from a bare clone: makes the environment, then is `fieldguide`."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from fieldguide.commands import environments

NEEDED = ("typer", "rich", "yaml", "markdown", "pydantic")
LIGHT = ("list", "new", "rules", "serve", "build", "lock", "--help", "")
"""Verbs that need no engine: the environment of the site is enough."""


def main() -> None:
    """Run the command line here if it can run here, else in the project's environment.

    Only packages are made here: a command that builds the site fetches fonts and the like itself.
    """
    kind = "site" if (sys.argv[1:] or [""])[0] in LIGHT else "test"
    inside = Path(sys.prefix).resolve() == environments.environment(kind).resolve()
    complete = all(importlib.util.find_spec(name) for name in NEEDED)
    if inside and not complete:
        raise SystemExit(f"{sys.prefix} is damaged. To make it anew: rm -rf .venv && make test")
    if complete and (not inside or kind == "site" or environments.has("test")):
        from fieldguide.commands.cli import main as command

        command()
        return
    python = str(environments.ensure(kind, tools=False))
    os.execv(python, [python, "-m", "fieldguide", *sys.argv[1:]])


if __name__ == "__main__":
    main()
