"""Forms: what front matter, quizzes, figures, the glossary and the curriculum may hold.

A form is a pydantic model. `read` holds a YAML text against one, and gives whatever is wrong its
line and a sentence for the author.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, Generic, NamedTuple, TypeVar

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from fieldguide.guide.names import near

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""The same YAML, read ten times faster where libyaml is there."""
Text = Annotated[str, StringConstraints(min_length=1, strip_whitespace=True)]
Spoken = Annotated[Text, BeforeValidator(lambda value: f"{value}" if type(value) in (int, float) else value)]
"""A text that may be a number, which YAML reads as one."""
Place = tuple[int | str, ...]
"""Keys and positions that lead to a value: `("answers", 2, "why")`."""


class Problem(NamedTuple):
    """One thing that is wrong with a text, on which of its lines, and what to do."""

    line: int
    message: str
    fix: str = ""
    rule: str = ""


class Form(BaseModel):
    """The base of every form: no unknown keys, and no value read as something else than it is."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


F = TypeVar("F")


@dataclass(frozen=True)
class Filled(Generic[F]):
    """A text that was held against a form."""

    value: F | None  # None if anything is wrong
    problems: list[Problem]
    node: yaml.Node | None = None

    def line(self, *place: int | str) -> int:
        """Line of a key or an item; of what it would stand in, where it is missing."""
        node = self.node
        line = node.start_mark.line + 1 if node else 1
        for key in place:
            at = None
            if isinstance(node, yaml.MappingNode):
                at, node = next(((name, value) for name, value in node.value if name.value == str(key)), (None, None))
            elif isinstance(node, yaml.SequenceNode) and isinstance(key, int):
                at = node = node.value[key]
            line = at.start_mark.line + 1 if at else line
        return int(line)


def read(form: type[F], source: str, what: str, first: int = 1) -> Filled[F]:
    """Hold a YAML text, called `what` in messages, against a form: a model, or a list of models.

    `first` is the number of its first line in the file.
    """
    node, data, problem = load(source, what, first)
    if node is None:
        return Filled(None, [problem or Problem(first, f"{what} is empty.", "write `key: value` lines.")])
    twice = [Problem(line, f"`{key}` is given twice.", "keep one.") for line, key in _repeated(node)]
    filled = Filled[F](None, twice, node)
    try:
        value = TypeAdapter(form).validate_python(data)
    except ValidationError as error:
        wrong = (Problem(filled.line(*at), *said) for at, *said in describe(error, form, what))
        return replace(filled, problems=sorted([*filled.problems, *wrong]))
    return filled if filled.problems else replace(filled, value=value)


def read_file(form: type[F], path: Path, what: str) -> Filled[F]:
    """Hold a file against a form."""
    if not path.is_file():
        return Filled(None, [Problem(1, f"{what} does not exist.", "restore it from the main branch.")])
    source, problem = text_of(path, what)
    return Filled(None, [problem]) if problem else read(form, source, what)


def text_of(path: Path, what: str) -> tuple[str, Problem | None]:
    """The text of a file, with what is wrong if it is not UTF-8: such bytes are replaced."""
    raw = path.read_bytes()
    try:
        return raw.decode("utf-8"), None
    except UnicodeDecodeError as error:
        line = raw[: error.start].count(b"\n") + 1
        message = f"{what} is not UTF-8: byte {raw[error.start]:#04x}."
        return raw.decode("utf-8", errors="replace"), Problem(line, message, "save the file as UTF-8.")


def describe(error: ValidationError, form: Any, what: str) -> Iterator[tuple[Place, str, str]]:
    """Place, message and what to do, of each thing that pydantic found."""
    for found in error.errors(include_url=False):
        place, kind = found["loc"], found["type"]
        within, key = _where(place[:-1], what), _where(place[-1:], what)
        if kind == "missing":
            yield place, f"{within} has no {key}.", f"add `{place[-1]}: …`."
        elif kind == "extra_forbidden":
            meant = near(str(place[-1]), _keys(form))
            yield place, f"{within} has an unknown key {key}. {meant}", "correct or delete it."
        elif kind == "value_error":
            message, *fix = found["ctx"]["error"].args
            yield place, message, fix[0] if fix else "correct it."
        elif kind == "string_too_short":
            yield place, f"{key} is empty.", "write it, or delete the line."
        elif kind in ("model_type", "model_attributes_type"):
            fix = f"write `key: value` lines: {', '.join(_keys(form))}."
            yield place, f"{key} is not a mapping of keys to values.", fix
        else:
            must = re.sub(r"^\w+ should", "must", found["msg"])
            yield place, f"{key} {must}, not `{str(found['input'])[:40]}`.", "correct it; quote what is to be a text."


def _where(place: Place, what: str) -> str:
    """`answers`, entry 2 of `answers`, entry 2."""
    keys = ".".join(str(key) for key in place if isinstance(key, str))
    entry = f"entry {place[-1] + 1}" if place and isinstance(place[-1], int) else ""
    return " of ".join(filter(None, [entry, f"`{keys}`" if keys else ""])) or what


def load(source: str, what: str, first: int = 1) -> tuple[yaml.Node | None, Any, Problem | None]:
    """A YAML text as nodes, which know their lines, and as data; or why it is none."""
    loader = LOADER("\n" * (first - 1) + source)
    try:
        for event in yaml.parse(source, LOADER) if "*" in source else ():
            if isinstance(event, yaml.AliasEvent) and event.start_mark:  # a few lines of them can fill the memory
                message = f"{what} repeats a value by the alias `*{event.anchor}`."
                return None, None, Problem(first + event.start_mark.line, message, "write the value out.")
        node = loader.get_single_node()
        return node, loader.construct_document(node) if node else None, None
    except yaml.YAMLError as error:
        problem = getattr(error, "problem", None) or "it cannot be read"
        where = "context_mark" if "end of stream" in problem else "problem_mark"  # the quote, not the end
        mark = getattr(error, where, None)
        fix = "quote a text that holds a colon or begins with a special character."
        return None, None, Problem(mark.line + 1 if mark else first, f"{what} is not YAML: {problem}.", fix)
    finally:
        loader.dispose()


def _repeated(node: yaml.Node) -> Iterator[tuple[int, str]]:
    """Line and name of every key that a mapping gives again: YAML would keep the last and say nothing."""
    if isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _repeated(item)
    elif isinstance(node, yaml.MappingNode):
        names = [str(key.value) for key, _ in node.value]
        for number, (key, value) in enumerate(node.value):
            if names[number] in names[:number]:
                yield key.start_mark.line + 1, names[number]
            yield from _repeated(value)


def _keys(form: Any) -> list[str]:
    """Every key that a form knows, at any depth."""
    schema = TypeAdapter(form).json_schema()
    return [key for part in (schema, *schema.get("$defs", {}).values()) for key in part.get("properties", {})]
