"""The calculators of the page. Standard library only, so that they also run in a browser."""

from __future__ import annotations

import math
from typing import Annotated

from snippets.rl.on_and_off_policy import shares
from snippets.rl.on_and_off_policy.logs import read
from snippets.rl.on_and_off_policy.verdict import judge

DEFAULT = """\
{"sampler": [-0.21, -1.94, -0.05, -3.10, -0.62, -0.33], "trainer": [-0.25, -1.85, -0.05, -3.31, -0.60, -0.30]}
{"sampler": [-2.40, -0.11, -0.87, -0.02, -1.53, -0.71], "trainer": [-2.29, -0.12, -0.95, -0.02, -1.61, -0.66]}
{"sampler": [-0.48, -0.93, -2.75, -0.16, -0.09, -1.20], "trainer": [-0.45, -1.01, -2.62, -0.17, -0.09, -1.12]}
{"sampler": [-1.07, -0.28, -0.41, -4.02, -0.36, -0.15], "trainer": [-1.02, -0.30, -0.39, -4.20, -0.35, -0.16]}"""


def paste_log(
    log: str = DEFAULT,
    batch: Annotated[int, "replies", (1, 1_000_000)] = 1024,
) -> dict[str, object]:
    """Paste logged log-probabilities: what is the batch worth, and which correction does it support?

    Args:
        log: Replies, one per line of JSON. The fields `sampler` and `trainer` hold the
            log-probabilities of the tokens that the policy wrote.
        batch: Replies per training step, $B$.
    """
    replies = read(log)
    found = judge(replies, batch)
    rows = shares.by_length(replies)
    return {
        "supported": found.correction,
        "mean weight of a token": f"{found.mean:.4f} ± {found.error:.4f}",
        "spread of a token's log ratio": f"{shares.token_spread(replies):.4f} nats",
        "effective replies, sequence weights": f"{batch * found.sequence:,.0f} of {batch:,}",
        "effective replies, cut at 2": f"{batch * found.cut:,.0f} of {batch:,}",
        "replies read": f"{len(replies):,}",
        "table": [
            ["first tokens", "share measured", "share predicted"],
            *([f"{n:,}", f"{seen:.3f}", f"{told:.3f}"] for n, seen, told in rows),
        ],
    }


def sample_budget(
    spread: Annotated[float, "nats", (0.0001, 2.0)] = 0.02,
    tokens: Annotated[int, "tokens", (1, 1_000_000)] = 8192,
    batch: Annotated[int, "replies", (1, 1_000_000)] = 1024,
    cap: Annotated[float, "", (1.0, 100.0)] = 3.0,
) -> dict[str, object]:
    """How many replies is a batch worth, given a gap per token and a length?

    Args:
        spread: Spread of a token's log ratio, $\\sigma$. The standard deviation of trainer minus sampler.
        tokens: Tokens per reply, $S$.
        batch: Replies per training step, $B$.
        cap: Cap of a reply's weight, $c$.
    """
    variance = tokens * spread**2
    share = shares.normal_share(variance)
    lengths = [2**i for i in range(4, 18)]
    return {
        "effective replies, sequence weights": f"{batch * share:,.1f} of {batch:,}",
        "effective share": f"{share:.2%}",
        "half of the batch is left up to": f"{shares.longest(spread, 0.5):,.0f} tokens",
        "replies above the cap": f"{shares.beyond(variance, cap):.1%}",
        "mean weight, if those are dropped": f"{shares.masked_mean(variance, cap):.3f}",
        "mean weight, if those are cut": f"{shares.truncated_mean(variance, cap):.3f}",
        "effective replies, if those are cut": f"{batch * shares.truncated_share(variance, cap):,.1f}",
        "lines": {
            "x": "tokens per reply", "y": "effective share", "log": "x",
            "series": {
                "sequence weights": [(n, math.exp(-n * spread**2)) for n in lengths],
                "cut at the cap": [(n, shares.truncated_share(n * spread**2, cap)) for n in lengths],
            },
            "points": {"yours": (tokens, share)},
        },
    }  # fmt: skip


TOKENS, SPREAD, REPLIES = 8192, 0.02, 1024  # of the page's opening
VARIANCE = TOKENS * SPREAD**2


def opening() -> float:
    """Effective replies of the page's opening, with sequence weights."""
    return REPLIES * shares.normal_share(VARIANCE)


def opening_cut() -> float:
    """The same, with weights cut at 3."""
    return REPLIES * shares.truncated_share(VARIANCE, 3.0)


def facts() -> dict[str, str]:
    """Numbers that the page states about effective replies."""
    return {
        "opening": f"{opening():.0f}",
        "opening_cut": f"{opening_cut():.0f}",
        "half_length": f"{shares.longest(SPREAD, 0.5):,.0f}",
        "dropped_mean": f"{shares.masked_mean(VARIANCE, 3.0):.2f}",
        "cut_mean": f"{shares.truncated_mean(VARIANCE, 3.0):.2f}",
    }
