"""Build or serve the site: assets first, then MkDocs, strictly, then what makes pages and index lighter."""

import os
import re
import subprocess
import sys
from html import unescape
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
        classes: dict[str, str] = {}
        for page in sorted(to.rglob("*.html")):
            page.write_text(classed(squeezed(page.read_text(encoding="utf-8")), classes), encoding="utf-8")
        with (to / "assets/fieldguide.css").open("a", encoding="utf-8") as sheet:
            sheet.writelines(f".{name}{{{css}}}\n" for css, name in classes.items())
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


def classed(page: str, classes: dict[str, str]) -> str:
    """The same HTML with a class for each style attribute, which a strict policy would not let pass.

    >>> classed('<b class="x" style="top:1em;left:0">a</b>', found := {}), found
    ('<b class="fgs0 x">a</b>', {'top:1em!important;left:0!important': 'fgs0'})
    """

    def tag(match: re.Match[str]) -> str:
        css = ";".join(f"{one.strip()}!important" for one in unescape(match[2]).split(";") if one.strip())
        name = classes.setdefault(css, f"fgs{len(classes)}")
        bare = match[1] + match[3]
        return (
            bare.replace(' class="', f' class="{name} ', 1)
            if ' class="' in bare
            else f'{match[1]} class="{name}"{match[3]}'
        )

    return re.sub(r'(<[a-z]+\b[^<>]*?) style="([^"]*)"([^<>]*>)', tag, page)


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
