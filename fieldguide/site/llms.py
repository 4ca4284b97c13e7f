"""The guide for programs, before the build: `llms.txt` lists the pages, `llms-full.txt` is their text, code in place."""

import re
from pathlib import Path

from markdown import Markdown

from fieldguide.guide import glossary
from fieldguide.guide.page import Page
from fieldguide.guide.project import Project


def plain(project: Project, page: Page) -> str:
    """A page's Markdown as it reads: includes in place, facts and terms as their text."""
    config = {"base_path": [str(project.snippets)], "dedent_subsections": True}
    snippets = Markdown(extensions=["pymdownx.snippets"], extension_configs={"pymdownx.snippets": config})
    text = "\n".join(snippets.preprocessors["snippet"].run(page.body.split("\n")))
    if page.name == glossary.PAGE:
        terms = glossary.load(project).values()
        listed = (f"- {t.abbr} ({t.term}): {t.says}" if t.abbr else f"- {t.term}: {t.says}" for t in terms)
        text = text.replace("```glossary\n```", "\n".join(listed))
    return re.sub(r"</?data\b[^>]*>", "", text).strip()


def address(page: Page) -> str:
    """Where the page stands, relative to the site."""
    return page.name.removesuffix("index").rstrip("/") + "/"


def write(project: Project, folder: Path) -> None:
    """Write both files where the theme's own files stand; an unchanged file keeps `serve` from rebuilding."""
    names = [planned.name for area in project.areas for planned in area.pages]
    pages = [project.by_name[name] for name in names if name in project.by_name]
    pages = [page for page in pages if page.meta.get("status") == "complete"]
    home = project.by_name["index"].meta
    head = f"# {home['title']}\n\n> {home['description']}"
    listed = "\n".join(f"- [{p.meta['title']}]({address(p)}): {p.meta['description']}" for p in pages)
    whole = "- [Everything as one text](llms-full.txt)"
    for name, text in {
        "llms.txt": f"{head}\n\n## Pages\n\n{listed}\n\n## More\n\n{whole}\n",
        "llms-full.txt": "\n\n---\n\n".join([head, *(plain(project, page) for page in pages)]) + "\n",
    }.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
