"""The score of a reply alone and in a batch, with the library's own class."""

import pytest
import torch

from snippets.rl.reward_modeling import batches


@pytest.mark.parametrize("side", ["right", "left"])
def test_the_place_that_counts_is_the_place_alone(side):
    alone = torch.cat([batches.scores("last that counts", [row]) for row in batches.rows()])
    together = batches.scores("last that counts", batches.rows(), side)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(batches.library(batches.rows(), side), alone, atol=1e-5, rtol=0)


def test_each_shortcut_is_right_on_one_side_only():
    moved = {
        (rule, side): batches.change(lambda some, where, rule=rule: batches.scores(rule, some, where), side)
        for rule in batches.RULES
        for side in ("right", "left")
    }
    for rule, good, bad in (("last place", "left", "right"), ("count less one", "right", "left")):
        assert moved[rule, good] < 1e-5 and moved[rule, bad] > 0.1
    assert max(moved["last that counts", side] for side in ("right", "left")) < 1e-5


def test_rows_differ_in_length_and_padding_is_marked():
    lengths = [len(row) for row in batches.rows()]
    assert len(set(lengths)) > 2
    for side, last in (("right", False), ("left", True)):
        ids, mask = batches.padded(batches.rows(), side)
        assert mask.sum(1).tolist() == lengths and bool(mask[:, -1].all()) is last
        assert (ids[mask == 0] == batches.PAD).all() and (ids[mask == 1] != batches.PAD).all()
