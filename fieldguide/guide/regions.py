"""Python files and recorded outputs as the contract sees them: regions, examples, names of facts."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass

MARKER = re.compile(r"-+8<-+[ \t]+\[[ \t]*(start|end)[ \t]*:[ \t]*([A-Za-z][\w-]*)[ \t]*\]")
ANY_MARKER = re.compile(r"-+8<-+")


@dataclass(frozen=True)
class Region:
    """One named region of a file."""

    name: str
    line: int
    """Of the start marker."""
    length: int
    """Lines between the markers, other markers not counted."""


Problem = tuple[int, str, str]
"""Line, message, fix."""


def regions(text: str) -> tuple[dict[str, Region], list[Problem]]:
    """Regions of a file by name, and what is wrong with its markers."""
    found: dict[str, Region] = {}
    problems: list[Problem] = []
    opened: list[tuple[str, int]] = []
    markers: list[int] = []
    for number, written in enumerate(text.split("\n"), 1):
        if ANY_MARKER.search(written) is None:
            continue
        markers.append(number)
        match = MARKER.search(written)
        if match is None:
            problems.append(
                (
                    number,
                    f"the region marker `{written.strip()}` cannot be read.",
                    "write `# --8<-- [start:name]` and `# --8<-- [end:name]`.",
                )
            )
            continue
        kind, name = match.groups()
        names = [name for name, _ in opened]
        if kind == "start":
            if name in found or name in names:
                problems.append(
                    (number, f"the region `{name}` starts twice.", "give the second one its own name.")
                )
            opened.append((name, number))
        elif name not in names:
            problems.append(
                (
                    number,
                    f"the region `{name}` ends here but never started.",
                    f"add `# --8<-- [start:{name}]` above, or delete this line.",
                )
            )
        else:
            if names[-1] != name:
                problems.append(
                    (
                        number,
                        f"the region `{name}` ends inside the region `{names[-1]}`.",
                        f"end `{names[-1]}` first.",
                    )
                )
            index = len(names) - 1 - names[::-1].index(name)
            start = opened.pop(index)[1]
            inner = sum(start < marker < number for marker in markers)
            found.setdefault(name, Region(name, start, number - start - 1 - inner))
    for name, line in opened:
        problems.append(
            (line, f"the region `{name}` never ends.", f"add `# --8<-- [end:{name}]` after its last line.")
        )
    return found, sorted(problems)


def functions(tree: ast.Module) -> dict[str, ast.FunctionDef | ast.AsyncFunctionDef]:
    """Functions at the top of a module, by name."""
    return {node.name: node for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def examples(tree: ast.Module) -> dict[str, int]:
    """Names of the examples, without `example_`, and their lines, in order of definition."""
    return {
        name.removeprefix("example_"): node.lineno
        for name, node in functions(tree).items()
        if name.startswith("example_")
    }


def fact_names(tree: ast.Module) -> tuple[list[tuple[str, int]], list[Problem]]:
    """Names that `facts()` returns, each with its line, read without running it."""
    node = functions(tree).get("facts")
    if node is None:
        return [], []
    names: list[tuple[str, int]] = []
    problems: list[Problem] = []
    for returned in _returns(node):
        for found in _keys(returned, node, tree):
            if isinstance(found, tuple):
                names.append(found)
            else:
                problems.append(
                    (
                        found,
                        "the names of these facts cannot be read without running `facts()`.",
                        "return a dict whose keys are written out as strings.",
                    )
                )
    return sorted(names, key=lambda name: name[1]), problems


def _returns(function: ast.AST) -> Iterator[ast.expr]:
    return (
        node.value for node in ast.walk(function) if isinstance(node, ast.Return) and node.value is not None
    )


def _keys(value: ast.expr, function: ast.AST, tree: ast.Module) -> Iterator[tuple[str, int] | int]:
    """Keys of the dict that `value` builds; a bare line number where one cannot be read."""
    match value:
        case ast.Dict():
            for key, item in zip(value.keys, value.values):
                if key is None:  # {**other}
                    yield from _keys(item, function, tree)
                elif isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, key.lineno
                else:
                    yield key.lineno
        case ast.BinOp(left=left, op=ast.BitOr(), right=right):
            yield from _keys(left, function, tree)
            yield from _keys(right, function, tree)
        case ast.Call(func=ast.Name(id="dict")):
            for item in value.args:
                yield from _keys(item, function, tree)
            for keyword in value.keywords:
                if keyword.arg is None:
                    yield from _keys(keyword.value, function, tree)
                else:
                    yield keyword.arg, keyword.value.lineno
        case ast.Call(func=ast.Name(id=name)) if (
            name in (known := functions(tree)) and known[name] is not function
        ):
            for returned in _returns(known[name]):
                yield from _keys(returned, known[name], tree)
        case ast.Name(id=name):
            yield from _assigned(name, function, tree)
        case _:
            yield value.lineno


def _assigned(name: str, function: ast.AST, tree: ast.Module) -> Iterator[tuple[str, int] | int]:
    """Keys of a dict that is built step by step under a local name."""
    for node in ast.walk(function):
        match node:
            case (
                ast.Assign(targets=[ast.Name(id=target)], value=ast.expr() as value)
                | ast.AnnAssign(target=ast.Name(id=target), value=ast.expr() as value)
                | ast.AugAssign(target=ast.Name(id=target), op=ast.BitOr(), value=value)
            ) if target == name:
                yield from _keys(value, function, tree)
            case ast.Assign(targets=[ast.Subscript(value=ast.Name(id=target), slice=key)]) if target == name:
                if isinstance(key, ast.Constant) and isinstance(key.value, str):
                    yield key.value, key.lineno
                else:
                    yield key.lineno
            case ast.Call(func=ast.Attribute(value=ast.Name(id=target), attr="update")) if target == name:
                yield from _keys(
                    ast.copy_location(ast.Call(ast.Name("dict"), node.args, node.keywords), node),
                    function,
                    tree,
                )
