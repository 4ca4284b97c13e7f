"""The log of the exercise, against what two prompts have in common."""

from itertools import takewhile

from snippets.inference.kv_cache import release
from snippets.inference.kv_cache.prefix import prompts


def test_a_request_reuses_what_it_shares_with_an_earlier_one():
    """After the release with those of its own minute alone: the time is the first that the prompts say."""
    arrivals = [*release.ARRIVALS, *release.LATER]
    asked = [
        [clock[:5], *"1234567"[:7], *tokens] if clock in release.LATER else tokens
        for clock, tokens in zip(arrivals, prompts(len(arrivals)), strict=True)
    ]
    for at, (clock, number, tokens, reused) in enumerate(release.log()):
        common = [
            len(list(takewhile(lambda pair: pair[0] == pair[1], zip(asked[at], b, strict=False)))) for b in asked[:at]
        ]
        assert (number, tokens) == (41 + (clock > "10:01"), len(asked[at]))
        assert reused == max(common, default=0) // 16 * 16
    assert [reused for *_, reused in release.log()] == [0, *[992] * 4, 0, 1008, 0, 0, 1008, 1008, 0]
