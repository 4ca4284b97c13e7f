"""What the site says about itself: the curriculum, its progress, reproduced numbers. Computed, never typed."""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

from fieldguide.guide.project import Area, Project

Link = Callable[[str], str]
"""From a page's name, such as `inference/kv-cache`, to an address relative to the page being written."""


@dataclass(frozen=True)
class Standing:
    """How far an area has come."""

    complete: int
    drafts: int
    total: int
    snippets: int
    passed: str

    @property
    def word(self) -> str:
        """One word for the tracker."""
        if self.complete == self.total:
            return "complete"
        return "in progress" if self.complete or self.drafts else "planned"


def standing(project: Project, area: Area) -> Standing:
    """Count an area's pages by what their front matter says, and the last day one of them passed."""
    slugs = {page.slug for page in area.pages}
    trios = [t for t in project.trios if t.page.area == area.slug and t.page.slug in slugs]
    states = [trio.page.meta.get("status") for trio in trios]
    days = [day for trio in trios if (day := last_passed(project, trio.name))]
    return Standing(states.count("complete"), states.count("draft"), len(area.pages),
                    sum(len(trio.snippets) for trio in trios), max(days, default=""))  # fmt: skip


def _record(project: Project, name: str) -> dict[str, Any]:
    """When a page last passed its tests where the site is built, and with which versions."""
    path = project.root / ".cache/fieldguide/passed.json"
    try:
        known: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return known.get(name, {})


def last_passed(project: Project, name: str) -> str:
    """The day a page last passed its tests where the site is built, or nothing."""
    return str(_record(project, name).get("date", ""))


def passed(project: Project, name: str) -> str:
    """`last passed November 21, 2026 on torch 2.13.0`, for the line under a title."""
    record = _record(project, name)
    if not record:
        return "not run where this site was built"
    versions = [f"{k} {v.partition('+')[0]}" for k, v in record.get("versions", {}).items()]
    return f"last passed {day(record['date'])}" + (f" on {', '.join(versions)}" if versions else "")


def day(iso: str) -> str:
    """`2026-11-21` → `November 21, 2026`."""
    return f"{date.fromisoformat(iso):%B} {date.fromisoformat(iso).day}, {iso[:4]}" if iso else "not run here"


@lru_cache
def icon(name: str) -> str:
    """An icon of the theme as inline SVG."""
    svg = (files("material") / "templates" / ".icons" / f"{name}.svg").read_text(encoding="utf-8")
    return svg.replace("<svg ", '<svg aria-hidden="true" focusable="false" ', 1)


def curriculum(project: Project, link: Link) -> str:
    """The map: one card for each area, with its topics; landed ones are links."""
    cards = []
    for number, area in enumerate(project.areas, 1):
        state = standing(project, area)
        topics = []
        for page in area.pages:
            if page.slug == "index":
                continue
            landed = page.name in project.by_name
            text = html.escape(page.title)
            topics.append(
                f'<li><a href="{link(page.name)}">{text}</a></li>' if landed else f"<li>{text}</li>"
            )
        label = f"{state.complete} of {state.total} pages"
        badge = f"{number}" if area.slug != "practice" else "+"
        cards.append(
            f'<section class="fg-card" aria-labelledby="map-{area.slug}">'
            f'<div class="fg-card-head"><span class="fg-card-icon">{icon(area.icon)}</span>'
            f'<span class="fg-card-number" aria-hidden="true">{badge}</span></div>'
            f'<h3 id="map-{area.slug}"><a href="{link(area.slug + "/index")}">{html.escape(area.title)}</a></h3>'
            f"<p>{html.escape(area.summary)}</p><ul>{''.join(topics)}</ul>"
            f'<div class="fg-card-foot">{_yours(project, area)}{_bar(state)}<span>{label}</span></div></section>'
        )
    return f'<div class="fg-map">{"".join(cards)}</div>'


