"""Rules on a page: that it can be read, where it stands, what it says of itself, its sections and its words."""

import ast
import graphlib
import re
from collections.abc import Iterator
from itertools import pairwise

from fieldguide.guide import forms, glossary
from fieldguide.guide.names import near
from fieldguide.guide.page import FrontMatter, Lesson, Page
from fieldguide.guide.project import CURRICULUM, Project
from fieldguide.proof.rules.rule import Finding, rule
from fieldguide.runner.snippet import tree

SECTIONS = ("At scale", "How it breaks", "In practice", "Check yourself", "Sources")
FROM_DATA = frozenset({glossary.PAGE})
"""Pages of an area that a file of data fills: no code to run, so no trio and not the sections of a lesson."""
UNFINISHED = re.compile(r"\b(?:TODO|TBD|FIXME|(?i:lorem ipsum))\b")


@rule("encoding", "Every page is UTF-8.", "save the file as UTF-8.", first=True)
def encoding(project: Project) -> Iterator[Finding]:
    """Pages whose bytes are no text; of outputs says it `recorded`, of code `syntax` and Ruff."""
    yield from _unreadable(project, "encoding")


@rule("front-matter", "Every page begins with sound front matter, and lies in the folder of its area.", first=True)
def front_matter(project: Project) -> Iterator[Finding]:
    """Front matter that is no YAML mapping, and pages in a wrong folder. What it must hold is the rule `meta`."""
    yield from _unreadable(project, "front-matter")
    for page in project.every_page:
        stated = page.meta.get("area", page.area)
        lesson = "area" in page.meta or "level" in page.meta
        if stated != page.area and page.area in project.area_slugs:
            message = f"the area is `{stated}`, the folder `{page.area}`."
            yield Finding(page.path, page.meta_line("area"), message, f"write `area: {page.area}`, or move the page.")
        elif lesson and page.area not in project.area_slugs:
            message = f"the curriculum has no area `{page.area}`. {_places(page, project)}"
            fix = f"move the page into the folder of an area, and `snippets/{page.folder}/` and its test as well."
            yield Finding(page.path, page.meta_line("area"), message, fix)


@rule("curriculum", "Every page of an area is in the curriculum.", first=True)
def planned(project: Project) -> Iterator[Finding]:
    """Pages that no map announces."""
    for page in _lessons(project):
        if page.name not in project.planned:
            message = f"the curriculum has no page `{page.name}`. {_places(page, project)}"
            fix = f"name the page and its folders as `{CURRICULUM}` does, or add it there."
            yield Finding(page.path, 1, message, fix)


@rule("syntax", "Every snippet is valid Python.", "correct the syntax.", first=True)
def syntax(project: Project) -> Iterator[Finding]:
    """Snippets that cannot be parsed; of other files, Ruff says it."""
    for path in project.snippet_files:
        if tree(path) is None:
            try:
                ast.parse(path.read_bytes())
            except (SyntaxError, ValueError) as error:
                line, message = getattr(error, "lineno", None) or 1, getattr(error, "msg", str(error))
                yield Finding(path, line, f"not valid Python: {message}.")


@rule("meta", "The front matter has the keys of its kind of page, each of the right type, and no others.")
def meta(project: Project) -> Iterator[Finding]:
    """Missing, unknown and ill-typed keys."""
    for page in project.every_page:
        form = Lesson if page.area in project.area_slugs else FrontMatter
        for problem in forms.read(form, page.front, "the front matter", 2).problems:
            yield Finding.of(page.path, problem)


@rule("prerequisites", "Prerequisites are in the curriculum; no page requires itself, even by way of others.")
def prerequisites(project: Project) -> Iterator[Finding]:
    """Names that are not in the curriculum, and circles."""
    needs = {page.name: page.meta.get("prerequisites") or [] for page in _lessons(project)}
    for page in _lessons(project):
        for name in needs[page.name]:
            if name not in project.planned:
                message = f"the prerequisite `{name}` is not in the curriculum. {near(str(name), project.planned)}"
                yield Finding(page.path, page.meta_line("prerequisites"), message, "correct the name.")
    try:
        graphlib.TopologicalSorter(needs).prepare()
    except graphlib.CycleError as error:
        circle = error.args[1][:0:-1]  # without the first, which is the last as well; each requires the next
        start = circle.index(min(circle))
        circle = [*circle[start:], *circle[: start + 1]]
        page = next(page for page in _lessons(project) if page.name == circle[0])
        message = f"the prerequisites run in a circle: {' → '.join(circle)}."
        yield Finding(page.path, page.meta_line("prerequisites"), message, "remove one of these prerequisites.")


