"""Rules on the trio: a page, the snippets it shows, and the tests that prove them."""

from __future__ import annotations

import ast
import importlib.machinery
import keyword
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fieldguide.proof.rules.guide import FROM_DATA, Finding, Guide, meta_line, near, rule, status

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
                f"write one in `snippets/{page.folder}/`, or begin with `fieldguide new {page.name}`.",
            )
        if not trio.tests:
            yield (
                page.path,
                1,
                "the page has no test: nothing on it is proven.",
                f"write `tests/{page.folder.replace('/', '/test_')}.py`.",
            )
    for path, owner in guide.owners.items():
        if owner is None:
            test = path.is_relative_to(guide.project.tests)
            home = guide.project.tests if test else guide.project.snippets
            parts = [part.removeprefix("test_") for part in path.relative_to(home).with_suffix("").parts]
            page_name = "/".join(parts[:2]).replace("_", "-")
            what = "test" if test else "snippet"
            yield (
                path,
                1,
                f"the {what} has no page `docs/{page_name}.md`. "
                + near(page_name, [page.name for page in guide.area_pages]),
                f"write the page, or move the {what} into the folder of its page.",
            )
    for path in sorted(guide.project.snippets.glob("*/*.py")):
        if path.name != "__init__.py" and path.parent.name != "shapes":
            yield (
                path,
                1,
                "a snippet lies in the folder of its page; this one lies in that of the area.",
                f"move it to `snippets/{path.parent.name}/<page>/{path.name}`.",
            )
    for path in guide.project.snippet_files:
        if not path.stem.isidentifier() or keyword.iskeyword(path.stem):
            yield (
                path,
                1,
                f"`{path.stem}` cannot be imported: it is no name of Python's, or a keyword.",
                "use lower-case words joined by underscores.",
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
                "name it by what it shows, in one or two words.",
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
                        f"write `from {'.'.join(('snippets', *path.relative_to(guide.project.snippets).parts[:-1]))} import …`.",
                    )
                else:
                    names = tuple(alias.name for alias in node.names)
                    yield from _import(guide, path, node.lineno, node.module or "", names)


def _import(guide: Guide, path: Path, line: int, module: str, names: tuple[str, ...]) -> Iterator[Finding]:
    """Findings for `import module` or `from module import names`."""
    top, *rest = module.split(".")
    if top in ("fieldguide", "tests"):
        yield (
            path,
            line,
            f"a snippet must not import `{top}`: a reader could not copy the folder and run it.",
            "write the few lines that it needs into the snippet.",
        )
    elif top == "snippets" and rest[:1] != ["shapes"]:
        page = guide.owners.get(path)
        before = page.meta.get("prerequisites") if page else None
        target = guide.project.snippets.joinpath(*rest)
        files = [target.with_suffix(".py")] if len(rest) > 2 else [target / f"{name}.py" for name in names]
        for file in files:
            owner = guide.owners.get(file)
            if not file.is_file():
                known = [
                    p.relative_to(guide.project.snippets).as_posix() for p in guide.project.snippet_files
                ]
                name = guide.project.relative(file)
                yield path, line, f"there is no snippet `{name}`. {near(name, known)}", "correct the import."
            elif (
                owner != page
                and rest[0] != path.parent.parent.name
                and (owner is None or owner.name not in (before or ()))
            ):
                yield (
                    path,
                    line,
                    f"`{module}` is of another area, and of a page that this one does not build on.",
                    "repeat the few lines that are needed, or name the other page under `prerequisites`.",
                )
    elif top == "snippets":
        return
    elif (path.parent / f"{top}.py").is_file():
        yield (
            path,
            line,
            f"`{top}` is found only when Python starts in this folder.",
            f"write `from {'.'.join(('snippets', *path.relative_to(guide.project.snippets).parts[:-1]))} import {top}`.",
        )
    elif (guide.root / f"{top}.py").is_file() or (guide.root / top / "__init__.py").is_file():
        yield (
            path,
            line,
            f"`{top}` is a helper of this checkout, not a library.",
            "write the few lines that it needs into the snippet.",
        )