def _bar(state: Standing) -> str:
    """One field for each page; the complete ones are filled."""
    share = 100 * state.complete / state.total
    return (
        f'<span class="fg-bar" style="--fields:{state.total}" aria-hidden="true">'
        f'<span style="width:{share:.1f}%"></span></span>'
    )


def _yours(project: Project, area: Area) -> str:
    """Where the script writes how many of the area's pages this reader has read."""
    there = " ".join(
        f"{page.name}/" for page in area.pages if page.slug != "index" and page.name in project.by_name
    )
    return f'<span class="fg-you" data-fg-pages="{there}" data-fg-total="{len(area.pages)}" hidden></span>'


def progress(project: Project, link: Link) -> str:
    """The tracker: area, status, pages, snippets, last passed."""
    rows = []
    for area in project.areas:
        state = standing(project, area)
        css = state.word.replace(" ", "-")
        rows.append(
            f'<tr><th scope="row"><a href="{link(area.slug + "/index")}">{html.escape(area.title)}</a></th>'
            f'<td><span class="fg-state fg-state-{css}">{state.word}</span></td><td>{state.complete} of {state.total}</td>'
            f"<td>{state.snippets}</td><td>{day(state.passed)}</td></tr>"
        )
    head = "".join(
        f'<th scope="col">{h}</th>' for h in ("Area", "Status", "Pages", "Snippets", "Last passed")
    )
    return _scroll(
        f'<table class="fg-progress"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def coverage(project: Project, area: Area, link: Link) -> str:
    """The pages of one area: what a reader can do afterwards, and whether it is there."""
    rows = []
    for page in area.pages:
        if page.slug == "index":
            continue
        there = project.by_name.get(page.name)
        status = str(there.meta.get("status", "")) if there else "not yet written"
        name = html.escape(page.title)
        title = f'<a href="{link(page.name)}">{name}</a>' if there else name
        css = {"complete": "complete", "draft": "in-progress"}.get(status, "planned")
        rows.append(f'<tr><th scope="row">{title}</th><td>{html.escape(page.answers)}</td>'
                    f'<td><span class="fg-state fg-state-{css}">{status}</span></td></tr>')  # fmt: skip
    head = "".join(f'<th scope="col">{h}</th>' for h in ("Page", "What you can do afterwards", "Status"))
    state = standing(project, area)
    exists = f"{state.complete} of {state.total} pages {'is' if state.complete == 1 else 'are'} complete"
    exists += f", with {state.snippets} snippet{'' if state.snippets == 1 else 's'}" if state.snippets else ""
    exists += f"; last passed {day(state.passed)}" if state.passed else ""
    return (
        f"<p>{exists}. A page without a link is not yet written.</p>"
        f'<div class="fg-card-foot">{_yours(project, area)}{_bar(state)}</div>'
        + _scroll(
            f'<table class="fg-coverage"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
        )
    )


def published_cases(project: Project) -> list[dict[str, Any]]:
    """Numbers printed in papers and datasheets, one case a line."""
    files = sorted(project.tests.glob("published/*/cases.jsonl"))
    return [
        json.loads(line) for path in files for line in path.read_text("utf-8").splitlines() if line.strip()
    ]


def _figure(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_figure(v)}" for k, v in value.items())
    if isinstance(value, list):
        return ", ".join(_figure(v) for v in value)
    if isinstance(value, float) and value == int(value) and abs(value) < 1e15:
        value = int(value)
    return (
        f"{value:,}" if isinstance(value, int) else f"{value:.6g}" if isinstance(value, float) else str(value)
    )


def _error(published: Any, ours: Any) -> str:
    pairs = list(zip(_flat(published), _flat(ours), strict=True))
    gaps = [abs(a - b) / abs(a) if a else abs(b) for a, b in pairs]
    return "exact" if not any(gaps) else f"{100 * max(gaps):.2g}%"


def _flat(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [x for v in value for x in _flat(v)]
    return [float(value)]


def _by_area(project: Project, cases: Iterable[dict[str, Any]]) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """Heading and cases of every area, in the order of the map."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for case in cases:
        groups.setdefault(case["area"], []).append(case)
    order = {area.slug: number for number, area in enumerate(project.areas)}
    titles = {area.slug: area.title for area in project.areas}
    for slug in sorted(groups, key=lambda slug: order.get(slug, len(order))):
        yield f'<h2 id="{slug}">{html.escape(titles.get(slug, slug))}</h2>', groups[slug]


def _source(text: str) -> str:
    """A source with its arXiv numbers and repositories linked."""
    text = html.escape(text)
    text = re.sub(r"arXiv[: ](\d{4}\.\d{4,5})", r'<a href="https://arxiv.org/abs/\1">\g<0></a>', text)
    return re.sub(
        r"\b(?:github|huggingface)\.com?/[\w.-]+/[\w-]+(?:\.[\w-]+)*",
        r'<a href="https://\g<0>">\g<0></a>',
        text,
    )


def _ours(project: Project) -> dict[str, Any]:
    """What our functions give, by case; cases without a value are left out."""
    path = project.tests / "published/reproduced.json"
    known = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    return {key: value for key, value in known.items() if value is not None}


def reproduced(project: Project) -> str:
    """Published value, our value, error, source, for every family that has an adapter."""
    ours, cases = _ours(project), published_cases(project)
    there = [case for case in cases if case["id"] in ours]
    if not there:
        return "<p>No published number is reproduced yet.</p>"
    columns = ("Quantity", "Published", "Ours", "Unit", "Off by", "Source")
    head = "".join(f'<th scope="col">{column}</th>' for column in columns)
    parts = [f"<p>{len(there)} of {len(cases)} collected numbers have code in this guide.</p>"]
    for heading, group in _by_area(project, there):
        rows = "".join(
            f'<tr id="{case["id"].lower()}"><th scope="row">{html.escape(case["quantity"])}</th>'
            f"<td>{html.escape(_figure(case['expected']))}</td><td>{html.escape(_figure(ours[case['id']]))}</td>"
            f"<td>{html.escape(case['unit'])}</td><td>{_error(case['expected'], ours[case['id']])}</td>"
            f"<td>{_source(case['source'])}</td></tr>"
            for case in group
        )
        table = f'<table class="fg-cases"><thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>'
        parts.append(heading + _scroll(table))
    return "".join(parts)


def errata(project: Project) -> str:
    """Where a publication contradicts itself or another, with the arithmetic."""
    ours = _ours(project)
    found: dict[str, dict[str, Any]] = {}  # by what is contradicted: two cases may rest on one sentence
    for case in published_cases(project):
        if case["status"] in ("corrected", "disputed"):
            found.setdefault(case["note"], case)
    parts = []
    for heading, group in _by_area(project, found.values()):
        items = "".join(_erratum(case, ours.get(case["id"])) for case in group)
        parts.append(f'{heading}<ul class="fg-errata">{items}</ul>')
    return "".join(parts) or "<p>None so far.</p>"


def _erratum(case: dict[str, Any], ours: Any) -> str:
    value = f"{_figure(case['expected'])} {case['unit']}".removesuffix(" 1").replace(" %", "%")
    # A corrected case holds the publication's own arithmetic; any other, what was printed.
    held = "Its own arithmetic gives" if case["status"] == "corrected" else "The value in our collection:"
    held += f" {value}; " + ("not yet computed here." if ours is None else f"computed here: {_figure(ours)}.")
    return (
        f'<li id="{case["id"].lower()}"><h3>{html.escape(case["quantity"])}</h3>'
        f"<p>{html.escape(_sentence(case['note']))} {html.escape(held)}</p>"
        f'<p class="fg-source">{_source(case["source"])}</p></li>'
    )


def _sentence(note: str) -> str:
    text = note.strip()
    text = re.sub(r"(?:^|(?<=\. ))[a-z](?=[a-z]*[ :'])", lambda first: first[0].upper(), text)
    return text.rstrip(".") + "."


def _scroll(table: str) -> str:
    return f'<div class="fg-scroll" tabindex="0" role="region" aria-label="Table">{table}</div>'
