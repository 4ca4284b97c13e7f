"""A new page from a template: text, code and test, entered in the navigation and the curriculum."""

import json
import keyword
import re
from dataclasses import dataclass
from pathlib import Path

from fieldguide.guide.names import folder_of, near
from fieldguide.guide.outputs import write_atomic
from fieldguide.guide.project import PlannedPage, Project
from fieldguide.proof.rules.trios import NAME, is_library

TEMPLATES = Path(__file__).parent / "templates"
SLUG = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
DESCRIPTION = "Say in one sentence what a reader can do afterwards."


class ScaffoldError(ValueError):
    """Why a page cannot be begun under this name."""


@dataclass(frozen=True)
class Begun:
    """A page that has been begun."""

    page: str
    written: list[Path]  # files that are new or changed
    unplanned: bool  # whether it was entered in the curriculum, where its `answers` is still empty
    alike: list[PlannedPage]  # planned pages that may be about the same


def scaffold(project: Project, name: str, title: str = "", noun: str = "basics") -> Begun:
    """Write page, snippet (`noun`) and test, and enter the page; its title may be the curriculum's. All, or nothing.

    `ScaffoldError` for a bad name, one that exists, or lists that have no place for the page.
    """
    area, slug = _checked_name(project, name)
    if not NAME.fullmatch(noun) or keyword.iskeyword(noun) or is_library(noun, project.root):
        how = "use a noun in lower case, with underscores, that is neither a keyword nor the name of a library"
        raise ScaffoldError(f"{noun!r} cannot name a snippet: {how}, such as sizes.")
    known = [page for each in project.areas for page in each.pages]
    planned = next((page for page in known if page.name == f"{area}/{slug}"), None)
    title = title.strip() or (planned.title if planned else slug.replace("-", " ").capitalize())
    if not re.fullmatch(r'[^"\\\n]{1,60}', title):
        raise ScaffoldError("a title has at most 60 characters, and neither quotation marks nor backslashes.")
    page = planned or PlannedPage(area, slug, title, "")
    files = _files(project, page, title, noun)
    for path in files:
        if path.exists():
            raise ScaffoldError(f"{project.relative(path)} exists already. Nothing was written.")
    config, curriculum = project.root / "mkdocs.yml", project.docs / "curriculum.yml"
    order = [page.slug for page in known if page.area == area]
    tabs = [f"  - {each.short}:\n      - {each.slug}/index.md\n" for each in project.areas]
    later = [each.slug for each in project.areas].index(area)
    text = with_tab(config.read_text(encoding="utf-8"), f"\n  {area}/index.md\n", tabs[later:])
    files[config] = with_page(text, page, title, order)
    if not planned:
        files[curriculum] = with_entry(curriculum.read_text(encoding="utf-8"), page)
    api = project.docs / f"reference/api/{area}.md"
    if api.is_file():
        code = f"## {title}\n\nThe code of [the page](../../{area}/{slug}.md).\n\n"
        module = f"::: snippets.{folder_of(page.name).replace('/', '.')}\n"
        files[api] = f"{api.read_text(encoding='utf-8').rstrip()}\n\n{code}{module}"
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomic(path, text)
    return Begun(page.name, list(files), not planned, [] if planned else _alike(known, slug, title))


def _checked_name(project: Project, name: str) -> tuple[str, str]:
    area, _, slug = name.strip("/").removesuffix(".md").removeprefix("docs/").partition("/")
    if area not in project.area_slugs:
        raise ScaffoldError(f"a name is area/slug, and there is no area {area!r}. {near(area, project.area_slugs)}")
    if not SLUG.fullmatch(slug) or keyword.iskeyword(slug):
        hint = re.sub(r"[^a-z0-9]+", "-", slug.lower()).strip("-0123456789")
        such = f"{area}/{'my-page' if not hint or keyword.iskeyword(hint) else hint}"
        how = f"use lower-case words and digits joined by hyphens, and no keyword of Python, such as {such}."
        raise ScaffoldError(f"{slug!r} cannot name a page: {how}")
    return area, slug


