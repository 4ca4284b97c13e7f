"""The pictures that other sites show beside a link to a page. Part of the step before the build.

One card of 1200 × 630 pixels for each page and lab: area, title and description in the guide's colors, in the font
that the site serves. A card is drawn again only when what stands on it changes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, __version__

from fieldguide.guide.project import Breach, BreachError, Project
from fieldguide.proof import notebooks
from fieldguide.site.llms import address

SIZE = WIDTH, HEIGHT = 1200, 630
MARGIN = 84
GROUND, BELOW, ACCENT, POINT = "#0e2a33", "#153a45", "#5eead4", "#fbbf24"
TITLE, TEXT = "#f4f9f9", "#c9dada"
FONT = "overrides/vendor/fonts/inter.woff2"
FOLDER = "overrides/assets/cards"
COLORS = 64
FINER = 3
MISSING = "\uffff"
"""A character that no font has: how a font draws it is how it draws everything it lacks."""


@dataclass(frozen=True)
class Card:
    """What stands on one card."""

    name: str
    """Path of the page's address, `inference/kv-cache`; `index` for the home page."""
    site: str
    area: str
    title: str
    description: str
    source: str
    """The file that the texts come from."""


def cards(project: Project) -> Iterator[Card]:
    """A card for every page and every lab."""
    areas = {area.slug: area.title for area in project.areas}
    home = project.by_name["index"].meta
    site = str(home.get("title", ""))
    for page in project.pages:
        name, where = address(page).rstrip("/"), project.relative(page.path)
        area = areas.get(page.area, page.area.capitalize())
        title, description = str(page.meta.get("title", "")), str(page.meta.get("description", ""))
        yield Card(name or "index", site, "" if title in (area, site) else area, title, description, where)
    for source in notebooks.sources(project):
        heading = re.search(r"^# # (.+)$", source.read_text(encoding="utf-8"), re.M)
        title = heading[1] if heading else source.stem
        yield Card(f"labs/{source.stem}", site, "Labs", title, "", project.relative(source))


def write(project: Project) -> Path:
    """Draw the cards that changed, delete those of pages that are gone, and return their folder.

    Raises:
        BreachError: if a title or a description has a character that the font lacks.
    """
    folder = project.root / FOLDER
    stamp = folder / ".stamp"
    try:
        known = json.loads(stamp.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        known = {}
    template = hashlib.sha256(Path(__file__).read_bytes() + __version__.encode())
    template.update((project.root / FONT).read_bytes())
    drawn = {}
    for card in cards(project):
        state = template.copy()
        state.update(repr(card).encode())
        drawn[card.name] = state.hexdigest()
        path = folder / f"{card.name}.png"
        if known.get(card.name) != drawn[card.name] or not path.is_file():
            path.parent.mkdir(parents=True, exist_ok=True)
            draw(card, project.root / FONT).save(path, optimize=False, compress_level=6)
    for path in folder.rglob("*.png"):
        if path.relative_to(folder).with_suffix("").as_posix() not in drawn:
            path.unlink()
    if drawn != known:
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(json.dumps(drawn, indent=0), encoding="utf-8")
    return folder


@lru_cache(maxsize=64)
def _font(path: Path, size: int, weight: int) -> ImageFont.FreeTypeFont:
    font = ImageFont.truetype(path, size)
    font.set_variation_by_axes([weight])
    return font


def draw(card: Card, font: Path) -> Image.Image:
    """One card as a picture with a palette."""
    image = _ground().copy()
    pen = ImageDraw.Draw(image)
    small = _font(font, 30, 600)
    _checked(card, small)
    if card.title != card.site:
        pen.text((MARGIN + 76, 92), card.site, font=small, fill=TEXT, anchor="lm")
    size, lines = _fitted(card.title, font)
    below = _wrapped(card.description, _font(font, 33, 400), WIDTH - 2 * MARGIN, 3)
    tall = (58 if card.area else 0) + len(lines) * size * 1.12 + (26 if below else 0) + len(below) * 47
    y = 140 + (HEIGHT - 140 - 80 - tall) / 2
    if card.area:
        pen.text((MARGIN, y), card.area, font=small, fill=ACCENT, anchor="la")
        y += 58
    for line in lines:
        pen.text((MARGIN - 3, y), line, font=_font(font, size, 750), fill=TITLE, anchor="la")
        y += size * 1.12
    y += 26
    for line in below:
        pen.text((MARGIN, y), line, font=_font(font, 33, 400), fill=TEXT, anchor="la")
        y += 47
    return image.quantize(COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)


@lru_cache(maxsize=1)
def _ground() -> Image.Image:
    """What all cards share: the guide's mark, and a roofline along the lower edge; drawn large, for smooth edges."""
    image = Image.new("RGB", (WIDTH * FINER, HEIGHT * FINER), GROUND)
    pen = ImageDraw.Draw(image)
    _roof(pen, [(MARGIN, 108), (MARGIN + 32, 72), (MARGIN + 58, 72)], 0.52, 6, ACCENT)
    edge = [(-20, HEIGHT + 24), (640, HEIGHT - 42), (WIDTH + 20, HEIGHT - 42)]
    pen.polygon([(x * FINER, y * FINER) for x, y in [*edge, (WIDTH + 20, HEIGHT), (0, HEIGHT)]], fill=BELOW)
    _roof(pen, edge, 0.72, 6, ACCENT)
    return image.resize(SIZE, Image.Resampling.LANCZOS)


def _roof(
    pen: ImageDraw.ImageDraw, corners: Sequence[tuple[float, float]], at: float, width: int, fill: str
) -> None:
    """A roofline with a kernel on its slope, at the share `at` of the way up."""
    (left, low), (middle, high), _ = corners
    pen.line([(x * FINER, y * FINER) for x, y in corners], fill=fill, width=width * FINER, joint="curve")
    for x, y in (corners[0], corners[-1]):
        pen.circle((x * FINER, y * FINER), width * FINER / 2 - 1, fill=fill)
    kernel = (left + at * (middle - left)) * FINER, (low + at * (high - low)) * FINER
    pen.circle(kernel, width * FINER, fill=POINT)


def _fitted(title: str, font: Path) -> tuple[int, list[str]]:
    """The largest size at which a title takes two lines, and those lines; the smallest size may take three."""
    for size in (88, 78, 68, 60):
        lines = _wrapped(title, _font(font, size, 750), WIDTH - 2 * MARGIN, 3)
        if len(lines) <= 2:
            break
    return size, lines


def _wrapped(text: str, font: ImageFont.FreeTypeFont, width: float, most: int) -> list[str]:
    """A text in lines of at most `width` pixels; an ellipsis where `most` lines do not hold it."""
    lines = [""]
    for word in text.split():
        longer = f"{lines[-1]} {word}".strip()
        if not lines[-1] or font.getlength(longer) <= width:
            lines[-1] = longer
        elif len(lines) < most:
            lines.append(word)
        else:
            while font.getlength(lines[-1] + "…") > width and " " in lines[-1]:
                lines[-1] = lines[-1].rpartition(" ")[0]
            lines[-1] = lines[-1].rstrip(",;:. ") + "…"
            break
    return [line for line in lines if line]


def _checked(card: Card, font: ImageFont.FreeTypeFont) -> None:
    lacking = bytes(font.getmask(MISSING))
    for character in sorted(set(card.site + card.title + card.description) - {" "}):
        if bytes(font.getmask(character)) == lacking:
            message = f"the font of the cards has no {character!r}, which the title or the description uses."
            raise BreachError(Breach(card.source, 1, "card", message, "say it in Latin letters."))
