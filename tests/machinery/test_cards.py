"""The pictures beside a link: what stands on them, and when they are drawn again."""

import shutil

import pytest
from PIL import Image, ImageFont

from fieldguide.guide.project import ROOT, BreachError, Project
from fieldguide.site import cards

LONG = "A description that goes on and on about what a reader will be able to do afterwards, " * 4
FONT = ROOT / "node_modules/@fontsource-variable/inter/files/inter-latin-wght-normal.woff2"


def page(title, description="What it gives."):
    return f"---\ntitle: {title}\ndescription: {description}\n---\n# {title}\n"


@pytest.fixture
def guide(tmp_path):
    """A home page, an overview, a page and a lab."""
    (tmp_path / cards.FONT).parent.mkdir(parents=True)
    shutil.copy(FONT, tmp_path / cards.FONT)
    for name, text in {
        "docs/curriculum.yml": "areas:\n  rl: {title: RL for LLMs, short: RL, summary: S., icon: x, pages: {}}\n",
        "docs/index.md": page("The Guide"),
        "docs/rl/index.md": page("RL for LLMs"),
        "docs/rl/ppo.md": page("PPO", LONG),
        "docs/labs/fast.py": "# %% [markdown]\n# # How fast?\n",
    }.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return tmp_path


def test_every_page_and_lab_has_a_card_at_its_address(guide):
    made = {card.name: (card.site, card.area, card.title) for card in cards.cards(Project(guide))}
    assert made == {
        "index": ("The Guide", "", "The Guide"),
        "rl": ("The Guide", "", "RL for LLMs"),
        "rl/ppo": ("The Guide", "RL for LLMs", "PPO"),
        "labs/fast": ("The Guide", "Labs", "How fast?"),
    }
    folder = cards.write(Project(guide))
    files = {path.relative_to(folder).as_posix() for path in folder.rglob("*.png")}
    assert files == {f"{name}.png" for name in made}
    for path in folder.rglob("*.png"):
        with Image.open(path) as image:
            assert image.size == (1200, 630) and path.stat().st_size < 60_000


def test_a_card_is_drawn_again_only_when_it_changes(guide):
    folder = cards.write(Project(guide))
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}
    (guide / "docs/rl/ppo.md").write_text(page("PPO", "Another."), encoding="utf-8")
    (guide / "docs/rl/index.md").unlink()
    cards.write(Project(guide))
    after = {path: path.stat().st_mtime_ns for path in folder.rglob("*.png")}
    assert before.keys() - after.keys() == {folder / "rl.png"}
    assert {path for path in after if after[path] != before[path]} == {folder / "rl/ppo.png"}


def test_the_text_stays_on_the_card(guide):
    font = cards._font(FONT, 33, 400)
    lines = cards._wrapped(LONG, font, 1032, 3)
    assert len(lines) == 3 and lines[-1].endswith("…")
    assert max(map(font.getlength, lines)) <= 1032
    for title in ("PPO", "A title of several words that needs more than one line of the card", "x" * 40):
        size, lines = cards._fitted(title, FONT)
        assert (
            "".join(lines).replace(" ", "") == title.replace(" ", "") and len(lines) <= 3 and 60 <= size <= 88
        )


def test_the_card_shows_title_and_area_in_the_colors_of_the_guide(guide):
    font = guide / cards.FONT
    card = cards.Card("rl/ppo", "The Guide", "RL", "PPO", "What it gives.", "docs/rl/ppo.md")
    plain = cards.draw(cards.Card("rl/ppo", "The Guide", "", "", "", ""), font).convert("RGB")
    drawn = cards.draw(card, font).convert("RGB")
    colors = {color for _, color in drawn.getcolors(1 << 16)}
    for wanted in (cards.GROUND, cards.TITLE, cards.ACCENT):
        rgb = tuple(bytes.fromhex(wanted[1:]))
        assert min(max(abs(a - b) for a, b in zip(rgb, color, strict=True)) for color in colors) <= 8
    changed = [
        x
        for x in range(0, 1200, 4)
        for y in range(150, 560, 4)
        if drawn.getpixel((x, y)) != plain.getpixel((x, y))
    ]
    assert min(changed) >= 80 and max(changed) < 400, "short texts stand at the left"


def test_a_character_without_a_shape_names_its_page(guide):
    (guide / "docs/rl/ppo.md").write_text(page("PPO 數"), encoding="utf-8")
    with pytest.raises(BreachError, match=r"docs/rl/ppo\.md:1: the font of the cards has no '數'"):
        cards.write(Project(guide))


def test_the_font_is_the_one_the_site_serves():
    assert ImageFont.truetype(FONT, 20).getname()[0] == "Inter"
