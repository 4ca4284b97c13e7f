"""The build's part of a calculator: from a `calc` fence to a form with its first result."""

import hashlib
import html
import importlib.util
import json
import re
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from pydantic import Field

from fieldguide.calc.engine import InputError, accepted, evaluate, fields, summary
from fieldguide.guide import forms

Function = Callable[..., Any]
LINES = Path(__file__).with_name("form.html").read_text(encoding="utf-8").splitlines()
FORM = Environment(autoescape=True, undefined=StrictUndefined).from_string("".join(map(str.strip, LINES)))


class FenceError(ValueError):
    """What is wrong with a `calc` fence, in a sentence for its author."""


class _Spec(forms.Form):
    function: forms.Text
    title: forms.Text
    presets: dict[str, dict[str, Any]] = Field(default={})


@dataclass(frozen=True)
class Calculator:
    """A parsed fence."""

    file: str  # below `snippets/`
    function_name: str
    title: str
    presets: dict[str, dict[str, Any]]

    @property
    def module(self) -> str:
        """What the browser imports."""
        return f"snippets/{self.file}".removesuffix(".py").replace("/", ".")

    @property
    def anchor(self) -> str:
        """Stable id of the form, used by permalinks."""
        return f"calc-{self.function_name.replace('_', '-')}"


def parse(source: str, folder: str) -> Calculator:
    """Read the YAML of a fence on the page whose code lies in `folder`; a `FenceError` says what it lacks."""
    filled = forms.read(_Spec, source, "the calc fence")
    if filled.value is None:
        problem = filled.problems[0]
        raise FenceError(f"{problem.message} To fix: {problem.fix}")
    spec = filled.value
    return Calculator(*resolve(spec.function, folder), spec.title, spec.presets)


def resolve(reference: str, folder: str) -> tuple[str, str]:
    """File below `snippets/` and name: `calculator:kv_cache` is the page's own, `area.page.file:name` another's."""
    match = re.fullmatch(r"(?:(\w+\.\w+)\.)?(\w+):(\w+)", reference)
    if match is None:
        raise FenceError(f"`{reference}` is not of the form file:name, or area.page.file:name for another page.")
    above, file, name = match.groups()
    return f"{above.replace('.', '/') if above else folder}/{file}.py", name


def load(calculator: Calculator, root: Path) -> Function:
    """Import the function from the checkout at `root`; a `FenceError` if there is no such module or function."""
    path = root / "snippets" / calculator.file
    if not path.is_file():
        raise FenceError(f"there is no {path.relative_to(root)}.")
    name = f"_calculators.{hashlib.sha1(path.read_bytes()).hexdigest()[:12]}.{path.stem}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec and spec.loader
        sys.modules[name] = module = importlib.util.module_from_spec(spec)
        try:
            spec.loader.exec_module(module)
        except ImportError as error:
            del sys.modules[name]
            raise FenceError(f"{path.relative_to(root)} must import the standard library alone: {error}.") from None
    function = getattr(sys.modules[name], calculator.function_name, None)
    if not callable(function):
        raise FenceError(f"{path.relative_to(root)} has no function {calculator.function_name}.")
    return function  # type: ignore[no-any-return]


def check(source: str, root: Path, folder: str) -> Calculator:
    """Read a fence, and hold its presets against the signature of its function; nothing is computed."""
    return _tried(source, root, folder, accepted)[0]


def render(source: str, root: Path, folder: str, inline: Callable[[str], str] = html.escape) -> str:
    """The form, with the result for the defaults below it; a `FenceError` for whatever is wrong.

    `source` is the text inside the fence, `root` the checkout, and `folder` that of the page's code below `snippets/`,
    such as `inference/kv_cache`; `inline` renders a short text with `code` and $mathematics$ to HTML.
    """
    calculator, function, results = _tried(source, root, folder, evaluate)
    return FORM.render(
        uid=calculator.anchor, calculator=calculator, about=summary(function), fields=fields(function),
        result=results[0], inline=inline, json=json.dumps,
    )  # fmt: skip


def _tried(source: str, root: Path, folder: str, use: Function) -> tuple[Calculator, Function, list[Any]]:
    """A fence, its function, and what `use` makes of the defaults and of each preset."""
    calculator = parse(source, folder)
    function = load(calculator, root)
    try:
        return calculator, function, [use(function, preset) for preset in ({}, *calculator.presets.values())]
    except (TypeError, InputError) as error:
        raise FenceError(f"{calculator.module}:{calculator.function_name}: {error}") from error
