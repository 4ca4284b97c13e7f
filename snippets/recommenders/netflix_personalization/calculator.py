"""The calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated

from snippets.recommenders.netflix_personalization import ageing

CURVES = """\
0 0.381 0.325
1 0.073 0.123
2 0.071 0.092
4 0.073 0.089
8 0.075 0.092"""

Curve = list[tuple[int, float]]


def read(curves: str) -> tuple[Curve, Curve]:
    """Two curves of accuracy over missed plays, from three numbers a line."""
    rows = []
    for number, line in enumerate(curves.strip().splitlines(), 1):
        try:
            count, one, several = line.split()
            rows.append((int(count), float(one), float(several)))
        except ValueError:
            raise refusal(
                f"line {number}: {line!r} is not a count and two accuracies"
            ) from None
    if (
        not rows
        or [row[0] for row in rows] != sorted({row[0] for row in rows})
        or rows[0][0]
    ):
        raise refusal("the counts of missed plays must begin at 0 and rise")
    return [(k, one) for k, one, _ in rows], [(k, several) for k, _, several in rows]


def refusal(words: str) -> ValueError:
    """An error that the form shows at the curves."""
    error = ValueError(words)
    error.field = "curves"  # type: ignore[attr-defined]
    return error


def cache_age(
    period: Annotated[float, "hours", (0.05, 336.0)] = 24.0,
    visits: Annotated[float, "", (0.05, 50.0)] = 1.0,
    plays: Annotated[float, "", (0.05, 50.0)] = 2.0,
    limit: Annotated[float, "hours", (0.0, 336.0)] = 12.0,
    curves: str = CURVES,
    *,
    members: Annotated[float, "million", (0.001, 10_000.0)] = 100.0,
    price: Annotated[float, "$", (0.0, 1_000.0)] = 0.02,
) -> dict[str, object]:
    """How old is what you serve, what does it cost, and which target suits the cache?

    Args:
        period: Refresh period. Each member's result is computed anew after it.
        visits: Visits of a member per day. At random times.
        plays: Plays of a member per day. At random times, known only at the next refresh.
        limit: Too old from here on.
        curves: Accuracy by missed plays. A line each: plays missed, accuracy of a model of the
            next play, accuracy of a model of several. The default is this page's ordered world.
        members: Members.
        price: Price of a thousand results.
    """
    one, several = read(curves)
    each_day = ageing.HOURS / period
    daily = members * 1e6 * price / 1000
    periods = [0.25, 0.5, 1, 2, 4, 8, 12, 24, 48, 96, 168]
    scores = [ageing.expected(period, plays, curve) for curve in (one, several)]
    return {
        "accuracy, next play as target": f"{scores[0]:.3f}",
        "accuracy, several plays as target": f"{scores[1]:.3f}",
        "requests served older than the limit": f"{ageing.older(period, limit):.0%}",
        "requests with a play missed": f"{ageing.missed_any(period, plays):.0%}",
        "refreshes that nobody sees": f"{ageing.unserved(period, visits):.0%}",
        "cost a day, cached": f"${each_day * daily:,.0f}",
        "cost a day, on request": f"${visits * daily:,.0f}",
        "the cache costs less above": f"{ageing.break_even(visits):,.1f} hours",
        "lines": {
            "x": "refresh period, hours",
            "y": "accuracy",
            "log": "x",
            "series": {
                "next play": [(p, ageing.expected(p, plays, one)) for p in periods],
                "several plays": [(p, ageing.expected(p, plays, several)) for p in periods],
            },
            "points": {"yours": (period, scores[0])},
        },
    }


def served(period: float, several: bool) -> float:
    """Accuracy with the page's defaults, by refresh period."""
    return ageing.expected(period, 2.0, read(CURVES)[several])


def crossing(low: float = 1.0, high: float = 168.0) -> float:
    """The refresh period, in hours, from which several plays are the better target."""
    for _ in range(60):
        middle = (low + high) / 2
        if served(middle, several=False) > served(middle, several=True):
            low = middle
        else:
            high = middle
    return low


def weekly() -> float:
    """The break-even period, in hours, of a member who comes once in seven days."""
    return ageing.break_even(1.0 / 7.0)


def facts() -> dict[str, str]:
    """Numbers that the page states about a cache."""
    return {
        "older_half": f"{ageing.older(24.0, 12.0):.0%}",
        "missed_day": f"{ageing.missed_any(24.0, 2.0):.0%}",
        "unseen_day": f"{ageing.unserved(24.0, 1.0):.0%}",
        "unseen_hour": f"{ageing.unserved(1.0, 1.0):.0%}",
        "one_hour": f"{served(1.0, several=False):.3f}",
        "several_hour": f"{served(1.0, several=True):.3f}",
        "one_day": f"{served(24.0, several=False):.3f}",
        "several_day": f"{served(24.0, several=True):.3f}",
        "crossing": f"{crossing():.0f} hours",
        "break_even_weekly": f"{weekly():.0f}",
    }
