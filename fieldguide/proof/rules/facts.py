"""Rule on facts: each is the value of a named function that a test reaches another way, and no more."""

import ast
from collections.abc import Iterator

from fieldguide.guide.project import Project
from fieldguide.proof.rules.rule import Finding, of_new_pages, rule
from fieldguide.runner.snippet import tree

UNPROVEN = "tests/unproven_facts.txt"
ARITHMETIC = ast.Add | ast.Sub | ast.Mult | ast.Div | ast.FloorDiv | ast.Mod | ast.Pow | ast.MatMult
REDUCED = ("abs", "divmod", "float", "int", "len", "max", "mean", "min", "pow", "prod", "round", "sum")


@rule("computed-fact", "`facts()` computes nothing: it calls named functions, which tests reach, and formats what they say.",
      "move it into a function with a name, and let a test hold that; an input may be an argument.")  # fmt: skip
def computed_facts(project: Project) -> Iterator[Finding]:
    """Arithmetic and literals in `facts()`, but for older pages."""
    found = []
    for path in project.snippet_files:
        for node in (tree(path) or ast.Module([], [])).body:
            if isinstance(node, ast.FunctionDef) and node.name == "facts":
                found += [Finding(path, line, f"`facts()` {does}.") for line, does in _computed(node)]
    yield from of_new_pages(project, UNPROVEN, found, "computes nothing in `facts()`")


def _computed(node: ast.AST, argument: bool = False) -> Iterator[tuple[int, str]]:
    """Lines and what is wrong with them; a literal is an input where it is an argument or chooses a part."""
    called, op = getattr(node, "func", None), getattr(node, "op", None)
    computes = isinstance(node, ast.Compare | ast.BoolOp | ast.IfExp) or isinstance(op, ARITHMETIC)
    if computes or getattr(called, "id", getattr(called, "attr", "")) in REDUCED:
        yield getattr(node, "lineno", 1), f"computes `{ast.unparse(node)}`"
        return
    if not argument and isinstance(node, ast.Constant) and isinstance(node.value, int | float):
        yield node.lineno, f"states `{node.value}`"
    for child in ast.iter_child_nodes(node):
        if isinstance(node, ast.Dict) and child in node.values and isinstance(child, ast.Constant):
            yield child.lineno, f"states `{child.value!r}`"
        yield from _computed(child, argument or bool(called) or child is getattr(node, "slice", None))
