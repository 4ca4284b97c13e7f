"""The fonts of the built site hold what it shows: every letter, at every weight, and little else."""

import io

import pytest
from fontTools.ttLib import TTFont

from fieldguide.guide.project import ROOT
from fieldguide.site import fonts

VENDOR = ROOT / "overrides/vendor"


def glyphs(path):
    """The letters of a font file, by their code points."""
    return set(TTFont(path).getBestCmap())


def names():
    """Fonts that a build takes from the package index."""
    found = sorted(path.relative_to(VENDOR).as_posix() for path in VENDOR.rglob("*.woff2"))
    assert len(found) > 20
    return found


def test_fonts_keep_every_letter_that_a_page_shows(served):
    shown = {ord(letter) for path in served[0].rglob("*.html") for letter in path.read_text("utf-8")}
    for name in names():
        assert glyphs(served[0] / "vendor" / name) & shown == glyphs(VENDOR / name) & shown, name


def test_text_fonts_are_a_third_and_have_all_weights_of_the_stylesheet(served):
    for name in names():
        if name.startswith("fonts/"):
            path = served[0] / "vendor" / name
            assert path.stat().st_size < 0.45 * (VENDOR / name).stat().st_size, name
            weights = TTFont(path)["fvar"].axes[0]
            assert (weights.minValue, weights.maxValue) == (400, 780), name


def test_letters_of_one_width_stay_so(served):
    """Digits in tables are aligned by `tnum`; code has no ligatures that hide what is typed."""
    features = {}
    for name in ("fonts/inter.woff2", "fonts/jetbrains-mono.woff2"):
        small = TTFont(io.BytesIO(fonts.cut((VENDOR / name).read_bytes(), set("0123456789!=->"))))
        features[name] = {record.FeatureTag for record in small["GSUB"].table.FeatureList.FeatureRecord}
    assert "tnum" in features["fonts/inter.woff2"]
    assert "calt" not in features["fonts/jetbrains-mono.woff2"]


def test_what_was_cut_before_is_not_cut_again(served, tmp_path, monkeypatch):
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text("abc", encoding="utf-8")
    full = (VENDOR / "fonts/inter.woff2").read_bytes()
    for turn in range(2):
        (site / "inter.woff2").write_bytes(full)
        fonts.shrink(site, tmp_path / "cache")
        small = (site / "inter.woff2").read_bytes()
        assert len(small) < len(full) / 2
        if turn == 0:
            first = small
            monkeypatch.setattr(fonts, "cut", lambda *_: pytest.fail("cut a second time"))
    assert small == first
