"""Citations: `[@key]` becomes author and year, linked to the list under *Sources*."""

import re
from collections.abc import Iterable
from string import ascii_lowercase
from xml.etree import ElementTree

from fieldguide.guide.page import CITATION, cited
from fieldguide.guide.sources import Entry
from fieldguide.site.markdown import tables


def labels(text: str, sources: dict[str, Entry]) -> dict[str, str]:
    """Author and year of every source that a page cites; a letter where two would read alike."""
    keys = {key for found in re.finditer(CITATION, text) for key, _ in cited(found[1])} & sources.keys()
    alike: dict[str, list[Entry]] = {}
    for entry in sorted((sources[key] for key in keys), key=lambda entry: (entry.title, entry.key)):
        alike.setdefault(f"{short_authors(entry)} {entry.year}", []).append(entry)
    return {entry.key: label + (letter if len(entries) > 1 else "") for label, entries in alike.items()
            for letter, entry in zip(ascii_lowercase, entries)}  # fmt: skip


def element(sources: Iterable[tuple[Entry, str, str]]) -> ElementTree.Element:
    """Sources with their labels and locators, in parentheses."""
    group = ElementTree.Element("span", {"class": "fg-cite"})
    group.text = "("
    for entry, label, locator in sources:
        link = ElementTree.SubElement(group, "a", {"href": f"#ref-{entry.key}", "title": entry.title})
        link.text, link.tail = label, f", {locator}; " if locator else "; "
    group[-1].tail = (group[-1].tail or "").removesuffix("; ") + ")"
    return group


def listed(entries: Iterable[Entry], names: dict[str, str]) -> ElementTree.Element:
    """The list of sources, by label. Elements, so that the generator sees their anchors."""
    ordered = sorted(entries, key=lambda entry: names[entry.key].lower())
    return ElementTree.fromstring(tables.render("sources", entries=ordered, labels=names, family_names=family_names))


def family_names(entry: Entry) -> list[str]:
    """Family names, or the name of an institution."""
    return [author.partition(",")[0].strip() for author in entry.authors if author != "others"]


def short_authors(entry: Entry) -> str:
    """`Kwon et al.`, `Little`, `Dean and Barroso`."""
    names = family_names(entry)
    if names and (len(names) > 2 or "others" in entry.authors):
        return f"{names[0]} et al."
    return " and ".join(names) or entry.title