@rule("sections", f"A page has one title and no gap in its headings; a complete one has {', '.join(SECTIONS)}.")
def sections(project: Project) -> Iterator[Finding]:
    """Outlines that a reader cannot follow, and complete pages that lack a part of the anatomy."""
    for page in _lessons(project):
        if not page.headings or [h.level for h in page.headings].count(1) != 1 or page.headings[0].level != 1:
            extra = next((h.line for h in page.headings[1:] if h.level == 1), page.body_line)
            yield Finding(page.path, extra, "a page has one first-level heading, its title, above all others.",
                          "begin it with `# Title`, and make any other `##`.")  # fmt: skip
        for above, below in pairwise(page.headings):
            if below.level > above.level + 1:
                message = f"`{below.text}` is of level {below.level} under a heading of level {above.level}."
                yield Finding(page.path, below.line, message, f"make it level {above.level + 1}.")
        if page.status == "complete" and page.name not in FROM_DATA:
            yield from _sections(page)


@rule("unfinished", "Pages that are no drafts, their snippets and tests hold no unfinished text.",
      "finish it, set `status: draft`, or open an issue for it.")  # fmt: skip
def unfinished(project: Project) -> Iterator[Finding]:
    """Marks of work left over."""
    texts = [(page.path, page.prose) for page in project.every_page if page.status != "draft"]
    tests = (test for page in _lessons(project) for test in project.trio_of(page).tests)
    texts += [(path, path.read_text(encoding="utf-8", errors="replace")) for path in (*project.snippet_files, *tests)]
    for path, text in texts:
        for found in UNFINISHED.finditer(text):
            yield Finding(path, text.count("\n", 0, found.start()) + 1, f"`{found[0]}` is unfinished text.")


@rule("glossary", "Every term is explained once, and leads somewhere.")
def terms(project: Project) -> Iterator[Finding]:
    """What is wrong with `docs/glossary.yml`, and a glossary page that does not show it."""
    found, breaches = glossary.read(project)
    for breach in breaches:
        yield Finding(project.root / breach.path, breach.line, breach.message, breach.fix, glossary.PAGE)
    page = project.docs / f"{glossary.PAGE}.md"
    if found and not any(any(p.of("glossary")) for p in project.every_page if p.path == page):
        yield Finding(page, 1, "the page does not show the glossary.", "add a `glossary` fence.")


def _unreadable(project: Project, id: str) -> Iterator[Finding]:
    for page in project.every_page:
        if page.problem and page.problem.rule == id:
            yield Finding.of(page.path, page.problem)


def _lessons(project: Project) -> list[Page]:
    return [page for page in project.every_page if page.area in project.area_slugs]


def _places(page: Page, project: Project) -> str:
    """Where the page may belong: the same slug in another area comes first."""
    same = [name for name in project.planned if name.endswith(f"/{page.slug}") and page.slug != "index"]
    return near(page.name, same or project.planned)


def _sections(page: Page) -> Iterator[Finding]:
    second = {heading.text: heading for heading in page.headings if heading.level == 2}
    for name in SECTIONS:
        if name not in second:
            message = f"a complete page needs the section `## {name}`. {near(name, second)}"
            fix = f"write it, or set `status: draft` on line {page.meta_line('status')}."
            yield Finding(page.path, 1, message, fix)
    present = [second[name] for name in SECTIONS if name in second]
    for before, after in pairwise(present):
        if after.line < before.line:
            message = f"the section `{after.text}` stands before `{before.text}`."
            yield Finding(page.path, after.line, message, f"the order is {', '.join(SECTIONS)}.")
    asked = [fence.line for fence in page.of("quiz")]
    if (check := second.get("Check yourself")) and not any(line > check.line for line in asked):
        yield Finding(page.path, check.line, "`Check yourself` asks nothing.", "add a `quiz` fence.")
    for heading in present:
        end = next((h.line - 1 for h in page.headings if h.line > heading.line and h.level <= 2), None)
        if heading.text != "Sources" and not "".join(page.text.split("\n")[heading.line : end]).strip():
            yield Finding(page.path, heading.line, f"the section `{heading.text}` is empty.", "write it.")
