"""Which correction a log supports. Standard library only."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import pvariance

from snippets.rl.on_and_off_policy import shares
from snippets.rl.on_and_off_policy.logs import Reply

FAR = 4.0  # standard errors: beyond, the mean weight is not 1
MANY, FEW = 300, 30  # effective replies, read off the page's worlds
CAP = 2.0
HALF = 0.5


# --8<-- [start:judge]
@dataclass(frozen=True)
class Verdict:
    """What a log shows, and the correction that a batch of `batch` replies supports."""

    batch: int
    mean: float  # weight of a token, which should be 1
    error: float  # its standard error
    token: float  # effective share with token weights
    sequence: float  # with sequence weights: the smaller of measured and predicted
    cut: float  # with sequence weights, cut at 2

    @property
    def correction(self) -> str:
        """The least biased correction that leaves enough of the batch."""
        if abs(self.mean - 1) > FAR * self.error + 1e-3:
            return "none: find the fault first"
        if self.batch * self.sequence >= MANY:
            return "sequence weights"
        if self.batch * self.cut >= FEW:
            return f"sequence weights, cut at {CAP:g}"
        if self.token >= HALF:
            return f"token weights, cut at {CAP:g}"
        return "none: close the gap first"


# --8<-- [end:judge]
def judge(replies: Sequence[Reply], batch: int) -> Verdict:
    """Test the mean weight, then price each level of correction."""
    mean, error = shares.mean_weight(replies)
    whole = shares.cut(replies, max(len(reply.sampler) for reply in replies))
    tokens = [log for reply in replies for log in reply.log_ratios()]
    return Verdict(
        batch=batch,
        mean=mean,
        error=error,
        token=shares.effective_share(tokens),
        sequence=min(shares.effective_share(whole), shares.normal_share(pvariance(whole))),
        cut=shares.effective_share([min(log, math.log(CAP)) for log in whole]),
    )
