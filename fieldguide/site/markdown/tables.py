"""What the site says about itself: the curriculum, its progress, reproduced numbers. Computed, never typed."""

import json
import re
from datetime import date
from functools import lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any, NamedTuple

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from fieldguide.calc import fence
from fieldguide.calc.engine import summary
from fieldguide.guide.page import Page
from fieldguide.guide.project import Area, Project
from fieldguide.proof import passed as cache
from fieldguide.proof import published
from fieldguide.proof.published import leaves_of

FENCES = ("curriculum", "progress", "coverage", "reproduced", "errata", "calculators")
"""What a page can ask for by a fence; each has a template."""


class Standing(NamedTuple):
    """How far an area has come."""

    complete: int
    drafts: int
    total: int
    snippets: int
    passed: str  # the last day on which one of its pages passed its tests where the site is built, or nothing

    @property
    def word(self) -> str:
        """One word for the tracker."""
        if self.complete == self.total:
            return "complete"
        return "in progress" if self.complete or self.drafts else "planned"


def standing(project: Project, area: Area) -> Standing:
    """Count an area's pages by what their front matter says."""
    trios = [trio for trio in project.trios if trio.page.area == area.slug]
    states = [trio.page.status for trio in trios]
    last = max((cache.read(project).get(trio.name, {}).get("date", "") for trio in trios), default="")
    snippets = sum(len(trio.snippets) for trio in trios)
    return Standing(states.count("complete"), states.count("draft"), len(area.pages), snippets, last)


def passed(project: Project, name: str) -> str:
    """`last passed November 21, 2026 on torch 2.13.0`, for the line under a title."""
    if not (record := cache.read(project).get(name)):
        return "not run where this site was built"
    versions = ", ".join(f"{k} {v.partition('+')[0]}" for k, v in record.get("versions", {}).items())
    return f"last passed {day(record['date'])}" + (f" on {versions}" if versions else "")


def day(iso: str) -> str:
    """`2026-11-21` → `November 21, 2026`."""
    return f"{date.fromisoformat(iso):%B} {date.fromisoformat(iso).day}, {iso[:4]}" if iso else ""


@lru_cache
def icon(name: str) -> Markup:
    """An icon of the theme as inline SVG."""
    svg = (files("material") / "templates" / ".icons" / f"{name}.svg").read_text(encoding="utf-8")
    return Markup(svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1))


def ours(project: Project) -> dict[str, Any]:
    """What our functions give, by case; cases without a value are left out."""
    path = project.root / published.REPRODUCED
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {key: value for key, value in known.items() if value is not None}


def calculators(page: Page, project: Project) -> list[tuple[str, str]]:
    """Anchor and question of each calculator of a page."""
    found = [fence.parse(each.text, page.folder) for each in page.of("calc")]
    return [(one.anchor, summary(fence.load(one, project.root))) for one in found]


def figure(value: Any, unit: str = "") -> str:
    """A published value as it reads: `1,024`, `0.5; 2`, `7.34 x`."""
    if unit.startswith("["):  # one for each part
        parts = value.values() if isinstance(value, dict) else value
        return ", ".join(map(figure, parts, map(str.strip, unit.strip("[]").split(","))))
    if isinstance(value, dict):
        text = ", ".join(f"{k.replace('_', ' ')} {figure(v)}" for k, v in value.items())
    elif isinstance(value, list):
        text = "; ".join(map(figure, value))
    elif isinstance(value, str):
        text = value
    else:
        whole = value == int(value) or abs(value) >= 1e5
        text = f"{value:,.0f}" if whole and abs(value) < 1e12 else f"{value:.6g}"
    return f"{text} {unit}".removesuffix(" 1").replace(" %", "%").strip()


def gap(published: Any, ours: Any) -> str:
    """How far our value is from the published one, at its worst place."""
    sides = (map(float, leaves_of(value).values()) for value in (published, ours))
    gaps = [abs(a - b) / abs(a) if a else abs(b) for a, b in zip(*sides, strict=True)]
    return "exact" if not any(gaps) else f"{100 * max(gaps):.2g}%"


def source(text: str) -> Markup:
    """A source with its arXiv numbers and repositories linked."""
    text = re.sub(r"arXiv[: ](\d{4}\.\d{4,5})", r'<a href="https://arxiv.org/abs/\1">\g<0></a>', str(escape(text)))
    place = r"\b(?:github|huggingface)\.com?/[\w.-]+/[\w-]+(?:\.[\w-]+)*"
    return Markup(re.sub(place, r'<a href="https://\g<0>">\g<0></a>', text))


def sentence(note: str) -> str:
    """A note as sentences: capitals at their beginnings, a period at the end."""
    text = re.sub(r"(?:^|(?<=\. ))[a-z](?=[a-z]*[ :'])", lambda first: first[0].upper(), note.strip())
    return text.rstrip(".") + "."


TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parents[1] / "templates"), autoescape=True,
                        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)  # fmt: skip
TEMPLATES.globals |= {"standing": standing, "passed": passed, "day": day, "icon": icon, "figure": figure, "gap": gap,
                      "source": source, "sentence": sentence, "ours": ours, "calculators": calculators, "published": published.own}  # fmt: skip


def render(name: str, project: Project | None = None, **values: Any) -> str:
    """A template filled: one of `FENCES`, a quiz, or the line under a title."""
    return TEMPLATES.get_template(f"{name}.html").render(project=project, **values)
