"""A new trio from a template, entered in the navigation and, where it is not planned, in the curriculum.

With it goes the page that shows its functions as a library, under `docs/reference/api/`.
"""

from __future__ import annotations

import difflib
import json
import re
from collections.abc import Iterator
from pathlib import Path

import yaml

from fieldguide.guide.forms import child
from fieldguide.guide.outputs import write_atomic
from fieldguide.guide.project import PlannedPage, Project
from fieldguide.proof.rules.trios import is_library

TEMPLATES = Path(__file__).parent / "templates"
SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
MODULE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")


class ScaffoldError(ValueError):
    """Why a page cannot be begun under this name."""


def scaffold(project: Project, name: str, title: str = "", module: str = "") -> list[Path]:
    """Write page, snippet and test; enter the page in `mkdocs.yml`. All of it, or nothing.

    Args:
        project: The checkout.
        name: Area and slug, `inference/my-page`.
        title: Title of the page; by default the one of the curriculum.
        module: Name of the snippet; by default that of the page.

    Returns:
        The files that were written or changed.

    Raises:
        ScaffoldError: for a bad name, one that exists, or a navigation that cannot be followed.
    """
    area, slug = _checked_name(project, name)
    module = _checked_module(project, slug, module)
    planned = {page.slug: page for a in project.areas if a.slug == area for page in a.pages}
    title = title.strip() or (planned[slug].title if slug in planned else slug.replace("-", " ").capitalize())
    if not re.fullmatch(r'[^"\\\n]{1,60}', title):
        raise ScaffoldError("a title has at most 60 characters, and neither quotation marks nor backslashes.")
    page = planned.get(slug, PlannedPage(area, slug, title, f"Explain {title[0].lower()}{title[1:]}."))
    files = _files(project, page, title, module)
    for path in files:
        if path.exists():
            raise ScaffoldError(f"{project.relative(path)} exists already. Nothing was written.")
    config, api = project.root / "mkdocs.yml", _api(project, page)
    files[config] = with_page(config.read_text(encoding="utf-8"), page, title, list(planned))
    if api in files:
        index = api.parent / "index.md"
        area_title = next(a.title for a in project.areas if a.slug == area)
        files[config] = with_api(files[config], f"reference/api/{api.name}", area)
        files[index] = with_link(index.read_text(encoding="utf-8"), area_title, title, api.name)
    if slug not in planned:
        curriculum = project.docs / "curriculum.yml"
        files[curriculum] = with_entry(curriculum.read_text(encoding="utf-8"), page)
    for package in (project.snippets, project.snippets / area):
        if not (package / "__init__.py").exists():
            files[package / "__init__.py"] = f'"""Snippets of the area {area}."""\n'
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
    return list(files)


def _checked_name(project: Project, name: str) -> tuple[str, str]:
    area, _, slug = name.strip("/").removesuffix(".md").removeprefix("docs/").partition("/")
    if area not in project.area_slugs:
        areas = [a.slug for a in project.areas]
        near = difflib.get_close_matches(area, areas, 1, 0.4)
        known = f"Did you mean {near[0]}/{slug or 'my-page'}?" if near else f"There are {', '.join(areas)}."
        raise ScaffoldError(f"a name is area/slug, and there is no area {area!r}. {known}")
    if not SLUG.fullmatch(slug):
        hint = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-0123456789")
        raise ScaffoldError(
            f"{slug!r} cannot name a page: use lower-case words and digits joined by hyphens, "
            f"such as {area}/{hint or 'my-page'}."
        )
    return area, slug


def _checked_module(project: Project, slug: str, module: str) -> str:
    stem = "overview" if slug == "index" else slug.replace("-", "_")
    module = module.removesuffix(".py") or stem
    if not MODULE.fullmatch(module) or not (module == stem or module.startswith(f"{stem}_")):
        raise ScaffoldError(
            f"a snippet of this page is called {stem} or begins with {stem}_, not {module!r}."
        )
    if is_library(module, project.root):
        raise ScaffoldError(
            f"a module called {module} would be imported in place of the library {module}. "
            f"Give the snippet a longer name: --snippet {module}_basics"
        )
    return module


def _files(project: Project, page: PlannedPage, title: str, module: str) -> dict[Path, str]:
    """Texts of the new files, by path."""
    importing = f"from snippets.{page.area} import {module}"
    if "-" in page.area:  # no import statement can name such a folder
        importing = f'{module} = importlib.import_module("snippets.{page.area}.{module}")'
    values = {
        "title": title,
        "quoted_code_of": json.dumps(f"Code of: {title}", ensure_ascii=False),
        "slug": page.slug,
        "quoted_title": json.dumps(title, ensure_ascii=False),
        "description": json.dumps(page.answers, ensure_ascii=False),
        "area": page.area,
        "module": module,
        "import": importing,
    }
    targets = {
        project.docs / page.area / f"{page.slug}.md": "page.md",
        project.snippets / page.area / f"{module}.py": "snippet.py.txt",
        project.tests / page.area / f"test_{module}.py": "test.py.txt",
    }
    api = _api(project, page)
    if (api.parent / "index.md").is_file():
        targets[api] = "api.md"
    texts = {}
    for path, template in targets.items():
        text = (TEMPLATES / template).read_text(encoding="utf-8")
        if "-" in page.area and template == "test.py.txt":
            text = text.replace("import numpy", "import importlib\n\nimport numpy", 1)
        texts[path] = re.sub(r"\[\[(\w+)\]\]", lambda found: values[found[1]], text)
    return texts


