"""Build or serve the site: assets first, then MkDocs, strictly, then what makes pages and index lighter."""

import os
import re
import subprocess
import sys
from pathlib import Path

from fieldguide.guide.project import ROOT, BreachError, Project
from fieldguide.site import assets, search_index

# Material prints its end-of-life notice on every run; the page on maintenance says what we do about it.
QUIET = {"NO_MKDOCS_2_WARNING": "1", "PYTHONDONTWRITEBYTECODE": "1"}


def build(to: Path, root: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """Build the site strictly into `to`, with variables such as `SITE_URL`; `returncode` is 0 only without a warning."""
    try:
        assets.main(root)
    except BreachError as error:
        return subprocess.CompletedProcess([], 1, "", f"{error}\n")
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--clean", "--site-dir", str(to)],
        cwd=root, env={**os.environ, **QUIET, **variables}, text=True, capture_output=True, check=False,
    )  # fmt: skip
    if done.returncode == 0:
        for page in to.rglob("*.html"):
            page.write_text(squeezed(page.read_text(encoding="utf-8")), encoding="utf-8")
        search_index.trim(to, Project(root))
    return done


def squeezed(page: str) -> str:
    """The same HTML without the indentation of its templates, which is a twentieth of its weight.

    >>> squeezed("<p>a\\n   b</p>\\n\\n<pre>c\\n  d</pre>")
    '<p>a\\nb</p>\\n<pre>c\\n  d</pre>'
    """
    page = re.sub(r"<style>\s*</style>", "", page)  # of notebooks, which no policy would let pass
    parts = re.split(r"(<(pre|script|style|textarea)\b.*?</\2>)", page, flags=re.S)
    # of every three parts, the second is to be kept as it is and the third is the name of its element
    return "".join(re.sub(r"\s*\n\s*", "\n", part) if n % 3 == 0 else part if n % 3 == 1 else ""
                   for n, part in enumerate(parts))  # fmt: skip


def serve(address: str, root: Path = ROOT) -> int:
    """Serve with live reload. `site_url` is the address served, or instant navigation would be off."""
    try:
        assets.main(root)
    except BreachError as error:
        raise SystemExit(str(error)) from None
    env = {**os.environ, **QUIET, "SITE_URL": f"http://{address}/"}
    command = [sys.executable, "-m", "mkdocs", "serve", "--livereload", "--dev-addr", address]
    try:
        return subprocess.run(command, cwd=root, env=env, check=False).returncode
    except KeyboardInterrupt:
        return 0
