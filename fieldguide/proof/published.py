"""Published numbers: read the cases, compute them with our own functions, compare, record.

A case is one line of `tests/published/<area>/cases.jsonl`: a number that a paper, a datasheet or
reference code prints, with the inputs it follows from. Cases of one family follow from one
formula; `tests/published/adapters.py` maps each family to the snippet that implements it.
"""

from __future__ import annotations

import importlib.util
import json
import math
import sys
from collections.abc import Callable, Iterable, Iterator
from numbers import Real
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, ValidationError, model_validator
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from fieldguide.guide.forms import Form, describe
from fieldguide.guide.outputs import write_atomic
from fieldguide.guide.project import Breach, BreachError, Project
from fieldguide.proof.record import Change

FOLDER = "tests/published"
CASES = f"{FOLDER}/*/cases.jsonl"
REPRODUCED = "tests/published/reproduced.json"
ADAPTERS = "tests/published/adapters.py"

Inputs = dict[str, Any]
Adapter = Callable[[Inputs, str], object]

UNITS = {
    "1": 1.0, "x": 1.0, "ratio": 1.0, "fraction": 1.0, "probability": 1.0, "%": 0.01,
    "bytes": 1.0, "B": 1.0,
    "FLOP/s per $/h": 1.0, "FLOP/byte": 1.0, "OP/byte": 1.0, "tokens": 1.0, "TFLOPS": 1e12,
    "kB (1e3)": 1e3, "MB (1e6)": 1e6, "GB (1e9)": 1e9, "TB (1e12)": 1e12,
    "kB": 1e3, "MB": 1e6, "GB": 1e9, "TB": 1e12,
    "KiB": 2.0**10, "MiB": 2.0**20, "GiB": 2.0**30, "TiB": 2.0**40,
    "GB/s": 1e9, "GB/s (1e9)": 1e9,
    "s": 1.0, "ms": 1e-3, "us": 1e-6, "minutes": 60.0, "hours": 3600.0, "days": 86400.0,
}  # fmt: skip


def in_unit(value: float, unit: str) -> float:
    """A value in bytes, seconds or plain numbers, expressed in the unit of a case."""
    return value / UNITS[unit]


class Within(TypedDict):
    """How far our value may be from the published one."""

    kind: Literal["exact", "abs", "rel"]
    value: NotRequired[Annotated[float, Field(ge=0)]]


class Case(Form):
    """One published number."""

    id: str
    area: str
    family: str
    """Cases of one family follow from one formula."""
    quantity: str
    inputs: dict[str, Any]
    expected: Any
    """A number, a list, nested lists, or a dict of numbers, in `unit`."""
    tolerance: Within
    unit: str
    source: str
    status: Literal["verified", "computed", "corrected", "disputed", "unverified", "from memory"]
    """`corrected` where a publication contradicts itself: `expected` is what its own arithmetic gives;
    `disputed` where another one contradicts it: `expected` is what was printed."""
    note: str = ""

    @model_validator(mode="after")
    def _comparable(self) -> Case:
        if not _is_value(self.expected):
            raise ValueError("`expected` must be a number, a list or an object of numbers.")
        if self.tolerance["kind"] != "exact" and "value" not in self.tolerance:
            raise ValueError("`tolerance` needs a `value` that is a number of at least 0.")
        return self


def own(project: Project) -> list[Case]:
    """Every case of a checkout.

    Raises:
        BreachError: at the first line that is no case, or that repeats an id of another area.
    """
    cases: dict[str, Case] = {}
    for path in sorted(project.root.glob(CASES)):
        name = project.relative(path)
        for number, case in _numbered(path, name):
            if case.id in cases:
                raise BreachError(_breach(name, number, f"another area has the id `{case.id}`."))
            cases[case.id] = case
    return list(cases.values())


def read(path: Path, name: str = "") -> list[Case]:
    """Every case of a file.

    Args:
        path: A file with one JSON object per line.
        name: How messages call it; its path if empty.

    Raises:
        BreachError: at the first line that is no case.
    """
    return [case for _, case in _numbered(path, name or str(path))]


def _numbered(path: Path, name: str) -> Iterator[tuple[int, Case]]:
    """Every case of a file with its line."""
    lines: dict[str, int] = {}
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise BreachError(_breach(name, 1, f"the file cannot be read: {error}.")) from None
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            case = Case.model_validate(json.loads(line))
        except json.JSONDecodeError as error:
            message = f"not JSON: {error.msg}, column {error.colno}."
            raise BreachError(_breach(name, number, message)) from None
        except ValidationError as error:
            _, message, _ = next(describe(error, Case, "the case"))
            raise BreachError(_breach(name, number, message)) from None
        if case.id in lines:
            message = f"the id `{case.id}` is used twice; first on line {lines[case.id]}."
            raise BreachError(_breach(name, number, message))
        lines[case.id] = number
        yield number, case


