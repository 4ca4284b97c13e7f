"""Grades of claims, published numbers, and pages against enumeration and assignment."""

import math
import re
from itertools import permutations, product
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy import stats
from scipy.optimize import linear_sum_assignment
from scipy.special import expit

from snippets.recommenders.netflix_personalization import best, decoding, drawing, home, published, rules
from snippets.recommenders.netflix_personalization.home import Home

PAGE = Path(__file__).parents[2] / "docs/recommenders/netflix-personalization.md"


# Grades


def graded() -> list[dict[str, str]]:
    """The rows of the page's tables that have a grade."""
    rows: list[dict[str, str]] = []
    head: list[str] = []
    for line in PAGE.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")] if line.startswith("|") else []
        if not cells:
            head = []
        elif not head:
            head = cells
        elif "Grade" in head and set(cells[0]) - set("-: "):
            assert len(cells) == len(head), line
            rows.append(dict(zip(head, cells, strict=True)))
    return rows


def test_each_claim_has_a_date_a_grade_and_what_it_rests_on():
    """Published: a source. Derived: a source and a computed number, or words alone. Guessed: what would settle it."""
    rows = graded()
    assert len(rows) > 40
    for row in rows:
        months = "Jan|Feb|Mar|Apr|May|Jun|Jul|Aug|Sep|Oct|Nov|Dec"
        told = re.fullmatch(rf"\*\*(published|derived|guessed)\*\* ({months})&nbsp;20\d\d", row["Grade"])
        assert told, row
        guessed = told[1] == "guessed"
        assert row["Rests on"].startswith("open: ") == guessed, row
        assert bool(re.search(r"\[@\w+", row["Rests on"])) != guessed, row
        numbers = re.search(r"\d", re.sub(r"<data.*?</data>|\(.*?\)", "", row["Claim"]))
        if told[1] == "derived" and numbers:
            assert "<data value=" in row["Claim"] + row["Rests on"], row


def test_each_grade_is_used_and_a_guess_cites_nobody():
    grades = [row["Grade"].split("*")[2] for row in graded()]
    assert all(grades.count(grade) >= 6 for grade in ("published", "derived", "guessed"))
    assert not any("[@" in row["Claim"] + row["Rests on"] for row in graded() if "guessed" in row["Grade"])


# Published numbers


def test_the_widest_interval_has_the_p_value_it_was_made_from():
    low, high = published.widest(0.24, 0.001)
    error = (high - low) / 2 / stats.norm.ppf(0.975)
    assert (low + high) / 2 == pytest.approx(0.24)
    assert 2 * stats.norm.sf(0.24 / error) == pytest.approx(0.001)
    narrow = published.widest(0.24, 1e-6)
    assert low < narrow[0] < narrow[1] < high
    assert published.widest(0.24, 0.05)[0] == pytest.approx(0, abs=1e-12)


def test_a_fifth_less_time_is_a_quarter_more_speed():
    assert published.speedup(0.2) == pytest.approx(1.25)
    assert published.speedup(0.5) == pytest.approx(2)


def test_growth_by_a_power_law():
    """A loss that falls as the size to the power of minus a half: four times the size halves it."""
    assert published.same_by_size(0.5, 4, 0.75) == pytest.approx(16)
    grown = published.same_by_size(0.013, 7.5, 0.069)
    exponent = math.log(1 - 0.013) / math.log(7.5)
    assert grown**exponent == pytest.approx(1 - 0.069)
    assert published.needed(120e6, 0.013, 7.5, 0.069) == pytest.approx(120e6 * grown)


def test_the_output_layer_is_what_pytorch_counts():
    layer = torch.nn.TransformerEncoderLayer(64, 4, 256, bias=False)
    body = 6 * sum(weight.numel() for weight in layer.parameters() if weight.ndim == 2)
    output = torch.nn.Linear(64, 5000, bias=False).weight.numel()
    assert published.decoding_share(6, 64, 5000) == pytest.approx(output / (body + output))


def test_the_prize_was_decided_by_the_order_of_two_equal_entries():
    """What the runner-up published: both round to the same four digits, and a blend beats both."""
    first, second, blend = 0.856704, 0.856714, 0.855476
    assert round(first, 4) == round(second, 4) == 0.8567
    gains = [f"{published.improvement(0.9525, error):.2%}" for error in (first, second, blend)]
    assert gains == ["10.06%", "10.06%", "10.19%"]
    assert published.density(6, 3, 4) == 0.5
    assert published.goal(0.8, 0.25) == pytest.approx(0.6)
    fits = [e / 1e4 for e in range(9400, 9600) if round(100 * published.improvement(e / 1e4, 0.8558), 2) == 10.05]
    assert fits == [0.9514]
    assert published.per_member(100e9, 300e6) == pytest.approx(1000 / 3)
    assert published.covered(300, 100e9, 300e6) == pytest.approx(0.9)
    assert published.covered(300, 10e9, 300e6) == 1


# The page of a home


def two(places, boredom=0.8):
    """A home of one genre whose member played entity 0."""
    return Home(np.array(places), np.ones((1, len(places)), dtype=bool), (0,), 1, 2, boredom)


