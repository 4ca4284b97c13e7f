"""From a function's signature to checked inputs, and from inputs to HTML. Standard library only."""

import inspect
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

from fieldguide.calc.render import to_html


class InputError(ValueError):
    """An input that the calculator cannot take, in a sentence for its reader."""

    field = ""
    """The input's name, where it is one."""


@dataclass(frozen=True)
class Field:
    """One input of a calculator."""

    name: str
    kind: str  # `int`, `float`, `choice`, `bool` or `str`, a text of several lines
    default: Any
    unit: str = ""
    low: float | None = None
    high: float | None = None
    step: float | None = None
    choices: tuple[Any, ...] = ()
    text: str = ""  # of the docstring: `Decoder layers, $L$. Count the embedding as none.`
    assumption: bool = False  # a keyword-only parameter: folded away

    @property
    def label(self) -> str:
        """What the input is: the first sentence of its description, its symbol included."""
        return self.text.partition(". ")[0].removesuffix(".") or self.name.replace("_", " ")

    @property
    def help(self) -> str:
        """What else is said of it."""
        return self.text.partition(". ")[2]

    @property
    def said(self) -> str:
        """The label in a sentence: without symbols."""
        return re.sub(r",? *\$[^$]*\$", "", self.label)

    def parse(self, raw: Any) -> Any:
        """Turn what the form holds into a value of the right type, within its bounds; or an `InputError`."""
        if self.kind == "bool":
            return raw in (True, "true", "on", "1")
        if self.kind == "choice":
            for choice in self.choices:
                if str(choice) == str(raw):
                    return choice
            raise InputError(f"{self.said} is one of {', '.join(map(str, self.choices))}.")
        if self.kind == "str":
            return str(raw)
        try:
            value = float(raw)
        except (TypeError, ValueError):
            raise InputError(f"{self.said} is a number.") from None
        if not math.isfinite(value):
            raise InputError(f"{self.said} is a finite number.")
        if self.kind == "int" and value != int(value):
            raise InputError(f"{self.said} is a whole number.")
        low = -math.inf if self.low is None else self.low
        high = math.inf if self.high is None else self.high
        if not low <= value <= high:
            raise InputError(f"{self.said} lies between {low:,g} and {high:,g}{' ' + self.unit if self.unit else ''}.")
        return int(value) if self.kind == "int" else value


def described_arguments(docstring: str) -> dict[str, str]:
    """The `Args:` section of a Google-style docstring, by argument."""
    section = re.search(r"^Args:\n((?:[ \t]+.*\n|\n)*)", inspect.cleandoc(docstring or "") + "\n", re.M)
    entry = re.compile(r"^    (\w+)(?: \([^)]*\))?:[ ]*(.*(?:\n {8}.*)*)", re.M)
    return {name: " ".join(text.split()) for name, text in entry.findall(section[1] if section else "")}


def summary(function: Callable[..., Any]) -> str:
    """The first line of a function's docstring."""
    return (inspect.getdoc(function) or "").partition("\n")[0]


@lru_cache(maxsize=64)
def fields(function: Callable[..., Any]) -> list[Field]:
    """Read the inputs of a calculator from its signature.

    Each parameter has a default and is an `int`, a `float`, a `bool`, a `str` or a `Literal` (else a `TypeError`);
    numbers may carry a unit and bounds: `Annotated[int, "tokens", (1, 1_000_000)]`, with an optional step. The first
    sentence of its entry under `Args:` is its label. What stands after a `*` is an assumption, and folded away.
    """
    hints = get_type_hints(function, include_extras=True)
    helps = described_arguments(inspect.getdoc(function) or "")
    found = []
    for name, parameter in inspect.signature(function).parameters.items():
        where = f"{function.__module__}:{function.__name__}, parameter {name}"
        if parameter.default is inspect.Parameter.empty:
            raise TypeError(f"{where} has no default.")
        hint, unit, bounds = hints.get(name), "", ()
        if get_origin(hint) is Annotated:
            hint, *extra = get_args(hint)
            unit = next((e for e in extra if isinstance(e, str)), "")
            bounds = next((e for e in extra if isinstance(e, tuple)), ())
        low, high, step = (*bounds, None, None, None)[:3]
        kind, choices = getattr(hint, "__name__", ""), ()
        if get_origin(hint) is Literal:
            kind, choices = "choice", get_args(hint)
        if kind not in ("int", "float", "bool", "str", "choice"):
            raise TypeError(f"{where} is {hint}: a form can hold int, float, bool, str and Literal.")
        folded = parameter.kind is parameter.KEYWORD_ONLY
        field = Field(name, kind, parameter.default, unit, low, high, step, choices, helps.get(name, ""), folded)
        field.parse(parameter.default)
        found.append(field)
    return found


def accepted(function: Callable[..., Any], raw: Mapping[str, Any]) -> dict[str, Any]:
    """The inputs as the function takes them; an `InputError` if one is unknown or out of bounds."""
    known = {field.name: field for field in fields(function)}
    if unknown := sorted(raw.keys() - known.keys()):
        raise InputError(f"unknown input {', '.join(unknown)}: this calculator has {', '.join(known)}.")
    values = {}
    for name, value in raw.items():
        try:
            values[name] = known[name].parse(value)
        except InputError as error:
            error.field = name
            raise
    return values


def evaluate(function: Callable[..., Mapping[str, Any]], raw: Mapping[str, Any]) -> str:
    """Check the inputs, call the function, and return its result as HTML.

    An `InputError` says if an input is unknown or out of bounds, or the function refuses the combination; it is
    told at the input that the function's error names as its `field`.
    """
    values = accepted(function, raw)
    try:
        return to_html(function(**values))
    except (ValueError, ZeroDivisionError, OverflowError) as error:
        refused = InputError(str(error))
        refused.field = getattr(error, "field", "")
        raise refused from error
