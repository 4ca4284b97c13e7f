"""How a complete page ends: its rules in one sentence each, its calculators, and the labs that build on it."""

import re

from markdown.extensions.toc import slugify

from fieldguide.calc import fence
from fieldguide.guide.page import Page
from fieldguide.guide.project import Project

RULE = re.compile(r'^!!! tip "Rule"\n+ {4}(.+?[.?])(?=\s)', re.M | re.S)
TITLE = re.compile(r"^# # (.+)$", re.M)


def added(lines: list[str], page: Page, project: Project) -> list[str]:
    """The lines of a page with the section *Takeaways* before its sources; a page without rules ends as it is."""
    if page.status != "complete" or not RULE.search(page.text):
        return lines
    section = ["## Takeaways", ""]
    for rule in RULE.finditer(page.text):
        above = [heading.text for heading in page.headings if heading.line < page.line(rule.start())]
        section.append(f"- [{above[-1]}](#{slugify(above[-1], '-')}): {' '.join(rule[1].split())}")
    calculators = (fence.parse(each.text, page.folder) for each in page.of("calc"))
    tried = [f'<a href="#{one.anchor}">{one.title}</a>' for one in calculators]
    for lab in sorted(project.docs.glob("labs/*.py")):
        text = lab.read_text(encoding="utf-8")
        if (title := TITLE.search(text)) and f"(../{page.name}.md)" in text:
            tried.append(f"[{title[1]}](../labs/{lab.stem}.ipynb) (a lab)")
    section += ["", f"With your own numbers: {' · '.join(tried)}"] if tried else []
    at = lines.index("## Sources") if "## Sources" in lines else len(lines)
    return [*lines[:at], *section, "", *lines[at:]]