def _alike(known: list[PlannedPage], slug: str, title: str) -> list[PlannedPage]:
    """Planned pages that speak of the same words as a new one: most of all, and of more than one of several."""
    words = {word[:5] for word in re.findall(r"[a-z0-9]{2,}", f"{slug} {title}".lower())}
    words -= {"and", "for", "in", "my", "of", "on", "page", "the", "to"}
    shared: dict[int, list[PlannedPage]] = {0: []}
    for page in known:
        theirs = {word[:5] for word in re.findall(r"[a-z0-9]+", f"{page.slug} {page.title} {page.answers}".lower())}
        shared.setdefault(len(words & theirs), []).append(page)
    return shared[max(shared)][:3] if max(shared) >= min(2, max(1, len(words))) else []


def _files(project: Project, page: PlannedPage, title: str, noun: str) -> dict[Path, str]:
    """Texts of the new files, by path."""
    folder = folder_of(page.name)
    area, _, stem = folder.partition("/")
    values = {
        "title": title, "quoted_title": json.dumps(title, ensure_ascii=False), "area": page.area, "page": page.name,
        "description": json.dumps(page.answers or DESCRIPTION, ensure_ascii=False), "noun": noun, "folder": folder,
        "package": folder.replace("/", "."),
    }  # fmt: skip
    code, test = project.snippets / folder / f"{noun}.py", project.tests / area / f"test_{stem}.py"
    targets = {project.docs / f"{page.name}.md": "page.md", code: "snippet.py.txt", test: "test.py.txt"}
    texts = {path: (TEMPLATES / template).read_text(encoding="utf-8") for path, template in targets.items()}
    texts[code.with_name("__init__.py")] = '"""Code of the page [[page]]: [[title]]."""\n'
    if not (package := project.snippets / area / "__init__.py").exists():
        texts[package] = '"""Code of the area [[area]], a folder for each page."""\n'
    return {path: re.sub(r"\[\[(\w+)\]\]", lambda found: values[found[1]], text) for path, text in texts.items()}


def with_tab(config: str, waiting: str, tabs: list[str]) -> str:
    """The text of `mkdocs.yml` with a tab for an area that waits under `not_in_nav`, before the next that has one."""
    behind = next((tab for tab in tabs[1:] if tab in config), "")
    if not behind or waiting not in config:
        return config
    return config.replace(waiting, "\n").replace(behind, tabs[0] + behind)


def with_page(config: str, page: PlannedPage, title: str, order: list[str]) -> str:
    """The text of `mkdocs.yml` with one more line in its navigation; comments and the rest stay as they are.

    The line goes behind the nearest page that precedes it in the curriculum's order, or behind the last of its area;
    it has a title where its neighbor has one. `ScaffoldError` if the navigation holds no page of the area.
    """
    lines = config.split("\n")
    entry = re.compile(rf"(?P<indent> *- +)(?P<title>[^#]*: +)?{re.escape(page.area)}/(?P<slug>[\w-]+)\.md *(#.*)?")
    places = {found["slug"]: (number, found) for number, line in enumerate(lines) if (found := entry.fullmatch(line))}
    if not places:
        what = f"the navigation in mkdocs.yml has no line `- {page.area}/….md` to put the page behind"
        raise ScaffoldError(f"{what}: add `- {page.area}/index.md` under its area first. Nothing was written.")
    before = order[: order.index(page.slug)] if page.slug in order else order
    behind = [slug for slug in before if slug in places]
    number, neighbor = places[behind[-1]] if behind else max(places.values(), key=lambda place: place[0])
    named = f"{json.dumps(title, ensure_ascii=False) if ':' in title else title}: " if neighbor["title"] else ""
    lines.insert(number + 1, f"{neighbor['indent']}{named}{page.name}.md")
    return "\n".join(lines)


def with_entry(curriculum: str, page: PlannedPage) -> str:
    """The text of `docs/curriculum.yml` with one more page at the end of its area, which lists one on each line."""
    area = re.search(rf"^  {page.area}:.*\n(?:(?: {{3,}}.*)?\n)*^ {{6}}[\w-]+: *\{{.*\n", curriculum, re.M)
    if area is None:
        what = f"docs/curriculum.yml lists no pages for {page.area}, one on each line"
        raise ScaffoldError(f"{what}. Nothing was written.")
    title = json.dumps(page.title, ensure_ascii=False)
    entry = f'      {page.slug}: {{title: {title}, answers: ""}}\n'
    return f"{curriculum[: area.end()]}{entry}{curriculum[area.end() :]}"
