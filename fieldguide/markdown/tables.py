"""What the site says about itself: the curriculum, its progress, reproduced numbers. Computed, never typed."""

from __future__ import annotations

import html
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from importlib.resources import files
from typing import Any

from fieldguide.project import Area, Project

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


def last_passed(project: Project, name: str) -> str:
    """The day a page last passed its tests where the site was built, or nothing."""
    path = project.root / ".cache/fieldguide/passed.json"
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return ""
    return str(known.get(name, {}).get("date", ""))


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
        share = 100 * state.complete / state.total
        badge = f"{number}" if area.slug != "practice" else "+"
        cards.append(
            f'<section class="fg-card" aria-labelledby="map-{area.slug}">'
            f'<div class="fg-card-head"><span class="fg-card-icon">{icon(area.icon)}</span>'
            f'<span class="fg-card-number" aria-hidden="true">{badge}</span></div>'
            f'<h3 id="map-{area.slug}"><a href="{link(area.slug + "/index")}">{html.escape(area.title)}</a></h3>'
            f"<p>{html.escape(area.summary)}</p><ul>{''.join(topics)}</ul>"
            f'<div class="fg-card-foot">{_yours(project, area)}<span class="fg-bar" aria-hidden="true"><span style="width:{share:.0f}%"></span></span>'
            f"<span>{label}</span></div></section>"
        )
    return f'<div class="fg-map">{"".join(cards)}</div>'


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
    share = 100 * standing(project, area).complete / len(area.pages)
    bar = f'<span class="fg-bar" aria-hidden="true"><span style="width:{share:.0f}%"></span></span>'
    return f'<div class="fg-card-foot">{_yours(project, area)}{bar}</div>' + _scroll(
        f'<table class="fg-coverage"><thead><tr>{head}</tr></thead><tbody>{"".join(rows)}</tbody></table>'
    )


def published_cases(project: Project) -> list[dict[str, Any]]:
    """Numbers printed in papers and datasheets, one case a line."""
    path = project.tests / "published/cases.jsonl"
    if not path.is_file():
        return []
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines() if line.strip()]


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
    pairs = list(zip(_flat(published), _flat(ours), strict=False))
    gaps = [abs(a - b) / abs(a) if a else abs(b) for a, b in pairs]
    return "exact" if not any(gaps) else f"{100 * max(gaps):.2g}%"


def _flat(value: Any) -> list[float]:
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list):
        return [x for v in value for x in _flat(v)]
    return [float(value)] if isinstance(value, int | float) else []


def reproduced(project: Project) -> str:
    """Published value, our value, error, source, for every family that has an adapter."""
    path = project.tests / "published/reproduced.json"
    ours: dict[str, Any] = json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}
    groups: dict[str, list[str]] = {}
    for case in published_cases(project):
        if case["id"] not in ours:
            continue
        value = ours[case["id"]]
        groups.setdefault(case["area"], []).append(
            f'<tr id="{case["id"].lower()}"><th scope="row">{html.escape(case["quantity"])}</th>'
            f"<td>{html.escape(_figure(case['expected']))}</td><td>{html.escape(_figure(value))}</td>"
            f"<td>{html.escape(case['unit'])}</td><td>{_error(case['expected'], value)}</td>"
            f"<td>{html.escape(case['source'])}</td></tr>"
        )
    if not groups:
        return "<p>No published number is reproduced yet.</p>"
    head = "".join(
        f'<th scope="col">{h}</th>' for h in ("Quantity", "Published", "Ours", "Unit", "Off by", "Source")
    )
    total = sum(map(len, groups.values()))
    parts = [
        f"<p>{total} of {len(published_cases(project))} collected numbers have code on this site that reproduces them.</p>"
    ]
    for area, rows in groups.items():
        parts.append(f'<h2 id="{area}">{area.replace("-", " ").capitalize()}</h2>')
        parts.append(_scroll(f"<table><thead><tr>{head}</tr></thead><tbody>{''.join(rows)}</tbody></table>"))
    return "".join(parts)


def errata(project: Project) -> str:
    """Where a publication contradicts its own numbers, with the arithmetic."""
    items = [
        f'<li id="{case["id"].lower()}"><p><strong>{html.escape(case["quantity"])}.</strong> '
        f"{html.escape(_sentence(case['note']))} The value that the arithmetic gives: "
        f"{html.escape(_figure(case['expected']))} {html.escape(case['unit'])}.</p>"
        f'<p class="fg-source">{html.escape(case["source"])}</p></li>'
        for case in published_cases(project)
        if case["status"] == "corrected" or "DISAGREEMENT" in case.get("note", "")
    ]
    return f'<ul class="fg-errata">{"".join(items)}</ul>' if items else "<p>None so far.</p>"


def _sentence(note: str) -> str:
    text = note.replace("DISAGREEMENT: ", "").replace("DISAGREEMENT ", "").strip()
    return (text[:1].upper() + text[1:]).rstrip(".") + "."


def _scroll(table: str) -> str:
    return f'<div class="fg-scroll" tabindex="0" role="region" aria-label="Table">{table}</div>'
