"""What the site says about itself: the curriculum, its progress, reproduced numbers. Computed, never typed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape

from fieldguide.guide.project import Area, Project
from fieldguide.proof import published
from fieldguide.proof.published import Case

Link = Callable[[str], str]
"""From a page's name, such as `inference/kv-cache`, to an address relative to the page being written."""

TEMPLATES = Environment(loader=FileSystemLoader(Path(__file__).parents[1] / "templates"), autoescape=True,
                        trim_blocks=True, lstrip_blocks=True, undefined=StrictUndefined)  # fmt: skip


@dataclass(frozen=True)
class Standing:
    """How far an area has come."""

    complete: int
    drafts: int
    total: int
    snippets: int
    passed: str
    """The last day on which one of its pages passed its tests where the site is built, or nothing."""

    @property
    def word(self) -> str:
        """One word for the tracker."""
        if self.complete == self.total:
            return "complete"
        return "in progress" if self.complete or self.drafts else "planned"


def standing(project: Project, area: Area) -> Standing:
    """Count an area's pages by what their front matter says."""
    slugs = {page.slug for page in area.pages}
    trios = [t for t in project.trios if t.page.area == area.slug and t.page.slug in slugs]
    states = [trio.page.meta.get("status") for trio in trios]
    days = [_record(project, trio.name).get("date", "") for trio in trios]
    return Standing(states.count("complete"), states.count("draft"), len(area.pages),
                    sum(len(trio.snippets) for trio in trios), max(days, default=""))  # fmt: skip


def _record(project: Project, name: str) -> dict[str, Any]:
    """When a page last passed its tests where the site is built, and with which versions."""
    try:
        known: dict[str, dict[str, Any]] = json.loads((project.root / ".cache/fieldguide/passed.json").read_text())
    except (OSError, ValueError):
        return {}
    return known.get(name, {})


def passed(project: Project, name: str) -> str:
    """`last passed November 21, 2026 on torch 2.13.0`, for the line under a title."""
    record = _record(project, name)
    if not record:
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


def _filled(template: str, project: Project, **values: Any) -> str:
    return TEMPLATES.get_template(f"{template}.html").render(
        project=project, standing=partial(standing, project), day=day, icon=icon, figure=figure, gap=gap,
        source=source, sentence=sentence, **values,
    )  # fmt: skip


def curriculum(project: Project, link: Link) -> str:
    """The map: one card for each area, with its topics; landed ones are links."""
    return _filled("curriculum", project, link=link)


def progress(project: Project, link: Link) -> str:
    """The tracker: area, status, pages, snippets, last passed."""
    return _filled("progress", project, link=link)


def coverage(project: Project, area: Area, link: Link) -> str:
    """The pages of one area: what a reader can do afterwards, and whether it is there."""
    return _filled("coverage", project, area=area, link=link)


def reproduced(project: Project) -> str:
    """Published value, our value, error, source, for every family that has an adapter."""
    ours, cases = _ours(project), published.own(project)
    there = [case for case in cases if case.id in ours]
    return _filled("reproduced", project, ours=ours, areas=_by_area(project, there),
                   found=len(there), collected=len(cases))  # fmt: skip


def errata(project: Project) -> str:
    """Where a publication contradicts itself or another, with the arithmetic; each note once."""
    odd: dict[str, Case] = {}  # by what is contradicted: two cases may rest on one sentence
    for case in published.own(project):
        if case.status in ("corrected", "disputed"):
            odd.setdefault(case.note, case)
    return _filled("errata", project, ours=_ours(project), areas=_by_area(project, odd.values()))


def _ours(project: Project) -> dict[str, Any]:
    """What our functions give, by case; cases without a value are left out."""
    path = project.root / published.REPRODUCED
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {key: value for key, value in known.items() if value is not None}


def _by_area(project: Project, cases: Iterable[Case]) -> list[tuple[Area, list[Case]]]:
    """The areas that have cases, in the order of the map."""
    groups: dict[str, list[Case]] = {}
    for case in cases:
        groups.setdefault(case.area, []).append(case)
    return [(area, groups[area.slug]) for area in project.areas if area.slug in groups]


def figure(value: Any, unit: str = "") -> str:
    """A published value as it reads: `1,024`, `0.5, 2`, `7.34 x`."""
    if isinstance(value, dict):
        text = ", ".join(f"{k} {figure(v)}" for k, v in value.items())
    elif isinstance(value, list):
        text = ", ".join(map(figure, value))
    elif isinstance(value, str):
        text = value
    else:
        whole = value == int(value) or abs(value) >= 1e5
        text = f"{value:,.0f}" if whole and abs(value) < 1e15 else f"{value:.6g}"
    return f"{text} {unit}".removesuffix(" 1").replace(" %", "%").strip()


def gap(published: Any, ours: Any) -> str:
    """How far our value is from the published one, at its worst place."""
    pairs = list(zip(_flat(published), _flat(ours), strict=True))
    gaps = [abs(a - b) / abs(a) if a else abs(b) for a, b in pairs]
    return "exact" if not any(gaps) else f"{100 * max(gaps):.2g}%"


def _flat(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [x for v in value for x in _flat(v)]
    return [float(value)]


def source(text: str) -> Markup:
    """A source with its arXiv numbers and repositories linked."""
    text = re.sub(r"arXiv[: ](\d{4}\.\d{4,5})", r'<a href="https://arxiv.org/abs/\1">\g<0></a>', str(escape(text)))
    place = r"\b(?:github|huggingface)\.com?/[\w.-]+/[\w-]+(?:\.[\w-]+)*"
    return Markup(re.sub(place, r'<a href="https://\g<0>">\g<0></a>', text))


def sentence(note: str) -> str:
    """A note as sentences: capitals at their beginnings, a period at the end."""
    text = re.sub(r"(?:^|(?<=\. ))[a-z](?=[a-z]*[ :'])", lambda first: first[0].upper(), note.strip())
    return text.rstrip(".") + "."
