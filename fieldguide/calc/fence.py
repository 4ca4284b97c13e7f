"""The build's part of a calculator: from a `calc` fence to a form with its first result."""

from __future__ import annotations

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

import yaml

from fieldguide.calc.engine import Field, InputError, accepted, evaluate, fields, summary
from fieldguide.guide.forms import LOADER

Inline = Callable[[str], str]
"""Renders a short text with `code` and $mathematics$ to HTML."""


class FenceError(ValueError):
    """What is wrong with a `calc` fence, in a sentence for its author."""


@dataclass(frozen=True)
class Calculator:
    """A parsed fence."""

    module: str
    function_name: str
    title: str
    presets: dict[str, dict[str, Any]]
    source: str

    @property
    def anchor(self) -> str:
        """Stable id of the form, used by permalinks."""
        return f"calc-{self.function_name.replace('_', '-')}"


def parse(source: str, folder: str) -> Calculator:
    """Read the YAML of a fence on the page whose code lies in `folder`.

    Raises:
        FenceError: if it is not YAML or lacks a key.
    """
    try:
        spec = yaml.load(source, Loader=LOADER)
    except yaml.YAMLError as error:
        raise FenceError(f"the calc fence is not YAML: {getattr(error, 'problem', error)}.") from None
    if not isinstance(spec, dict) or not {"function", "title"} <= spec.keys():
        raise FenceError("a calc fence has the keys `function` (file:name) and `title`.")
    unknown = sorted(spec.keys() - {"function", "title", "presets"})
    if unknown:
        raise FenceError(f"unknown key {', '.join(unknown)} in a calc fence.")
    module, name = resolve(str(spec["function"]), folder)
    return Calculator(module, name, str(spec["title"]), spec.get("presets") or {}, source)


def resolve(reference: str, folder: str) -> tuple[str, str]:
    """Module and name of a function: `calculator:kv_cache` is the page's own, `area.page.file:name` another's.

    Args:
        reference: What the fence says.
        folder: Folder of the page's code below `snippets/`, such as `inference/kv_cache`.

    Raises:
        FenceError: if the reference has neither form.
    """
    match = re.fullmatch(r"(\w+\.\w+\.)?(\w+):(\w+)", reference)
    if match is None:
        raise FenceError(f"`{reference}` is not of the form file:name, or area.page.file:name for another page.")
    above, file, name = match.groups()
    return f"snippets.{above or folder.replace('/', '.') + '.'}{file}", name


def load(calculator: Calculator, root: Path) -> Callable[..., Any]:
    """Import the function from the checkout at `root`.

    Raises:
        FenceError: if there is no such module or function.
    """
    path = root / (calculator.module.replace(".", "/") + ".py")
    if not path.is_file():
        raise FenceError(f"there is no {path.relative_to(root)}.")
    name = f"_calculators.{hashlib.sha1(path.read_bytes()).hexdigest()[:12]}.{path.stem}"
    module = sys.modules.get(name)
    if module is None:
        spec = importlib.util.spec_from_file_location(name, path)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except ImportError as error:
            del sys.modules[name]
            raise FenceError(f"{path.relative_to(root)} must import the standard library alone: {error}.") from None
    function = getattr(module, calculator.function_name, None)
    if not callable(function):
        raise FenceError(f"{path.relative_to(root)} has no function {calculator.function_name}.")
    return function  # type: ignore[no-any-return]


def check(source: str, root: Path, folder: str) -> Calculator:
    """Read a fence, and hold its presets against the signature of its function; nothing is computed.

    Raises:
        FenceError: for a wrong fence, function or preset.
    """
    calculator = parse(source, folder)
    function = load(calculator, root)
    try:
        for preset in ({}, *calculator.presets.values()):
            accepted(function, preset)
    except (TypeError, InputError) as error:
        raise FenceError(f"{calculator.module}:{calculator.function_name}: {error}") from error
    return calculator


def render(source: str, root: Path, folder: str, inline: Inline = html.escape) -> str:
    """The form, with the result for the defaults below it.

    Args:
        source: The text inside the fence.
        root: The checkout that holds `snippets/`.
        folder: Folder of the page's code, such as `inference/kv_cache`.
        inline: Renders the help texts.

    Raises:
        FenceError: for a wrong fence, function, preset or default.
    """
    calculator = parse(source, folder)
    function = load(calculator, root)
    try:
        inputs = fields(function)
        result = evaluate(function, {})
        for preset in calculator.presets.values():
            evaluate(function, preset)
    except (TypeError, InputError) as error:
        raise FenceError(f"{calculator.module}:{calculator.function_name}: {error}") from error
    uid = calculator.anchor
    controls = "".join(_control(uid, field, inline) for field in inputs)
    presets = "".join(
        f'<button type="button" data-values="{html.escape(json.dumps(values), quote=True)}">{html.escape(name)}</button>'
        for name, values in calculator.presets.items()
    )
    group = f'<div class="fg-calc-presets" role="group" aria-label="Presets">{presets}</div>' if presets else ""
    return (
        f'<div class="fg-calc-box" id="{uid}"><fg-calc data-search-exclude="" data-module="{calculator.module}" '
        f'data-function="{calculator.function_name}"><form aria-labelledby="{uid}-title" novalidate="">'
        f'<p class="fg-calc-title" id="{uid}-title">{inline(calculator.title)}</p>'
        f'<p class="fg-calc-about">{inline(summary(function))}</p>{group}'
        f'<div class="fg-calc-grid">{controls}</div></form>'
        f'<div class="fg-calc-out" role="region" aria-label="Result" aria-live="polite">{result}</div>'
        f'<p class="fg-calc-status" role="status">Computed when the site was built, by the Python shown on '
        f"this page.</p></fg-calc></div>"
    )


def _control(uid: str, field: Field, inline: Inline) -> str:
    """One labelled input."""
    name, ident = field.name, f"{uid}-{field.name}"
    unit = f" <small>{html.escape(field.unit)}</small>" if field.unit and field.unit != field.label else ""
    help_text = f'<span class="fg-calc-help" id="{ident}-help">{inline(field.help)}</span>' if field.help else ""
    described = f' aria-describedby="{ident}-help"' if field.help else ""
    common = f'id="{ident}" name="{name}" data-kind="{field.kind}"{described}'
    label = f'<label for="{ident}">{html.escape(field.label)}{unit}</label>'
    chosen, checked = ' selected=""', ' checked=""' if field.default else ""
    if field.kind == "choice":
        options = "".join(
            f"<option{chosen if choice == field.default else ''}>{html.escape(str(choice))}</option>"
            for choice in field.choices
        )
        control = f"<select {common}>{options}</select>"
    elif field.kind == "bool":
        control = f'<input type="checkbox" {common}{checked}/>'
    else:
        bounds = "".join(
            f' {key}="{value:g}"' if isinstance(value, float) else f' {key}="{value}"'
            for key, value in (("min", field.low), ("max", field.high)) if value is not None
        )  # fmt: skip
        step = field.step or (1 if field.kind == "int" else "any")
        mode = "numeric" if field.kind == "int" else "decimal"
        control = f'<input type="number" {common} value="{field.default}" step="{step}" inputmode="{mode}"{bounds}/>'
    return f'<div class="fg-calc-field fg-calc-{field.kind}">{label}{control}{help_text}</div>'
