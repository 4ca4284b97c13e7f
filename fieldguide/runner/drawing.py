"""What a `figure_...()` function returns, as an SVG that stands in a page.

A page has two palettes, so a color is a variable of the stylesheet: Matplotlib's colors of that name become
one, and any other is refused. Text stays text. Everything that would differ from run to run is left out.
"""

import io
import re
import sys
import xml.etree.ElementTree as ElementTree
from typing import Any

COLORS = {
    "#1f77b4": "var(--fg-s0)", "#ff7f0e": "var(--fg-s1)", "#2ca02c": "var(--fg-s2)",
    "#d62728": "var(--fg-s3)", "#9467bd": "var(--fg-s4)", "#8c564b": "var(--fg-s5)",
    "#000000": "currentColor", "#808080": "var(--fg-muted)", "#ffffff": "var(--md-default-bg-color)",
}  # fmt: skip
"""Matplotlib's `C0` to `C5`, `black`, `gray` and `white`."""
STYLE: dict[str, Any] = {
    "svg.fonttype": "none", "svg.hashsalt": "figure", "font.size": 10, "figure.figsize": (5.2, 3.0),
    "figure.constrained_layout.use": True, "savefig.transparent": True, "axes.spines.top": False,
    "axes.spines.right": False, "axes.edgecolor": "gray", "xtick.color": "gray", "ytick.color": "gray",
    "xtick.labelcolor": "black", "ytick.labelcolor": "black", "grid.color": "gray", "grid.alpha": 0.25,
    "grid.linewidth": 0.6, "axes.formatter.min_exponent": 5, "lines.linewidth": 1.8, "legend.frameon": False, "axes.axisbelow": True,
}  # fmt: skip
TAGS = frozenset({
    "svg", "g", "defs", "symbol", "use", "path", "rect", "circle", "ellipse", "line", "polyline", "polygon", "text",
    "tspan", "title", "desc", "clipPath", "linearGradient", "stop", "marker", "pattern", "mask",
})  # fmt: skip
KEPT = re.compile(r"currentColor|none|inherit|transparent|url\(#[\w-]+\)|var\(--[\w-]+\)")
PAINT = ("fill", "stroke", "stop-color", "color", "flood-color")
FONT = re.compile(r"(?:(?P<style>italic|oblique)\s+)?(?:(?P<weight>bold|\d{3})\s+)?(?P<size>[\d.]+(?:px)?)\s.*")
NUMBER = re.compile(r"-?\d+\.\d{3,}")


class DrawingError(ValueError):
    """Why a figure cannot stand in a page, in a sentence for its author."""


def style() -> None:
    """Sizes and lines of the guide, for figures that are made afterwards."""
    if matplotlib := sys.modules.get("matplotlib"):
        matplotlib.rcParams.update(STYLE)


def svg(drawn: Any, name: str) -> str:
    """The text of a figure, one element a line, from a `matplotlib.figure.Figure` or the text of an SVG.

    Its ids begin with `name`, since a page may show several. A `DrawingError` says what a page must not hold.
    """
    if hasattr(drawn, "savefig"):
        file = io.StringIO()
        drawn.savefig(file, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
        drawn = file.getvalue()
    if not isinstance(drawn, str):
        raise DrawingError(f"it returned {type(drawn).__name__}, not a Matplotlib figure or the text of an SVG.")
    try:
        root = ElementTree.fromstring(drawn)
    except ElementTree.ParseError as error:
        raise DrawingError(f"its SVG cannot be read: {error}.") from None
    if root.tag.rpartition("}")[2] != "svg" or "viewBox" not in root.attrib:
        raise DrawingError("its SVG must have one root `<svg>` with a `viewBox`.")
    clean = _clean(root, name, used=set(re.findall(r"(?:url\(|href=\")#([\w.-]+)", drawn)))
    clean.attrib = {"viewBox": root.attrib["viewBox"], "fill": root.get("fill", "currentColor")}
    ElementTree.indent(clean, "")
    return ElementTree.tostring(clean, "unicode") + "\n"


def _clean(element: ElementTree.Element, name: str, used: set[str]) -> ElementTree.Element:
    """A copy without namespaces, comments and metadata, whose colors are variables."""
    tag = element.tag.rpartition("}")[2]
    if tag not in TAGS:
        raise DrawingError(f"its SVG has an element `<{tag}>`, which a page must not show.")
    copy = ElementTree.Element(tag)
    copy.text, copy.tail = element.text, element.tail if (element.tail or "").strip() else None
    attributes = {key.rpartition("}")[2]: value for key, value in element.attrib.items()}
    for part in attributes.pop("style", "").split(";"):
        key, _, value = part.partition(":")
        attributes[key.strip()] = value.strip()
    if font := FONT.match(attributes.pop("font", "")):
        attributes["font-size"] = font["size"].removesuffix("px")
        attributes |= {f"font-{key}": font[key] for key in ("weight", "style") if font[key]}
    for key, value in attributes.items():
        if key.lower().startswith("on") or (key == "href" and not value.startswith("#")):
            raise DrawingError(f"its SVG has `{key}={value[:40]}`, which a page must not hold.")
        if not key or key in ("font-family", "version", "gid", "space", "baseline-shift"):
            continue
        if key == "id":
            if value in used:
                copy.set("id", f"{name}-{value}")
            continue
        if key in PAINT:
            value = _color(value)
        value = value.replace("url(#", f"url(#{name}-")
        short = NUMBER.sub(lambda number: f"{round(float(number[0]), 2) + 0.0:g}", value)
        copy.set(key, f"#{name}-{value[1:]}" if key == "href" else short)
    for child in element:
        if isinstance(child.tag, str) and child.tag.rpartition("}")[2] not in ("metadata", "style"):
            inner = _clean(child, name, used)
            copy.extend(inner if inner.tag == "g" and not inner.attrib else [inner])
    return copy


def _color(value: str) -> str:
    known = COLORS.get(value.lower())
    if known is None and not KEPT.fullmatch(value):
        how = "C0 to C5, black, gray or white in Matplotlib, and var(--fg-s0) to var(--fg-s5), var(--fg-muted)"
        raise DrawingError(f"it draws in {value}, which no palette knows: use {how} or currentColor in an SVG.")
    return known or value
