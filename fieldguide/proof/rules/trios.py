"""Rules on the trio: a page, the snippets it shows, and the tests that prove them."""

import importlib.machinery
import keyword
import re
import sys
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from fieldguide.guide.names import near
from fieldguide.guide.project import SHARED, Project, Trio
from fieldguide.proof.rules.pages import FROM_DATA
from fieldguide.proof.rules.rule import Finding, rule
from fieldguide.runner.snippet import imports

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
NAME = re.compile(r"[a-z][a-z0-9]*(?:_[a-z0-9]+)*")
FOLDER = re.compile(r"snippets/(\w+/\w+)")


@rule("trio", "A page has a folder of snippets and a test of its own; a snippet and a test lie where their page says.")
def complete_trio(project: Project) -> Iterator[Finding]:
    """Pages, snippets and tests without each other, and names that Python could not import."""
    for page in project.every_page:
        if page.area in project.area_slugs and not page.problem and page.name not in FROM_DATA:
            yield from _lacking(project.trio_of(page))
    yield from _strays(project)
    for path in project.snippet_files:
        yield from _named(project, path)


def _lacking(trio: Trio) -> Iterator[Finding]:
    page = trio.page
    if page.status == "planned":
        if page.slug != "index" or trio.snippets:
            message = "only the overview of an area without snippets may have the status `planned`."
            fix = "set it to `draft` or `complete`, or delete the page: the curriculum announces it."
            yield Finding(page.path, page.meta_line("status"), message, fix)
        return
    if not trio.snippets:
        fix = f"write one in `snippets/{page.folder}/`, or begin with `fieldguide new {page.name}`."
        yield Finding(page.path, 1, "the page has no snippet: nothing on it is executed.", fix)
    if not trio.tests:
        fix = f"write `tests/{page.folder.replace('/', '/test_')}.py`."
        yield Finding(page.path, 1, "the page has no test: nothing on it is proven.", fix)


def _strays(project: Project) -> Iterator[Finding]:
    """Snippets in no page's folder, once for each folder, and tests of no page."""
    for path in sorted(project.snippets.glob("*/*.py")):
        if path.name != "__init__.py" and path.parent.name not in SHARED:
            message = "a snippet lies in the folder of its page; this one lies in that of the area."
            yield Finding(path, 1, message, f"move it to `snippets/{path.parent.name}/<page>/{path.name}`.")
    folders = {path.parent: path for path in reversed(project.snippet_files) if path.parent.name not in SHARED}
    areas = [project.tests / area.replace("-", "_") for area in sorted(project.area_slugs)]
    for path in (*folders.values(), *(test for area in areas for test in area.rglob("test_*.py"))):
        if project.owner(path) is None:
            yield _stray(project, path)


def _stray(project: Project, path: Path) -> Finding:
    what = "test" if path.is_relative_to(project.tests) else "snippet"
    home = project.tests if what == "test" else project.snippets
    area, stem = [part.removeprefix("test_") for part in path.relative_to(home).with_suffix("").parts][:2]
    name = f"{area}/{'index' if stem == 'overview' else stem}".replace("_", "-")
    lost = (page for page in project.every_page if page.folder.endswith(f"/{stem}"))
    page = next((page.name for page in lost if page.name not in project.planned), "")  # it lies elsewhere
    message = f"the {what} has no page `docs/{name}.md`. {near(name, project.planned)}"
    return Finding(path, 1, message, f"write the page, or move the {what} into the folder of its page.", page)


def _named(project: Project, path: Path) -> Iterator[Finding]:
    for part in path.relative_to(project.snippets).with_suffix("").parts:
        if not NAME.fullmatch(part) or keyword.iskeyword(part):
            message = f"`{part}` cannot be imported: it is no name of Python's, or a keyword."
            fix = f"use lower-case words joined by underscores, such as `{re.sub(r'[^a-z0-9]+', '_', part.lower())}`."
            yield Finding(path, 1, message, fix)
    if is_library(path.stem, project.root):
        message = f"run from its folder, `{path.name}` would be imported in place of the library `{path.stem}`."
        yield Finding(path, 1, message, "name it by what it shows, a noun; join two words by an underscore.")


@cache
def is_library(name: str, root: Path) -> bool:
    """Whether `import name` means a library: of Python, of this environment, or an engine of the field."""
    if name in sys.stdlib_module_names or name in ENGINES:
        return True
    folders = [folder for folder in sys.path if "site-packages" in folder or not Path(folder).is_relative_to(root)]
    found = importlib.machinery.PathFinder.find_spec(name, folders)
    return found is not None and found.loader is not None


@rule("builds-on", "The docstring of a page's folder names each other folder that its code imports, and no others.")
def builds_on(project: Project) -> Iterator[Finding]:
    """What a reader who copies the folder must copy as well, and imports from pages that are no prerequisite."""
    for folder, page in project.by_folder.items():
        trio = project.trio_of(page)
        if not trio.snippets:
            continue
        init = project.snippets / folder / "__init__.py"
        text = init.read_text(encoding="utf-8", errors="replace") if init.is_file() else ""
        said = {found[1]: text.count("\n", 0, found.start()) + 1 for found in FOLDER.finditer(text)}
        needed: dict[str, Path] = {}
        known = page.meta.get("prerequisites") or []
        for path in trio.snippets:
            for other in sorted(_folders(project, path) - {folder}):
                needed.setdefault(other, path)
                owner = project.by_folder.get(other)
                if owner is None or (owner.area != page.area and owner.name not in known):
                    message = f"`snippets/{other}` is of another area, and of a page that this one does not build on."
                    fix = "repeat the few lines that are needed, or name the other page under `prerequisites`."
                    yield Finding(path, _line(path, other), message, fix)
        for other in sorted(needed.keys() - said.keys()):
            message = f"the docstring does not name `snippets/{other}`, which `{needed[other].name}` imports."
            fix = f"write ``It builds on `snippets/{other}`.`` in it: who copies the folder needs both."
            yield Finding(init, 1, message, fix)
        for other in sorted(said.keys() - needed.keys()):
            message = f"the docstring names `snippets/{other}`, which no snippet of the folder imports."
            yield Finding(init, said[other], message, "delete the name.")


def _folders(project: Project, path: Path) -> set[str]:
    """Folders of pages that a snippet imports from."""
    modules = (module.split(".") for module in imports(path, project.root))
    named = {"/".join(parts[1:3]) for parts in modules if parts[0] == "snippets" and len(parts) > 2}
    return {name for name in named if (project.snippets / name).is_dir()}


def _line(path: Path, other: str) -> int:
    """Line of the import of a folder."""
    words = [rf"\b{word}\b" for word in other.split("/")]
    pattern = re.compile(rf"^\s*(?:from|import)\b.*{'.*'.join(words)}")
    lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 1)
