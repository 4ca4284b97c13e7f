"""`llms.txt` and `llms-full.txt`: the guide for readers that are programs. Part of the step before the build.

The first lists the pages that are there, each with its address and what it gives; the second holds their
text, with code and outputs in place of the includes.
"""

from __future__ import annotations

import re
import textwrap
from pathlib import Path

from fieldguide.guide import glossary
from fieldguide.guide.page import Page
from fieldguide.guide.project import Project

INCLUDE = re.compile(r'^([ \t]*)--8<-- "([\w./-]+):([\w-]+)"[ \t]*$', re.M)
GLOSSARY = re.compile(r"^```glossary\n```$", re.M)
DATA = re.compile(r"</?data\b[^>]*>")


def region(project: Project, file: str, name: str) -> str:
    """The lines between the two markers of a region, dedented; nothing if there is none."""
    path = project.snippets / file
    text = path.read_text(encoding="utf-8") if path.is_file() else ""
    mark = r"^[ \t]*# --8<-- \[%s:" + re.escape(name) + r"\]\n"
    match = re.search(mark % "start" + "(.*?)" + mark % "end", text, re.M | re.S)
    return textwrap.dedent(match.group(1)).strip("\n") if match else ""


def plain(project: Project, page: Page) -> str:
    """A page's Markdown as it reads: includes in place, facts as their text."""

    def put(match: re.Match[str]) -> str:
        indent, file, name = match.groups()
        return textwrap.indent(region(project, file, name), indent)

    body = page.body
    if page.name == glossary.PAGE:
        listed = [
            f"- {t.abbr} ({t.term}): {t.says}" if t.abbr else f"- {t.term}: {t.says}"
            for t in glossary.load(project).values()
        ]
        body = GLOSSARY.sub(lambda _: "\n".join(listed), body)
    return DATA.sub("", INCLUDE.sub(put, body)).strip()


def address(page: Page) -> str:
    """Where the page stands, relative to the site."""
    return page.name.removesuffix("index").rstrip("/") + "/" if page.name != "index" else ""


def landed(project: Project) -> list[Page]:
    """Pages that are written, in the order of the curriculum."""
    names = [planned.name for area in project.areas for planned in area.pages]
    return [
        project.by_name[n]
        for n in names
        if n in project.by_name and project.by_name[n].meta.get("status") == "complete"
    ]


def write(project: Project, folder: Path) -> None:
    """Write both files where the theme's own files stand; untouched if nothing changed."""
    home = project.by_name["index"].meta
    listed = [
        f"- [{page.meta['title']}]({address(page)}): {page.meta['description']}" for page in landed(project)
    ]
    head = f"# {home['title']}\n\n> {home['description']}\n"
    files = {
        "llms.txt": "\n".join(
            [
                head,
                "## Pages",
                "",
                *listed,
                "",
                "## More",
                "",
                "- [Everything as one text](llms-full.txt)",
                "",
            ]
        ),
        "llms-full.txt": "\n\n---\n\n".join(
            [head.strip(), *(plain(project, page) for page in landed(project))]
        )
        + "\n",
    }
    for name, text in files.items():
        path = folder / name
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