def test_a_copy_loses_its_share_and_a_stranger_does_not():
    one = two([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    assert one.liking == pytest.approx(expit([2.5, 2.5, -1.5]))
    page = [3, 0]
    worth = one.values(page)
    assert worth[1] == pytest.approx(0.2 * expit(2.5) / math.sqrt(2))
    assert worth[2] == pytest.approx(expit(-1.5) / math.sqrt(2))
    assert one.reward([3, 0, 1]) == pytest.approx(expit(2.5) + worth[1])


def test_a_place_counts_rows_and_columns():
    one = home.home(0)
    assert [one.place([0] * length) for length in range(6)] == [(0, -1), (0, 0), (0, 1), (0, 2), (1, -1), (1, 0)]


def test_the_taste_is_in_the_prompt():
    """Who played an entity twice likes those near it more than who played two others."""
    one = home.home(3)
    fan = Home(one.places, one.belongs, (5, 5))
    other = Home(one.places, one.belongs, (5, 6))
    assert fan.liking[5] == pytest.approx(expit(4 - 1.5))
    assert other.liking[5] < fan.liking[5]


@pytest.mark.parametrize("first", [0, 1, 2])
def test_a_decoded_page_keeps_the_rules(first):
    for seed in range(6):
        one = home.home(seed)
        page, count = decoding.decode(one, first)
        assert len(set(page)) == len(page) == 8
        assert count == decoding.passes(2, 3, first)
        for row in (page[:4], page[4:]):
            assert row[0] >= one.entities
            assert one.belongs[row[0] - one.entities][row[1:]].all()


def test_a_mask_names_what_may_come_next():
    one = home.home(1)
    start = one.allowed([])
    assert not start[: one.entities].any()
    assert start[one.entities :].all()
    page, _ = decoding.decode(one, 2)
    inside = one.allowed(page[:6])
    fits = one.belongs[page[4] - one.entities].copy()
    fits[[page[1], page[2], page[3], page[5]]] = False
    assert np.array_equal(inside[: one.entities], fits)
    assert not inside[one.entities :].any()


def test_a_row_that_cannot_be_filled_is_not_begun():
    one = rules.wide(0, 5)
    filled = [int(entity) for entity in np.flatnonzero(one.belongs[0])]
    first, shared = filled[:5], one.belongs[:, filled[:5]].sum(axis=1)
    mask = one.allowed([one.entities, *first])[one.entities :]
    assert mask.tolist() == [False, *(6 - shared[1:] >= 5)]


def test_all_pages_are_those_that_the_masks_let_through():
    """The list is made from permutations; the walk here asks the mask before each token."""
    small = home.home(2, genres=3, each=2)
    small = Home(small.places, small.belongs, small.prompt, width=2)

    def walk(page):
        if len(page) == 6:
            return [page]
        return [full for token in np.flatnonzero(small.allowed(page)) for full in walk([*page, int(token)])]

    listed = {tuple(page) for page in best.every_page(small).tolist()}
    assert listed == {tuple(page) for page in walk([])}
    assert len(listed) > 100


def test_rewards_of_all_pages_are_those_of_each():
    for seed in (0, 7):
        one = home.home(seed)
        some = best.every_page(one)[seed::9001]
        each = [one.reward(page) for page in some.tolist()]
        assert best.rewards(one, some) == pytest.approx(each, rel=1e-12)
        page, worth = best.best(one)
        assert worth == pytest.approx(one.reward(page))
        assert worth == best.rewards(one, best.every_page(one)).max()


@pytest.mark.parametrize("seed", range(5))
def test_without_boredom_the_best_page_is_an_assignment(seed):
    """Entities to slots, for each pair of rows, by SciPy."""
    one = home.home(seed, boredom=0.0)
    looks = [1 / math.sqrt((1 + row) * (1 + column)) for row, column in product(range(2), range(3))]
    found = []
    for rows in permutations(range(4), 2):
        fits = np.repeat(one.belongs[list(rows)], 3, axis=0)
        worth = np.outer(looks, one.liking) * fits
        slots, entities = linear_sum_assignment(worth, maximize=True)
        found.append(worth[slots, entities].sum())
    assert best.best(one)[1] == pytest.approx(max(found))


def test_without_boredom_one_pass_a_row_is_enough():
    """An identity: if no value depends on the prefix, the order of passes changes nothing."""
    for seed in range(10):
        one = home.home(seed, boredom=0.0)
        pages = [decoding.decode(one, first)[0] for first in range(4)]
        assert all(page == pages[0] for page in pages)
        bored = home.home(seed)
        assert decoding.decode(bored, 2)[0] == decoding.decode(bored, 9)[0]


def test_more_passes_come_closer_to_the_best_page():
    once, hybrid, full = (decoding.mean_share(first) for first in (0, 1, 2))
    assert once + 0.02 < hybrid < full < 0.99
    worst = min(decoding.share(seed, 2) for seed in decoding.SEEDS)
    assert 0.8 < worst < 0.95
    assert decoding.saved(20, 40, 3) == pytest.approx(1 - 100 / 820)
    assert decoding.passes(2, 3, 2) == decoding.passes(2, 3, 3) == 8


def test_a_filter_leaves_holes_and_a_mask_does_not():
    for width in (3, 4):
        assert rules.holes(width) > 20
        assert rules.dead_ends(width) == 0
        assert rules.filled(width) == 20
    assert rules.dead_ends(5) == 20
    assert rules.filled(5) == 20
    one = rules.wide(4, 3)
    page = rules.filtered(one)
    assert len(page) == 8
    shown = [token for token in page if token is not None]
    assert len(set(shown)) == len(shown)


def test_the_drawing_shows_the_page_that_is_decoded():
    drawn = drawing.figure_tokens()
    assert drawn.count("stroke-dasharray") == 4
    assert drawn.count("<rect") == 3 + 8 + 12
    one = home.home(0)
    page, _ = decoding.decode(one, 1)
    closed = 12 - int(one.allowed(page[:6])[:12].sum())
    assert drawn.count("<path") == closed
