"""The decoder in the service: meaning, invalid tuples, retraining and a release; and what is drawn."""

import re
from functools import partial

import numpy as np
import pytest
import torch

from snippets.recommenders.semantic_ids import (
    collapse,
    drawing,
    measures,
    residual,
    retraining,
    service,
    training,
    trie,
    vectors,
    versions,
)
from snippets.recommenders.semantic_ids.measures import NEW
from snippets.worlds.log import record
from snippets.worlds.world import World

FIRST = "first"


def over_seeds(measure):
    return [measure(seed) for seed in service.SEEDS]


def test_codes_with_meaning_beat_popularity_and_drawn_ones_do_not():
    meant, drawn = over_seeds(measures.meant), over_seeds(measures.drawn)
    assert np.mean(meant) > measures.most_played() + 0.02 > np.mean(drawn) + 0.03
    assert min(meant) > max(drawn)
    assert np.mean(meant) < measures.best_possible()


def test_the_most_played_titles_are_found_as_often_as_they_are_next():
    ten = training.popular(vectors.plays(vectors.OLD))
    counted = np.bincount(vectors.plays(vectors.OLD).title)
    assert counted[ten].min() >= np.delete(counted, ten).max()
    assert measures.most_played() == np.isin(training.tested().next, ten).mean()
    assert measures.most_played() == pytest.approx(10 / 300, abs=0.05)


def test_no_list_of_ten_is_expected_to_beat_the_worlds_own():
    likely = vectors.world().next_play(24)[training.tested().member]
    mass = np.sort(likely, axis=1)[:, -10:].sum(1).mean()
    assert measures.best_possible() == pytest.approx(mass, abs=0.04)


def test_the_other_world_would_give_the_same_plays():
    """Vectors come from plays alone, and both worlds draw those from one distribution."""
    other = World("liked", members=1_000, titles=300, tastes=4, zipf=0.2, new=0.0)
    assert np.allclose(other.next_play(3), vectors.world().next_play(3), rtol=1e-12, atol=0)
    plays = record(other, 60_000, slice_=0.0).plays
    found = vectors.vectors(vectors.table(plays, 1_000, 300))
    turned = vectors.turn(found, vectors.trained())
    assert np.corrcoef(turned.ravel(), vectors.trained().ravel())[0, 1] > 0.9


def test_a_trie_removes_tuples_without_a_title_and_pairs_of_codes_do_not():
    none, pairs, tree = (np.mean(over_seeds(partial(measures.invalid, rule))) for rule in service.RULES)
    assert tree == 0
    assert none > 0.05
    assert none >= pairs > 0.8 * none
    kept, all_ = (np.mean(over_seeds(partial(measures.left_over, rule))) for rule in ("no rule", "trie"))
    assert kept <= all_


def test_the_share_without_a_title_is_counted_by_hand():
    codes = versions.codes(FIRST, 0)
    known = {tuple(row) for row in codes.tolist()}
    past = torch.from_numpy(codes[training.tested().titles])
    rows = [torch.zeros(16**level, 16) for level in range(3)]
    found, _ = service.search(service.decoder(FIRST, 0), past, rows, 10)
    missing = [tuple(row) not in known for rows in found.tolist() for row in rows]
    assert measures.invalid("no rule", 0) == np.mean(missing)
    allowed = trie.pairs(codes)
    walked = sum(len(allowed((a, b))) for a in allowed(()) for b in allowed((a,)))
    assert walked > 5 * len(known)  # what pairs of codes let through


def test_a_wider_beam_finds_more_of_the_ten_best_and_at_last_all():
    found = [service.same_ten(width) for width in (10, 20, 50, 300)]
    assert found == sorted(found)
    assert 0.5 < found[0] < 0.95
    assert found[-1] == 1.0


def test_a_retrained_code_means_nothing_to_the_old_decoder():
    meant, renewed = over_seeds(measures.meant), over_seeds(partial(measures.renewed, NEW))
    assert np.mean(renewed) < measures.most_played() - 0.005
    assert max(renewed) < min(meant)
    seeded = over_seeds(partial(measures.renewed, "old vectors, new seed"))
    assert max(seeded) < min(meant)
    assert np.mean(over_seeds(partial(measures.first_kept, "old vectors, new seed"))) < 0.2
    assert np.mean(over_seeds(partial(measures.all_kept, NEW))) < 0.02


