"""`python3 -m fieldguide …` from a bare clone: makes the environment, then is `fieldguide`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

NEEDED = ("typer", "rich", "yaml", "markdown")


def main() -> None:
    """Run the command line here if it can run here, else in the project's environment."""
    if all(importlib.util.find_spec(name) for name in NEEDED):
        from fieldguide.cli import main as command

        command()
        return
    from fieldguide import bootstrap

    if Path(sys.prefix).resolve() == bootstrap.environment("test").resolve():
        raise SystemExit(f"{sys.prefix} is damaged. To make it anew: rm -rf .venv && make test")
    python = str(bootstrap.ensure("test"))
    arguments = [python, "-m", "fieldguide", *sys.argv[1:]]
    if os.name == "nt":  # where execv returns to the shell before the command has ended
        raise SystemExit(subprocess.run(arguments, check=False).returncode)
    os.execv(python, arguments)


if __name__ == "__main__":
    main()