def _names(keys: Iterable[str]) -> str:
    return ", ".join(f"`{key}`" for key in sorted(keys))


def _breach(name: str, line: int, message: str) -> Breach:
    return Breach(name, line, "published", message, "write the line as the others of its file are written.")


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def _is_value(value: object) -> bool:
    if isinstance(value, list):  # texts are compared exactly
        return bool(value) and all(isinstance(item, str) or _is_value(item) for item in value)
    if isinstance(value, dict):
        return bool(value) and all(map(_is_value, value.values()))
    return _is_number(value)


def difference(got: object, case: Case) -> str:
    """How our value differs from the published one beyond the tolerance; empty where it does not."""
    return _difference(got, case.expected, case.tolerance, "")


def _difference(got: Any, expected: Any, tolerance: Within, where: str) -> str:
    if isinstance(expected, dict):
        if not isinstance(got, dict) or got.keys() != expected.keys():
            return f"{where or 'the value'} must have the keys {_names(expected)}, got {got!r}"
        pairs = [(got[key], expected[key], f"{where}[{key!r}]") for key in expected]
    elif isinstance(expected, list):
        if not isinstance(got, list | tuple) or len(got) != len(expected):
            return f"{where or 'the value'} must be a list of {len(expected)}, got {got!r}"
        pairs = [(a, b, f"{where}[{n}]") for n, (a, b) in enumerate(zip(got, expected))]
    elif isinstance(expected, str):
        return "" if got == expected else f"{where} {got!r} is not {expected!r}"
    else:
        if not _is_number(got):
            return f"{where or 'the value'} must be a number, got {got!r}"
        return (
            ""
            if _close(got, expected, tolerance)
            else f"{where} {got!r} is not {expected!r} within {tolerance}".lstrip()
        )
    return next(filter(None, (_difference(*pair[:2], tolerance, pair[2]) for pair in pairs)), "")


def _close(got: float, expected: float, tolerance: Within) -> bool:
    if tolerance["kind"] == "exact":
        # integers to the last digit; floats but for what the order of additions changes
        return math.isclose(got, expected, rel_tol=1e-12 if isinstance(expected, float) else 0.0)
    size = abs(expected) if tolerance["kind"] == "rel" else 1.0
    return bool(abs(got - expected) <= tolerance["value"] * size)  # false for a NaN


def adapters(project: Project) -> dict[str, Adapter]:
    """`FAMILIES` of the checkout's `tests/published/adapters.py`."""
    path = project.root / ADAPTERS
    if not path.is_file():
        return {}
    if str(project.root) not in sys.path:
        sys.path.insert(0, str(project.root))  # the adapters import `snippets`
    spec = importlib.util.spec_from_file_location("fieldguide_published_adapters", path)
    assert spec is not None and spec.loader is not None  # a `.py` file has both
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    families: dict[str, Adapter] = module.FAMILIES
    return families


def reproduce(cases: Iterable[Case], families: dict[str, Adapter]) -> dict[str, Any]:
    """Our value for every case whose family has an adapter, by id."""
    return {case.id: plain(families[case.family](case.inputs, case.unit)) for case in cases if case.family in families}


def plain(value: Any) -> Any:
    """A value as JSON holds it: no NumPy types, floats to twelve digits, so that machines agree."""
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # NumPy and PyTorch
        return plain(value.tolist())
    return float(f"{value:.12g}") if isinstance(value, float) else value


def render(values: dict[str, Any]) -> str:
    """The text of `reproduced.json`: one line per case, so that a diff shows what changed."""
    lines = (f"  {json.dumps(key)}: {json.dumps(values[key])}" for key in sorted(values))
    return "{\n" + ",\n".join(lines) + "\n}\n"


def record(project: Project) -> list[Change]:
    """Write `reproduced.json` anew, at once or not at all.

    Returns:
        What was rewritten: nothing, or that file.

    Raises:
        BreachError: if the cases cannot be read. A failing adapter raises what it raises; the file stays.
    """
    cases = own(project)
    if not cases:
        return []
    values = reproduce(cases, adapters(project))
    path, after = project.root / REPRODUCED, render(values)
    before = path.read_text(encoding="utf-8") if path.is_file() else ""
    if before == after:
        return []
    write_atomic(path, after)
    return [Change(path, before, after)]