def test_turned_vectors_in_the_old_codebooks_keep_codes_and_recall():
    meant, turned = over_seeds(measures.meant), over_seeds(partial(measures.renewed, "turned, old books"))
    assert np.mean(turned) > 0.7 * np.mean(meant)
    assert np.mean(turned) > measures.most_played() + 0.01
    assert np.mean(over_seeds(partial(measures.first_kept, "turned, old books"))) > 0.85
    assert 0.2 < np.mean(over_seeds(partial(measures.all_kept, "turned, old books"))) < 0.7
    warm = np.mean(over_seeds(partial(measures.all_kept, "turned, warm start")))
    assert warm < np.mean(over_seeds(partial(measures.all_kept, "turned, old books")))


def test_unturned_vectors_pass_only_where_histories_and_trie_move_together():
    together, apart = (over_seeds(partial(m, "new vectors, old books")) for m in (measures.renewed, measures.left))
    assert np.mean(together) > 1.4 * np.mean(apart)
    assert np.mean(over_seeds(partial(measures.first_kept, "new vectors, old books"))) < 0.4
    turned = over_seeds(partial(measures.left, "turned, old books"))
    assert np.mean(turned) > 1.5 * np.mean(apart)


def test_only_two_of_eight_triples_work():
    versions_ = (FIRST, NEW)
    means = {
        (model, history, tree): np.mean(over_seeds(partial(service.served, model, history, tree)))
        for model in versions_
        for history in versions_
        for tree in versions_
    }
    good = [means[v, v, v] for v in versions_]
    bad = [value for triple, value in means.items() if len(set(triple)) == 2]
    assert len(bad) == 6
    assert min(good) > 1.4 * max(bad)


def test_a_release_is_seen_in_one_group():
    rows = measures.release()
    assert [row[0] for row in rows] == pytest.approx([0.0, 0.25, 0.5, 0.75, 1.0], abs=0.07)
    for _, group, others in rows[1:-1]:
        assert group > 1.4 * others
    assert np.isnan([rows[0][1], rows[-1][2]]).all()
    assert rows[0][2] == pytest.approx(np.mean(over_seeds(measures.meant)))
    served = over_seeds(lambda seed: service.served(NEW, NEW, NEW, seed))
    assert rows[-1][1] == pytest.approx(np.mean(served))


def test_a_version_is_made_as_it_says():
    old, new = vectors.trained(vectors.OLD), vectors.trained(vectors.NEW)
    assert np.array_equal(
        versions.codes("turned, old books", 1), residual.encode(vectors.turn(new, old), residual.fit(old, 3, 16, 1))
    )
    assert set(versions.VERSIONS) == {name for name in versions.VERSIONS if versions.codes(name).shape == (300, 3)}
    renamed, plain = versions.codes("... then renamed", 2), versions.codes(NEW, 2)
    for level in range(3):
        assert len(np.unique(np.stack([renamed[:, level], plain[:, level]]), axis=1).T) == 16


def test_a_spread_is_a_mean_and_a_deviation():
    mean, by = service.spread(lambda seed: float(seed**2))
    assert mean == service.over_seeds(lambda seed: float(seed**2)) == 6.0
    assert by == pytest.approx(np.std([0, 1, 4, 9, 16], ddof=1))


def test_the_drawing_shows_the_codes_of_its_title():
    drawn = drawing.figure_codes()
    catalog, books, title = drawing.small_catalog()
    codes = residual.encode(catalog, books)
    assert f"({', '.join(map(str, codes[title]))})" in drawn
    tree, row = trie.Trie(codes), codes[title].tolist()
    closed = sum(len(books[level]) - len(tree.allowed(tuple(row[:level]))) for level in range(3))
    assert drawn.count("stroke-dasharray") == closed > 0
    assert len(re.findall(r'<circle[^>]*r="1.6"', drawn)) == 3 * len(catalog)


def test_the_figures_draw_what_is_measured():
    axes = retraining.figure_remedies().axes[0]
    points = [line.get_xdata()[0] for line in axes.lines if line.get_marker() == "o"]
    assert points[0] == service.spread(partial(measures.renewed, versions.VERSIONS[-1]))[0]
    assert len(points) == 14
    lines = collapse.figure_collapse().axes[0].lines
    assert lines[0].get_ydata()[-1] == pytest.approx(np.mean(collapse.distinct("mean", 100)))
