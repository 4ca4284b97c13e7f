"""The committed fonts hold what the site shows: every letter of its text, at every weight of the stylesheet."""

import re
from html import unescape

import pytest
from fontTools.ttLib import TTFont

from fieldguide.guide.project import ROOT

FONTS = ROOT / "overrides/assets/fonts"
ELSEWHERE = set("\u200b")
"""Characters that a font of the reader's system may show: one that has no width."""
DROPPED = re.compile(r"<(script|style|svg|math|head)\b.*?</\1>|<[^>]+>", re.S)
FORMULA = re.compile(r'<span class="katex-html".*?</span></span></span>', re.S)
CODE = re.compile(r"<(pre|code)\b.*?</\1>", re.S)


def glyphs(*names):
    """The letters of font files."""
    return {chr(code) for name in names for code in TTFont(FONTS / f"{name}.woff2").getBestCmap()}


def shown(site):
    """The characters of the site's text, and of its code."""
    text, code = set(), set()
    for path in site.rglob("*.html"):
        html = FORMULA.sub("", path.read_text(encoding="utf-8"))
        code.update(*(unescape(DROPPED.sub("", block[0])) for block in CODE.finditer(html)))
        text.update(unescape(DROPPED.sub("", CODE.sub("", html))))
    return {c for c in text if not c.isspace()}, {c for c in code if not c.isspace()}


def test_every_character_that_the_site_shows_is_in_its_fonts(served):
    text, code = shown(served.folder)
    assert len(text) > 90 and len(code) > 90
    assert "".join(sorted(text - glyphs("inter", "inter-more") - ELSEWHERE)) == ""
    assert "".join(sorted(code - glyphs("jetbrains-mono", "jetbrains-mono-more") - ELSEWHERE)) == ""


@pytest.mark.parametrize("name", ["inter", "jetbrains-mono"])
def test_text_has_the_weights_of_the_stylesheet(name):
    weights = TTFont(FONTS / f"{name}.woff2")["fvar"].axes
    css = (ROOT / "overrides/assets/fieldguide.css").read_text(encoding="utf-8")
    used = [int(weight) for weight in re.findall(r"font-weight: (\d+);", css)]
    assert [axis.axisTag for axis in weights] == ["wght"]
    assert weights[0].minValue <= min(used) and max(used) <= weights[0].maxValue


def test_digits_align_in_tables_and_code_has_no_ligatures():
    features = {
        name: {
            record.FeatureTag
            for record in TTFont(FONTS / f"{name}.woff2")["GSUB"].table.FeatureList.FeatureRecord
        }
        for name in ("inter", "jetbrains-mono")
    }
    assert "tnum" in features["inter"] and "calt" not in features["jetbrains-mono"]
