"""The step after the build: the fonts keep the letters that the site shows, and nothing else.

A font from the package index holds every letter of a script, every weight from 100 to 900, and ligatures
that draw `!=` as one sign, which hides what a reader would type. A third of it remains. What was cut is
kept in `.cache/fonts`, so that a build whose pages use no new letter costs nothing.
"""

from __future__ import annotations

import hashlib
import io
import zipfile
from pathlib import Path

from fontTools.subset import Options, Subsetter
from fontTools.ttLib import TTFont
from fontTools.varLib.instancer import instantiateVariableFont

FEATURES = ["kern", "ccmp", "locl", "tnum"]
WEIGHTS = {"wght": (400, 780)}  # the heaviest is the title of the home page
TEXTS = (".html", ".js", ".json", ".css", ".svg")
ALWAYS = {chr(code) for code in range(0x20, 0x7F)}


def letters(site: Path) -> set[str]:
    """Every character that a built site holds, its scripts and the sources of its calculators included."""
    found = set(ALWAYS)
    for path in site.rglob("*"):
        if path.suffix in TEXTS and "javascripts" not in path.parts:
            found.update(path.read_text(encoding="utf-8"))
        elif path.suffix == ".zip":
            with zipfile.ZipFile(path) as archive:
                for name in archive.namelist():
                    if name.endswith(".py"):
                        found.update(archive.read(name).decode())
    return found


def cut(font: bytes, kept: set[str]) -> bytes:
    """The same font in WOFF2 with only some of its letters, and with the weights that the site uses.

    Args:
        font: A font file of any format.
        kept: Characters to keep; those that the font lacks are no error.

    Returns:
        The smaller font.
    """
    small = TTFont(io.BytesIO(font))
    options = Options(layout_features=FEATURES, hinting=False)
    subsetter = Subsetter(options)
    subsetter.populate(unicodes=[ord(letter) for letter in kept])
    subsetter.subset(small)
    small.flavor, between = None, io.BytesIO()
    small.save(between)  # the instancer reads what the subsetter wrote, not what it left in memory
    small = TTFont(between)
    if "fvar" in small:
        heaviest = next(axis.maxValue for axis in small["fvar"].axes if axis.axisTag == "wght")
        low, high = WEIGHTS["wght"]
        small = instantiateVariableFont(small, {"wght": (low, min(high, heaviest))})
    small.flavor, out = "woff2", io.BytesIO()
    small.save(out)
    return out.getvalue()


def shrink(site: Path, cache: Path) -> None:
    """Replace each font of a built site by its cut one.

    Args:
        site: The built site.
        cache: Folder of what was cut before; made if missing.
    """
    kept = letters(site)
    recipe = "".join(sorted(kept)).encode() + Path(__file__).read_bytes()
    for path in sorted(site.rglob("*.woff2")):
        font = path.read_bytes()
        ready = cache / f"{hashlib.sha256(font + recipe).hexdigest()[:32]}.woff2"
        if not ready.is_file():
            cache.mkdir(parents=True, exist_ok=True)
            part = ready.with_suffix(f".{hashlib.sha256(str(site).encode()).hexdigest()[:8]}.part")
            part.write_bytes(cut(font, kept))
            part.replace(ready)
        path.write_bytes(ready.read_bytes())
