"""Rules on the trio: a page, the snippets it shows, and the tests that prove them."""

from __future__ import annotations

import ast
import importlib.machinery
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fieldguide.contract.guide import FROM_DATA, Finding, Guide, meta_line, near, rule, status

INNER_IMPORT = re.compile(r"^[ \t]+(?:import|from)\b|;\s*(?:import|from)\b|:[ \t]*import\b", re.M)
ENGINE_NAMES = """
    accelerate airflow apex bitsandbytes cupy dask datasets datasketch deepspeed delta deltalake diffusers
    duckdb einops evaluate evidently faiss fairlearn fairscale feast flash_attn flax gensim gym
    gymnasium haystack implicit jax keras lightgbm lightning llama_cpp megatron mlflow mlx numpy onnx
    onnxruntime opacus optax optuna outlines pandas peft polars prefect psutil pyarrow pyiceberg pyspark
    pytest ray recbole redis requests safetensors scipy sentencepiece sglang shap sklearn spark
    statsmodels surprise tensorflow tensorrt tiktoken tokenizers torch torchao torchrec torchtitan
    torchvision transformers triton trl unsloth verl vllm wandb xformers xgboost
"""
ENGINES = frozenset(ENGINE_NAMES.split())
"""Engines of the field, so that the answer is the same in an environment that lacks one."""


@rule("trio", "A page has a snippet and a test; a snippet and a test have a page.")
def complete_trio(guide: Guide) -> Iterator[Finding]:
    """Pages, snippets and tests without each other."""
    for trio in guide.trios.values():
        page = trio.page
        if page.name in guide.without_meta or page.name in FROM_DATA:
            continue  # it may be planned; it shows no code
        name = f"{page.area}/{page.stem}"
        if status(page) == "planned":
            line = meta_line(page, "status")
            if page.slug != "index":
                yield (
                    page.path,
                    line,
                    "only the overview of an area may have the status `planned`.",
                    "delete the page until it is written; the curriculum already announces it.",
                )
            elif trio.snippets:
                yield (
                    page.path,
                    line,
                    "the page has the status `planned`, yet it has a snippet.",
                    "set the status to `draft` or `complete`.",
                )
            continue
        if not trio.snippets:
            yield (
                page.path,
                1,
                "the page has no snippet: nothing on it is executed.",
                f"write `snippets/{name}.py`, or begin with `fieldguide new {page.name}`.",
            )
        if not trio.tests:
            yield (
                page.path,
                1,
                "the page has no test: nothing on it is proven.",
                f"write `tests/{page.area}/test_{page.stem}.py`.",
            )
    for path, owner in guide.owners.items():
        if owner is None:
            test = path.is_relative_to(guide.project.tests)
            slug = path.stem.removeprefix("test_").replace("_", "-")
            pages = [page.name for page in guide.pages if page.area == path.parent.name]
            what = "test" if test else "snippet"
            yield (
                path,
                1,
                f"the {what} has no page `docs/{path.parent.name}/{slug}.md` or with a shorter name. "
                + near(f"{path.parent.name}/{slug}", pages),
                f"write the page, or name the {what} after its page.",
            )


@rule("module-name", "A snippet is not named after a library: run from its folder, it would hide it.")
def module_name(guide: Guide) -> Iterator[Finding]:
    """`ray.py`, `queue.py`."""
    for path in guide.project.snippet_files:
        if is_library(path.stem, guide.root):
            yield (
                path,
                1,
                f"`{path.name}` would be imported in place of the library `{path.stem}`.",
                f"rename it to `{path.stem}_<what it shows>.py`; it stays with its page.",
            )


@cache
def is_library(name: str, root: Path) -> bool:
    """Whether `import name` means a library: of Python, of this environment, or an engine of the field."""
    if name in sys.stdlib_module_names or name in ENGINES:
        return True
    folders = [
        folder for folder in sys.path if "site-packages" in folder or not Path(folder).is_relative_to(root)
    ]
    found = importlib.machinery.PathFinder.find_spec(name, folders)
    return found is not None and found.loader is not None


@rule(
    "snippet-import",
    "A snippet imports libraries, snippets of its own area, and those of the page's prerequisites, nothing hidden.",
)
def snippet_import(guide: Guide) -> Iterator[Finding]:
    """Imports that a reader who copies the file could not follow."""
    for path in guide.project.snippet_files:
        tree = guide.tree(path)
        # imports within functions are rare, and a walk over every node costs more than all other rules
        inner = INNER_IMPORT.search(guide.text(path)) is not None
        for node in (guide.nodes(path) if inner else tree.body) if tree else ():
            if isinstance(node, ast.Import):
                for alias in node.names:
                    yield from _import(guide, path, node.lineno, alias.name, ())
            elif isinstance(node, ast.ImportFrom):
                if node.level:
                    yield (
                        path,
                        node.lineno,
                        "a relative import does not work when the file is run by itself.",
                        f"write `from snippets.{path.parent.name} import …`.",
                    )
                else:
                    names = tuple(alias.name for alias in node.names)
                    yield from _import(guide, path, node.lineno, node.module or "", names)


def _import(guide: Guide, path: Path, line: int, module: str, names: tuple[str, ...]) -> Iterator[Finding]:
    """Findings for `import module` or `from module import names`."""
    area = path.parent.name
    top, *rest = module.split(".")
    if top in ("fieldguide", "tests"):
        yield (
            path,
            line,
            f"a snippet must not import `{top}`: a reader could not copy the file and run it.",
            "write the few lines that it needs into the snippet.",
        )
    elif top == "snippets":
        page = guide.owners.get(path)
        before = page.meta.get("prerequisites") if page else None
        for name in rest[1:2] or names:
            other = guide.project.snippets.joinpath(*rest[:1], f"{name}.py")
            owner = guide.owners.get(other)
            if rest[:1] != [area] and (owner is None or owner.name not in (before or ())):
                yield (
                    path,
                    line,
                    f"`{module}` is not of the area `{area}`, nor of a page that this one builds on.",
                    "repeat the few lines that are needed, or name the other page under `prerequisites`.",
                )
            elif not other.is_file():
                known = [p.stem for p in guide.project.snippet_files if p.parent.name == area]
                yield (
                    path,
                    line,
                    f"there is no snippet `{area}/{name}.py`. {near(name, known)}",
                    "correct the import.",
                )
    elif (path.parent / f"{top}.py").is_file():
        yield (
            path,
            line,
            f"`{top}` is found only when Python starts in this folder.",
            f"write `from snippets.{area} import {top}`.",
        )
    elif (guide.root / f"{top}.py").is_file() or (guide.root / top / "__init__.py").is_file():
        yield (
            path,
            line,
            f"`{top}` is a helper of this checkout, not a library.",
            "write the few lines that it needs into the snippet.",
        )
