"""The enumerated language against torch.distributions and a count by hand."""

import pytest
import torch
from torch.distributions import Categorical

from snippets.sequences.language import Language, Policy


def test_every_sequence_stands_once():
    tokens, mask = Language(3, 3).sequences()
    assert len({tuple(row) for row in tokens.tolist()}) == len(tokens) == 27
    assert mask.all()


def test_an_end_token_stops_a_sequence():
    tokens, mask = Language(3, 3, end=2).sequences()
    assert len(tokens) == 15  # of one token 1, of two 2, of three 4 beginnings with 3 ends
    lengths = mask.sum(-1)
    assert torch.bincount(lengths).tolist() == [0, 1, 2, 12]
    for row, n in zip(tokens.tolist(), lengths.tolist(), strict=True):
        assert 2 not in row[: n - 1] and set(row[n:]) <= {2}


@pytest.mark.parametrize("end", [None, 0, 2])
def test_probabilities_sum_to_one_and_agree_with_steps(end):
    policy = Policy(Language(3, 3, end=end), seed=1)
    assert policy.probabilities().sum().item() == pytest.approx(1, abs=1e-12)
    draw = torch.Generator().manual_seed(0)
    for n in policy.sample(20, draw).tolist():
        total, row = 0.0, policy.tokens[n]
        for t in range(int(policy.mask[n].sum())):
            number = sum(3**k for k in range(t))  # prefixes that are shorter
            number += sum(int(row[k]) * 3 ** (t - 1 - k) for k in range(t))
            total += Categorical(logits=policy.logits[number]).log_prob(row[t]).item()
        assert policy.logprobs()[n].sum().item() == pytest.approx(total, abs=1e-12)


def test_a_prefix_has_a_number_of_its_own():
    policy = Policy(Language(3, 3))
    seen = {}
    for row, numbers in zip(policy.tokens.tolist(), policy.before.tolist(), strict=True):
        for t, number in enumerate(numbers):
            assert seen.setdefault(number, tuple(row[:t])) == tuple(row[:t])
    assert sorted(seen) == list(range(len(policy.logits)))


def test_mean_and_gradient_agree_with_samples():
    policy = Policy(Language(3, 3), seed=2)
    worth = torch.linspace(0, 1, 27, dtype=torch.float64)
    draw = torch.Generator().manual_seed(3)
    drawn = policy.sample(200_000, draw)
    assert policy.mean(worth).item() == pytest.approx(worth[drawn].mean().item(), abs=0.003)
    score = torch.autograd.grad((worth[drawn] * policy.logprobs().sum(-1)[drawn]).mean(), policy.logits)[0]
    assert torch.allclose(policy.gradient(policy.mean(worth)), score, atol=0.003)
