"""What a batch is worth under importance weights, measured and predicted. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean, pvariance

from snippets.rl.on_and_off_policy.logs import Reply


# --8<-- [start:share]
def effective_share(logs: Sequence[float]) -> float:
    """Effective sample size over sample size, from the logarithms of the weights: 1/n to 1."""
    largest = max(logs)  # cancels in the quotient, and keeps exp in range
    weights = [math.exp(log - largest) for log in logs]
    return sum(weights) ** 2 / (len(weights) * sum(w * w for w in weights))


def cut(replies: Sequence[Reply], tokens: int) -> list[float]:
    """Log of each reply's weight, as if it had been cut after so many tokens."""
    return [sum(reply.trainer[:tokens]) - sum(reply.sampler[:tokens]) for reply in replies]


# --8<-- [end:share]
def by_length(replies: Sequence[Reply]) -> list[tuple[int, float, float]]:
    """Tokens, measured share, share that the spread predicts, at doubling lengths and the longest."""
    longest = max(len(reply.sampler) for reply in replies)
    lengths = [2**i for i in range(longest.bit_length()) if 2**i < longest]
    rows = []
    for tokens in (*lengths, longest):
        logs = cut(replies, tokens)
        rows.append((tokens, effective_share(logs), normal_share(pvariance(logs))))
    return rows


def mean_weight(replies: Sequence[Reply]) -> tuple[float, float]:
    """Mean weight of a token and its standard error: the weights of two tokens are uncorrelated."""
    weights = [math.exp(log) for reply in replies for log in reply.log_ratios()]
    return fmean(weights), math.sqrt(pvariance(weights) / len(weights))


def token_spread(replies: Sequence[Reply]) -> float:
    """Standard deviation of the log ratio of a token."""
    return math.sqrt(pvariance([x for reply in replies for x in reply.log_ratios()]))


def log_cdf(x: float) -> float:
    """Logarithm of the standard normal distribution function, also far to the left."""
    if x > -30:
        return math.log(math.erfc(-x / math.sqrt(2)) / 2)
    return -(x**2) / 2 - math.log(-x * math.sqrt(2 * math.pi))  # first term of the tail


# --8<-- [start:normal]
def normal_share(variance: float) -> float:
    """Effective share if the log of the weight is normal and the mean weight 1."""
    return math.exp(-variance)


def masked_mean(variance: float, cap: float) -> float:
    """What remains of the mean weight 1 if weights above the cap count as 0."""
    return math.exp(log_cdf((math.log(cap) - variance / 2) / math.sqrt(variance)))


def beyond(variance: float, cap: float) -> float:
    """Share of the replies whose weight exceeds the cap."""
    return math.exp(log_cdf(-(math.log(cap) + variance / 2) / math.sqrt(variance)))


def truncated_mean(variance: float, cap: float) -> float:
    """What remains of the mean weight 1 if weights above the cap count as the cap."""
    return masked_mean(variance, cap) + cap * beyond(variance, cap)


# --8<-- [end:normal]
def masked_square(variance: float, cap: float) -> float:
    """Mean square of the weights if those above the cap count as 0."""
    far = log_cdf((math.log(cap) - 1.5 * variance) / math.sqrt(variance))
    return math.exp(variance + far)


def truncated_share(variance: float, cap: float) -> float:
    """Effective share if weights above the cap count as the cap."""
    square = masked_square(variance, cap) + cap**2 * beyond(variance, cap)
    if square == 0:
        return 0.0  # smaller than a float can hold
    return truncated_mean(variance, cap) ** 2 / square


def longest(spread: float, share: float) -> float:
    """Tokens after which the effective share has fallen to this one."""
    return -math.log(share) / spread**2
