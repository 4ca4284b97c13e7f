"""`python3 -m fieldguide …` from a bare clone: makes the environment, then is `fieldguide`."""

from __future__ import annotations

import importlib.util
import os
import sys
from pathlib import Path

from fieldguide.commands import environments

NEEDED = ("typer", "rich", "yaml", "markdown", "pydantic")
MAKES = {
    "serve": "site",
    "build": "site",
    "lock": "site",
    "test": "suite",
    "bench": "suite",
    "format": "test",
}
"""Verbs that bring their environment up to date first; any other makes it only where there is none."""


def main() -> None:
    """Run the command line here if it can run here, else in the project's environment."""
    verb = next((word for word in sys.argv[1:] if not word.startswith("-")), "")
    inside = Path(sys.prefix).resolve() == environments.environment("test").resolve()
    complete = all(importlib.util.find_spec(name) for name in NEEDED)
    if complete and (inside or verb not in MAKES):
        if inside and verb in MAKES:
            environments.ensure(MAKES[verb])
        from fieldguide.commands.cli import main as command

        command()
        return
    if inside:
        raise SystemExit(f"{sys.prefix} is damaged. To make it anew: rm -rf .venv && make test")
    python = str(environments.ensure(MAKES.get(verb, "test"), tools=verb in MAKES))
    arguments = [python, "-m", "fieldguide", *sys.argv[1:]]
    os.execv(python, arguments)


if __name__ == "__main__":
    main()
