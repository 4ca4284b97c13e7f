"""New titles against scikit-learn's ridge regression, two versions of vectors against SciPy's rotation."""

import math

import numpy as np
import pytest
from scipy import linalg
from sklearn.linear_model import Ridge

from snippets.recommenders.netflix_personalization import crowd, launch, versions
from snippets.worlds.log import record
from snippets.worlds.world import World


def test_members_are_seen_by_their_plays_of_old_titles():
    world = World("shown", members=30, titles=20, new=0.3)
    log = record(world, 3_000)
    seen = crowd.members_of(world, log)
    assert seen.shape == (30, 9)
    assert (seen[:, 0] == 1).all()
    assert seen[:, 1:].T @ seen[:, 1:] == pytest.approx(30 * np.eye(8), abs=1e-8)
    without = log.where(world.launch[log.title] == 0)
    assert np.abs(crowd.members_of(world, without)) == pytest.approx(np.abs(seen), abs=1e-6)
    exact = crowd.describe(world, noise=0.0)
    assert exact[:, 1:] == pytest.approx(world.places[2])
    blurred = crowd.describe(world)[:, 1:] - world.places[2]
    assert blurred.std() == pytest.approx(0.4 / math.sqrt(8), rel=0.15)


def test_a_half_step_is_a_ridge_regression_from_the_prior():
    draw = np.random.default_rng(3)
    x, played, prior = draw.normal(size=(40, 5)), draw.random(40), draw.normal(size=5)
    theirs = Ridge(alpha=7.0, fit_intercept=False).fit(x, played - x @ prior).coef_
    assert launch.half_step(x, played, prior, 7.0) == pytest.approx(prior + theirs)
    assert launch.half_step(x[:0], played[:0], prior, 7.0) == pytest.approx(prior)


def test_the_audience_is_the_best_tenth():
    truth = np.arange(20.0)
    assert crowd.audience(truth, truth) == 1
    assert crowd.audience(-truth, truth) == 0
    assert crowd.audience(np.where(truth == 19, 99.0, -truth), truth) == 0.5


def test_too_eager_an_id_loses_what_the_description_knew():
    """In each of five worlds in which popular titles are shown more."""
    for seed in launch.SEEDS:
        shares = launch.found("shown", seed)
        assert shares[0, "both, 10 rows"] == shares[0, "description"] > 0.5
        assert shares[1, "both, 10 rows"] < shares[0, "description"] - 0.1
        assert shares[1, "both, 100 rows"] > shares[1, "both, 10 rows"] + 0.1
        assert shares[0, "ID alone"] < 0.2
        assert shares[7, "ID alone"] > 0.45
        assert shares[7, "fallback"] < 0.2


def test_patience_in_plays_serves_both_worlds():
    """In rows it has to be found anew: what is enough in one world loses in the other."""
    for seed in launch.SEEDS:
        rare, often = launch.found("liked", seed), launch.found("shown", seed)
        assert rare[7, "both, 100 rows"] < rare[7, "description"] - 0.02
        assert rare[7, "both, 12 plays"] > rare[7, "description"] - 0.02
        assert often[7, "both, 12 plays"] == pytest.approx(often[7, "both, 100 rows"], abs=0.03)


# Two versions


def test_the_rotation_is_scipys_and_changes_no_score():
    draw = np.random.default_rng(5)
    new, reference, members = draw.normal(size=(50, 6)), draw.normal(size=(50, 6)), draw.normal(size=(9, 6))
    turn = versions.rotation(new, reference)
    assert turn == pytest.approx(linalg.orthogonal_procrustes(new, reference)[0])
    assert (members @ turn) @ (new @ turn).T == pytest.approx(members @ new.T)


def test_factors_are_ridge_regressions_of_each_other():
    plays_ = (np.random.default_rng(6).random((40, 30)) < 0.2).astype(float)
    members, titles = versions.factors(plays_, seed=1)
    theirs = Ridge(alpha=versions.PENALTY, fit_intercept=False).fit(titles, plays_.T).coef_
    assert members == pytest.approx(theirs)
    again = Ridge(alpha=versions.PENALTY, fit_intercept=False).fit(members, plays_).coef_
    assert titles.shape == again.shape == (30, 8)


def test_a_consumer_of_the_first_version_is_lost_in_the_next():
    for seed in versions.SEEDS:
        shares = versions.served(seed)
        assert shares["trained on this"][0] > 0.7
        assert shares["turned back"][0] > max(0.5, shares["next version"][0])
        assert 0.5 < shares["next version"][1] / shares["trained on this"][1] < 1.5
    assert versions.highest("next version") == max(versions.served(seed)["next version"][0] for seed in range(8))
    assert versions.mean_right("turned back") > versions.mean_right("next version") + 0.5