def _api(project: Project, page: PlannedPage) -> Path:
    """The page that shows the functions of a page."""
    return project.docs / f"reference/api/{page.area}-{'overview' if page.slug == 'index' else page.slug}.md"


def with_api(config: str, target: str, area: str) -> str:
    """The text of `mkdocs.yml` with one more page of code, behind those of its area or behind all."""
    nav = child(yaml.compose(config, yaml.SafeLoader), "nav")
    places = {name: line for name, line in _leaves(nav) if name.startswith("reference/api/")}
    if not places:
        return config
    own = [line for name, line in places.items() if name.startswith(f"reference/api/{area}-")]
    lines = config.split("\n")
    line = max(own or places.values())
    indent = re.match(r"\s*- +", lines[line])
    lines.insert(line + 1, f"{indent[0] if indent else '  - '}{target}")
    return "\n".join(lines)


def with_link(index: str, area: str, title: str, name: str) -> str:
    """The list of pages of code with one more, at the end of its area's part; the part is made if it lacks."""
    link = f"- [{title}]({name})"
    part = re.search(rf"^## {re.escape(area)}\n\n(?:- .*\n)*", index, re.M)
    if part is None:
        return f"{index.rstrip()}\n\n## {area}\n\n{link}\n"
    return f"{index[: part.end()]}{link}\n{index[part.end() :]}"


def with_page(config: str, page: PlannedPage, title: str, order: list[str]) -> str:
    """The text of `mkdocs.yml` with one more line in its navigation; comments and the rest stay as they are.

    The line goes behind the nearest page that precedes it in the curriculum, or behind the last of its area.

    Args:
        config: The text.
        page: The new page.
        title: Its title, written only where the neighbor's is.
        order: Slugs of the area in the order of the curriculum.

    Raises:
        ScaffoldError: if the navigation cannot be read, or holds no page of the area.
    """
    try:
        nav = child(yaml.compose(config, yaml.SafeLoader), "nav")
    except yaml.YAMLError as error:
        raise ScaffoldError(f"mkdocs.yml cannot be read: {getattr(error, 'problem', error)}.") from None
    places = {target: line for target, line in _leaves(nav) if target.startswith(f"{page.area}/")}
    before = order[: order.index(page.slug)] if page.slug in order else order
    behind = [slug for slug in before if f"{page.area}/{slug}.md" in places]
    target = f"{page.area}/{behind[-1]}.md" if behind else max(places, key=lambda t: places[t], default="")
    lines = config.split("\n")
    neighbor = lines[places[target]] if target else ""
    found = re.match(rf"(?P<indent>\s*- +)(?P<title>[^#]*: +)?{re.escape(target)}\s*(#.*)?$", neighbor)
    if not target or found is None:
        raise ScaffoldError(
            f"the navigation in mkdocs.yml has no line `- {page.area}/….md` to put the page behind: "
            f"add `- {page.area}/index.md` under its area first. Nothing was written."
        )
    named = f"{json.dumps(title, ensure_ascii=False) if ':' in title else title}: " if found["title"] else ""
    lines.insert(places[target] + 1, f"{found['indent']}{named}{page.name}.md")
    return "\n".join(lines)


def _leaves(node: yaml.Node | None) -> Iterator[tuple[str, int]]:
    """Path and line, counted from 0, of every leaf of the navigation."""
    if isinstance(node, yaml.ScalarNode):
        yield str(node.value), node.start_mark.line
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _leaves(item)
    elif isinstance(node, yaml.MappingNode):
        for _, item in node.value:
            yield from _leaves(item)


def with_entry(curriculum: str, page: PlannedPage) -> str:
    """The text of `docs/curriculum.yml` with one more page at the end of its area."""
    document = yaml.compose(curriculum, yaml.SafeLoader)
    pages = child(child(child(document, "areas"), page.area), "pages")
    if not isinstance(pages, yaml.MappingNode) or pages.flow_style or not pages.value:
        raise ScaffoldError(
            f"docs/curriculum.yml lists no pages for {page.area}, one on each line. Nothing was written."
        )
    key, last = pages.value[-1]
    lines = curriculum.split("\n")
    end = last.end_mark.line if last.end_mark.column else last.end_mark.line - 1
    while end > last.start_mark.line and not lines[end].strip():
        end -= 1
    title, answers = (json.dumps(text, ensure_ascii=False) for text in (page.title, page.answers))
    indent = " " * key.start_mark.column
    lines.insert(end + 1, f"{indent}{page.slug}: {{title: {title}, answers: {answers}}}")
    return "\n".join(lines)
