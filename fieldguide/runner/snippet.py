"""What a snippet declares in its head, what it imports, and which examples it has. Nothing is executed."""

import ast
import re
import sys
import tomllib
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Any

WARM = ("transformers", "torch", "matplotlib", "numpy")
"""Libraries that a zygote imports once for all snippets, the slowest first."""
LIGHT = frozenset({*WARM, "drawsvg", "scipy", "tokenizers"})
"""Libraries that a snippet may import and still be forked."""

OPEN = re.compile(r"^# /// fieldguide[ \t]*$")
CLOSE = re.compile(r"^# ///[ \t]*$")
KINDS: dict[str, tuple[type | tuple[type, ...], str]] = {
    "timeout_s": ((int, float), "a number of seconds"),
    "memory_mb": ((int, float), "a number of megabytes"),
    "needs": (list, 'a list such as ["java"]'),
    "environment": (str, 'a name such as "vllm"'),
    "isolation": (str, '"process"'),
    "tolerance": (dict, 'written `tolerance.<example> = {rel = 0.05, reason = "…"}`'),
}


@dataclass(frozen=True)
class Tolerance:
    """How far a printed float of one example may be from the recorded one, and why."""

    rel: float = 1e-3
    abs: float = 0.0
    reason: str = ""


@dataclass(frozen=True)
class Head:
    """The block `# /// fieldguide` of a snippet, with its defaults."""

    timeout_s: float = 20.0
    memory_mb: float = 2000.0  # resident memory at its peak, of the snippet with everything that it starts
    needs: tuple[str, ...] = ()
    environment: str = ""
    isolation: str = ""
    tolerance: dict[str, Tolerance] = field(default_factory=dict)


