"""Reward modeling: held against an implementation that nobody here wrote."""

import numpy as np
import pytest

from snippets.rl.reward_modeling import basics


@pytest.mark.parametrize("n", [0, 1, 10, 1000])
def test_total_agrees_with_numpy(n):
    """The oracle: put the library, the engine or the paper's table here that settles what is right."""
    assert basics.total(n) == np.arange(n + 1).sum()


def test_the_figure_pairs_numbers_to_the_same_sum():
    drawn = [text.split("<")[0] for text in basics.figure_pairs(4).split('fill="currentColor">')[1:]]
    assert drawn == [f"{a} + {b} = {a + b}" for a, b in zip(range(1, 5), range(4, 0, -1), strict=True)]
