"""What each token of your own group gets: the calculator of the page. Standard library only."""

from __future__ import annotations

from math import sqrt
from typing import Annotated, Literal

GROUP = """1 3
0 9
0 24
1 12
"""


def read(group: str) -> list[tuple[float, int]]:
    """Reward and tokens of each reply, one a line."""
    found = []
    for number, line in enumerate(group.splitlines(), 1):
        if not line.strip():
            continue
        try:
            reward, length = line.replace(",", " ").split()
            found.append((float(reward), int(length)))
        except ValueError:
            raise refused(
                f"line {number} is {line!r}: it needs a reward and a number of tokens."
            ) from None
    if len(found) < 2:
        raise refused("a group has at least two replies.")
    if min(length for _, length in found) < 1:
        raise refused("each reply has at least one token.")
    return found


def refused(why: str) -> ValueError:
    """A complaint about the group."""
    error = ValueError(why)
    error.field = "group"  # type: ignore[attr-defined]
    return error


def gains(rewards: list[float], baseline: str, scale: bool) -> list[float]:
    """The advantage of each reply."""
    size, mean = len(rewards), sum(rewards) / len(rewards)
    spread = sqrt(sum((r - mean) ** 2 for r in rewards) / (size - 1))
    centered = [r - (0 if baseline == "none" else mean) for r in rewards]
    if baseline == "others":
        centered = [c * size / (size - 1) for c in centered]
    return [c / (spread + 1e-6) for c in centered] if scale else centered


def weights(
    group: str = GROUP,
    baseline: Literal["group", "others", "none"] = "group",
    scale: bool = True,
    divide: Literal["reply", "tokens", "limit"] = "reply",
    limit: Annotated[int, "tokens", (1, 1_000_000)] = 24,
) -> dict[str, object]:
    """How hard does one step pull each token of a group?

    Args:
        group: The group. One reply a line: its reward, then its tokens.
        baseline: Mean that is subtracted. Of the group, of the other replies, or none.
        scale: Divide by the group's deviation.
        divide: Length that divides. Of each reply, of all replies together, or the longest allowed.
        limit: Longest reply allowed.
    """
    replies = read(group)
    advantage = gains([reward for reward, _ in replies], baseline, scale)
    lengths = [length for _, length in replies]
    if divide == "limit" and max(lengths) > limit:
        raise refused(
            f"a reply of {max(lengths)} tokens is longer than the limit of {limit}."
        )
    size, total = len(replies), sum(lengths)
    by = {
        "reply": [size * n for n in lengths],
        "tokens": [total] * size,
        "limit": [size * limit] * size,
    }
    pull = [a / d for a, d in zip(advantage, by[divide], strict=True)]
    whole = [p * n for p, n in zip(pull, lengths, strict=True)]
    rows = [
        [f"{reward:g}", f"{n}", f"{a:+.3f}", f"{p:+.5f}", f"{w:+.4f}"]
        for (reward, n), a, p, w in zip(replies, advantage, pull, whole, strict=True)
    ]
    sizes = [abs(p) for p in pull if p]
    uneven = f"{max(sizes) / min(sizes):.1f} to 1" if sizes else "no token is pulled"
    return {
        "hardest pulled token against the least pulled": uneven,
        "loss on the dashboard": f"{0.0 - round(sum(whole), 6):.3f}",
        "table": [
            ["reward", "tokens", "advantage", "pull on a token", "on the reply"],
            *rows,
        ],
        "unused": [] if divide == "limit" else ["limit"],
    }
