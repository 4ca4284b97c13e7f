"""Published numbers: read the cases, compute them with our own functions, compare, record.

A case is one line of `tests/published/<area>/cases.jsonl`: a number that a paper, a datasheet or
reference code prints, with the inputs it follows from. Cases of one family follow from one
formula; `tests/published/adapters.py` maps each family to the snippet that implements it.
"""

from __future__ import annotations

import json
import math
import runpy
import sys
from collections.abc import Callable, Iterable, Iterator
from numbers import Real
from pathlib import Path
from typing import Annotated, Any, Literal, NotRequired

from pydantic import Field, ValidationError, model_validator
from typing_extensions import TypedDict  # pydantic needs this one before Python 3.12

from fieldguide.guide.forms import Form, describe
from fieldguide.guide.project import Breach, BreachError, Project
from fieldguide.proof.record import Change, rewrite

CASES = "tests/published/*/cases.jsonl"
REPRODUCED = "tests/published/reproduced.json"
ADAPTERS = "tests/published/adapters.py"
PROOF = "tests/published/test_published.py::test_"
TESTS = [f"{PROOF}{test}" for test in ("reproduces", "no_adapter_knows_a_value_by_heart")]
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
    family: str  # cases of one family follow from one formula
    quantity: str
    inputs: dict[str, Any]
    expected: Any  # a number, a list, nested lists, or a dict of numbers, in `unit`
    tolerance: Within
    unit: str
    source: str
    status: Literal["verified", "computed", "corrected", "disputed", "unverified", "from memory"]
    """`corrected` where a publication contradicts itself: `expected` is what its own arithmetic gives;
    `disputed` where another one contradicts it: `expected` is what was printed."""
    note: str = ""

    @model_validator(mode="after")
    def _comparable(self) -> Case:
        leaves = leaves_of(self.expected)
        known = (_is_number(leaf) or (where and isinstance(leaf, str)) for where, leaf in leaves.items())
        if not leaves or not all(known):
            raise ValueError("`expected` must be a number, a list or an object of numbers.")
        if self.tolerance["kind"] != "exact" and "value" not in self.tolerance:
            raise ValueError("`tolerance` needs a `value` that is a number of at least 0.")
        return self


def own(project: Project) -> list[Case]:
    """Every case of a checkout; a `BreachError` at the first line that is no case, or that repeats an id."""
    return list(read({project.relative(path): path for path in sorted(project.root.glob(CASES))}))


def read(files: dict[str, Path]) -> Iterator[Case]:
    """The cases of files, by the names that messages call them."""
    first: dict[str, str] = {}
    for name, path in files.items():
        try:
            lines = path.read_text(encoding="utf-8").split("\n")
        except (OSError, UnicodeDecodeError) as error:
            raise BreachError(_breach(name, 1, f"the file cannot be read: {error}.")) from None
        for number, line in enumerate(lines, 1):
            if not line.strip():
                continue
            try:
                case = Case.model_validate_json(line)
            except ValidationError as error:
                _, message, _ = next(describe(error, Case, "the case"))
                raise BreachError(_breach(name, number, message)) from None
            if case.id in first:
                message = f"the id `{case.id}` is used twice; first on {first[case.id]}."
                raise BreachError(_breach(name, number, message))
            first[case.id] = f"line {number} of {name}"
            yield case


def _breach(name: str, line: int, message: str) -> Breach:
    return Breach(name, line, "published", message, "write the line as the others of its file are written.")


def leaves_of(value: Any, where: str = "") -> dict[str, Any]:
    """Every number and text of a value by the place where it stands, such as `['a'][0]`."""
    if not isinstance(value, dict | list | tuple):
        return {where: value}
    items = value.items() if isinstance(value, dict) else enumerate(value)
    return {place: leaf for key, item in items for place, leaf in leaves_of(item, f"{where}[{key!r}]").items()}


def _is_number(value: object) -> bool:
    return isinstance(value, Real) and not isinstance(value, bool)


def difference(got: object, case: Case) -> str:
    """How our value differs from the published one beyond the tolerance; empty where it does not."""
    ours, theirs = leaves_of(got), leaves_of(case.expected)
    if ours.keys() != theirs.keys():
        return f"{got!r} has not the shape of {case.expected!r}"
    wrong = (f"{where} {ours[where]!r} is not {value!r} within {case.tolerance}".strip()
             for where, value in theirs.items() if not _close(ours[where], value, case.tolerance))  # fmt: skip
    return next(wrong, "")


def _close(got: Any, expected: Any, tolerance: Within) -> bool:
    if isinstance(expected, str) or not _is_number(got):
        return bool(got == expected and isinstance(expected, str))
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
    families: dict[str, Adapter] = runpy.run_path(str(path))["FAMILIES"]
    return families


def tests(project: Project, area: str) -> list[str]:
    """What pytest needs to hold an area's functions against its numbers; nothing where it has no adapter."""
    folder = project.tests / "published" / area.replace("-", "_")
    return [f"--cases={project.relative(folder)}/cases.jsonl", *TESTS] if [*folder.glob("*.py")] else []


def reproduce(cases: Iterable[Case], families: dict[str, Adapter]) -> dict[str, Any]:
    """Our value for every case whose family has an adapter, by id."""
    return {case.id: plain(families[case.family](case.inputs, case.unit)) for case in cases if case.family in families}


def plain(value: Any) -> Any:
    """A value as JSON holds it: no NumPy types, floats to twelve digits, so that machines agree."""
    written = json.dumps(value, default=lambda array: array.tolist())  # NumPy and PyTorch
    return json.loads(written, parse_float=lambda digits: float(f"{float(digits):.12g}"))


def record(project: Project) -> list[Change]:
    """Write `reproduced.json` anew, one line a case, at once or not at all; what was rewritten.

    A `BreachError` says if the cases cannot be read. A failing adapter raises what it raises; the file stays.
    """
    values = reproduce(own(project), adapters(project))
    lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(values[key])}" for key in sorted(values))
    return rewrite(project.root / REPRODUCED, f"{{\n{lines}\n}}\n") if values else []