class HeadError(ValueError):
    """A head that cannot be read."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line


def read_head(path: Path) -> Head:
    """Read the head of a snippet; one without has the defaults, and one malformed is a `HeadError` with the line."""
    raw = path.read_bytes()
    try:
        lines = raw.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise HeadError(raw[: error.start].count(b"\n") + 1, "the snippet is not UTF-8.") from None
    first = next((n for n, line in enumerate(lines) if OPEN.match(line)), None)
    if first is None:
        return Head()
    last = next((n for n in range(first + 1, len(lines)) if CLOSE.match(lines[n])), None)
    if last is None:
        raise HeadError(first + 1, "the block `# /// fieldguide` is never closed by a line `# ///`.")
    body = lines[first + 1 : last]
    for number, line in enumerate(body, first + 2):
        if line != "#" and not line.startswith("# "):
            raise HeadError(number, "a line of the block `# /// fieldguide` does not begin with `# `.")
    try:
        values = tomllib.loads("\n".join(line[2:] for line in body))
    except tomllib.TOMLDecodeError as error:
        found = re.search(r"line (\d+)", str(error))
        number = first + 1 + int(found[1]) if found else last
        raise HeadError(number, f"the block `# /// fieldguide` is not TOML: {error}.") from None
    return _checked(values, first + 1, body)


def _checked(values: dict[str, Any], first: int, body: list[str]) -> Head:
    def line(key: str) -> int:
        return next((first + n for n, text in enumerate(body, 1) if text[2:].startswith(key)), first)

    for key, value in values.items():
        if key not in KINDS:
            raise HeadError(line(key), f"the head has an unknown key `{key}`; known are {', '.join(KINDS)}.")
        kind, must = KINDS[key]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise HeadError(line(key), f"`{key}` must be {must}.")
    if values.get("isolation", "process") != "process":
        raise HeadError(line("isolation"), '`isolation` can only be "process".')
    tolerance = {}
    for example, given in values.pop("tolerance", {}).items():
        numbers = (given.get("rel", 0.0), given.get("abs", 0.0)) if isinstance(given, dict) else (None,)
        if not all(isinstance(n, int | float) for n in numbers) or given.keys() - {"rel", "abs", "reason"}:
            raise HeadError(line("tolerance"), f"`tolerance.{example}` has `rel` or `abs`, and a `reason`.")
        if not str(given.get("reason", "")).strip():
            raise HeadError(line("tolerance"), f"`tolerance.{example}` gives no reason.")
        tolerance[example] = Tolerance(**given)
    needs = tuple(map(str, values.pop("needs", ())))
    return Head(**values, needs=needs, tolerance=tolerance)


def examples(path: Path) -> dict[str, int]:
    """Names of the examples, without `example_`, and their lines, in order of definition."""
    return functions(path, "example_")


def figures(path: Path) -> dict[str, int]:
    """Names of the figures, without `figure_`, and their lines, in order of definition."""
    return functions(path, "figure_")


def is_light(path: Path, root: Path) -> bool:
    """Whether a snippet may be forked: it reaches no library but those that are light, and asks for nothing special."""
    head = read_head(path)
    return not (head.needs or head.environment or head.isolation) and reach(path, root)[1] <= LIGHT


def reach(path: Path, root: Path) -> tuple[frozenset[Path], frozenset[str]]:
    """Files of the project that a Python file imports, through any number of others, and the libraries.

    The packages `snippets` and `tests` of `root` are followed; a library is a top-level name.
    """
    files: set[Path] = set()
    libraries: set[str] = set()
    todo = [path]
    while todo:
        for module in imports(todo.pop(), root):
            if found := _files(module, root):
                new = set(found) - files - {path}
                files |= new
                todo += sorted(new)
            elif (top := module.partition(".")[0]) not in sys.stdlib_module_names | {"snippets", "tests"}:
                libraries.add(top)
    return frozenset(files), frozenset(libraries)


def _files(module: str, root: Path) -> list[Path]:
    """Files that `import module` loads from the project: the module, and the packages above it."""
    parts = module.split(".")
    if parts[0] not in ("snippets", "tests"):
        return []
    bases = [root.joinpath(*parts[:end]) for end in range(1, len(parts) + 1)]
    return [path for base in bases for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()]


def imports(path: Path, root: Path) -> frozenset[str]:
    """Modules named by the import statements of a file, wherever they stand in it."""
    package = path.relative_to(root).parts[:-1] if path.is_relative_to(root) else ()
    return _imports(path, path.stat().st_mtime_ns, package)


@lru_cache(maxsize=4096)
def _imports(path: Path, changed: int, package: tuple[str, ...]) -> frozenset[str]:
    found: set[str] = set()
    for node in ast.walk(_parsed(path, changed) or ast.Module([], [])):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            module = ".".join(filter(None, [*above, node.module]))
            # `from snippets.inference import kv_cache` names a module, `from math import pi` does not.
            ours = module.partition(".")[0] in ("snippets", "tests")
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names if ours)}
        elif isinstance(node, ast.Call) and ast.unparse(node.func).endswith("import_module"):
            found |= {a.value for a in node.args[:1] if isinstance(a, ast.Constant) and isinstance(a.value, str)}
    return frozenset(found)


def functions(path: Path, prefix: str = "") -> dict[str, int]:
    """Lines of the functions whose names begin with `prefix`, by the rest of the name."""
    nodes = (tree(path) or ast.Module([], [])).body
    named = {n.name: n.lineno for n in nodes if isinstance(n, ast.FunctionDef | ast.AsyncFunctionDef)}
    return {name[len(prefix) :]: line for name, line in named.items() if name.startswith(prefix) and name != prefix}


def tree(path: Path) -> ast.Module | None:
    """Syntax tree of a file, or None where it is not valid Python."""
    return _parsed(path, path.stat().st_mtime_ns)


@lru_cache(maxsize=4096)
def _parsed(path: Path, changed: int) -> ast.Module | None:
    try:
        return ast.parse(path.read_bytes())
    except (SyntaxError, ValueError):
        return None
