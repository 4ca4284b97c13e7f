"""The committed fonts: weights and features. That they hold every character, test_pages.py sees on each page."""

import re

import pytest
from fontTools.ttLib import TTFont

from fieldguide.guide.project import ROOT

FONTS = ROOT / "overrides/assets/fonts"


@pytest.mark.parametrize("name", ["inter", "jetbrains-mono"])
def test_text_has_the_weights_of_the_stylesheet(name):
    weights = TTFont(FONTS / f"{name}.woff2")["fvar"].axes
    css = (ROOT / "overrides/assets/fieldguide.css").read_text(encoding="utf-8")
    used = [int(weight) for weight in re.findall(r"font-weight: (\d+);", css)]
    assert [axis.axisTag for axis in weights] == ["wght"]
    assert weights[0].minValue <= min(used) and max(used) <= weights[0].maxValue


def test_digits_align_in_tables_and_code_has_no_ligatures():
    features = {
        name: {record.FeatureTag for record in TTFont(FONTS / f"{name}.woff2")["GSUB"].table.FeatureList.FeatureRecord}
        for name in ("inter", "jetbrains-mono")
    }
    assert "tnum" in features["inter"] and "calt" not in features["jetbrains-mono"]
