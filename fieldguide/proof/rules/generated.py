"""Rule on the repository: what is made from sources is not committed beside them."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator

from fieldguide.proof.rules.guide import Finding, Guide, rule

GENERATED = re.compile(
    r"^(?:site|node_modules|\.venv[^/]*|\.cache|overrides/vendor|overrides/assets/cards)/|(?:^|/)(?:__pycache__|\.ipynb_checkpoints|\.hypothesis|"
    r"\.pytest_cache|\.mypy_cache|\.ruff_cache)/|\.py[co]$|(?:^|/)\.DS_Store$|\.egg-info/"
)


@rule("generated", "Nothing that is generated is committed.")
def generated(guide: Guide) -> Iterator[Finding]:
    """Files that git tracks and a command makes."""
    if not (guide.root / ".git").exists():
        return
    command = ["git", "-c", "core.quotePath=false", "ls-files", "-z"]
    try:
        listed = subprocess.run(
            command, cwd=guide.root, capture_output=True, text=True, timeout=20, check=False
        ).stdout
    except FileNotFoundError:
        return  # no git, nothing committed from here
    for name in listed.split("\0"):
        if GENERATED.search(name):
            yield (
                name,
                1,
                "a generated file is committed.",
                f"run `git rm --cached {name}`; `.gitignore` keeps it out.",
            )
