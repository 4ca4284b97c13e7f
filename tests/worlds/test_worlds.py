"""The worlds' closed forms against counted logs, and MovieLens against what its authors publish."""

from typing import Any

import numpy as np
import pytest
from scipy.stats import chisquare, spearmanr

from snippets.worlds.log import SLOTS, Log, examined, record
from snippets.worlds.movielens import ratings
from snippets.worlds.world import World

SMALL: dict[str, Any] = {"members": 20, "titles": 30, "days": 2, "drift": 0.2, "new": 0.0}


@pytest.fixture(scope="module", params=["liked", "shown"])
def counted(request: pytest.FixtureRequest) -> tuple[World, Log]:
    world = World(request.param, **SMALL)
    return world, record(world, sessions=60_000, slice_=0.5)


def test_titles_are_shown_as_often_as_the_world_says(counted: tuple[World, Log]) -> None:
    world, log = counted
    usual = log.where(~log.random & (log.day == 1))
    shown = np.bincount(usual.title, minlength=world.titles)
    assert chisquare(shown, world.exposure(1) * shown.sum()).pvalue > 0.001
    anyhow = np.bincount(log.title[log.random], minlength=world.titles)
    assert chisquare(anyhow).pvalue > 0.001


def test_members_play_what_is_useful_to_them_where_they_look(counted: tuple[World, Log]) -> None:
    world, log = counted
    chance = np.array([world.utility(day) for day in range(world.days)])
    expected = chance[log.day, log.member, log.title] * examined()[log.slot]
    for slot in range(SLOTS):
        here = log.slot == slot
        error = (log.played[here].mean() - expected[here].mean()) / np.sqrt(expected[here].mean() / here.sum())
        assert abs(error) < 4
    by_title = np.bincount(log.title, log.played) - np.bincount(log.title, expected)
    assert np.all(np.abs(by_title) < 5 * np.sqrt(np.bincount(log.title, expected)))


def test_the_next_play_is_distributed_as_the_closed_form_says(counted: tuple[World, Log]) -> None:
    world, log = counted
    plays = log.plays.where(~log.plays.random & (log.plays.day == 0))
    member = np.bincount(plays.member).argmax()
    seen = np.bincount(plays.title[plays.member == member], minlength=world.titles)
    expected = world.next_play(0)[member] * seen.sum()
    assert chisquare(seen, expected).pvalue > 0.001


def test_two_worlds_write_the_same_plays_and_differ_in_the_random_slice() -> None:
    liked, shown = World("liked"), World("shown")
    assert np.allclose(liked.next_play(9), shown.next_play(9), rtol=1e-12, atol=0)
    orders = {}
    for world, sessions in ((liked, 40_000), (shown, 10_000)):
        log = record(world, sessions, slice_=1.0)
        rate = np.bincount(log.title, log.played, world.titles) / np.bincount(log.title, minlength=400)
        orders[world.fame] = spearmanr(rate, world.renown).statistic
    assert orders["liked"] > 0.5
    assert abs(orders["shown"]) < 0.15


def test_titles_start_on_their_day_and_tastes_walk() -> None:
    world = World(new=0.5)
    log = record(world, 5_000)
    assert np.all(log.day >= world.launch[log.title])
    assert (world.launch > 0).mean() == pytest.approx(0.5, abs=0.1)
    assert not world.utility(0)[:, world.launch > 0].any()
    still = World(drift=0.0)
    assert np.allclose(still.fit(0), still.fit(27), rtol=1e-12)
    moved = np.abs(world.fit(27) - world.fit(0)).mean(), np.abs(world.fit(9) - world.fit(0)).mean()
    assert moved[0] > moved[1] > 0.01


def test_a_log_is_in_order_and_repeats_itself() -> None:
    world = World(**SMALL)
    log, again, other = record(world, 50), record(world, 50), record(world, 50, seed=1)
    assert np.all(np.diff(log.day) >= 0)
    assert np.all(np.diff(log.session) >= 0)
    assert np.array_equal(log.title, again.title)
    assert not np.array_equal(log.title, other.title)
    assert log.slot[:11].tolist() == [*range(10), 0]


def test_an_unknown_kind_of_fame_is_refused() -> None:
    with pytest.raises(ValueError, match="fame is 'loved'"):
        World("loved")


def test_movielens_is_the_set_that_its_authors_describe() -> None:
    table = ratings()
    assert len(table.user) == 100_004  # of the version of 2016, whose README counts them
    assert table.user.max() + 1 == 671
    assert table.movie.max() + 1 == len(table.names) == 9_066
    assert sorted(set(table.stars)) == [half / 2 for half in range(1, 11)]
    assert np.all(np.diff(table.time) >= 0)
    assert table.names[0] == "Toy Story"
