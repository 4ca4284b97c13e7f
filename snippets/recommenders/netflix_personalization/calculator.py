"""The calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated

from snippets.recommenders.netflix_personalization import ageing

CURVES = """\
0 0.377 0.322 0.378
1 0.072 0.118 0.122
2 0.076 0.093 0.088
4 0.071 0.087 0.080
8 0.076 0.092 0.087"""
MODELS = ("next play", "five, equal weights", "five, halving weights")  # of the default

NEXT, EQUAL, HALVING = MODELS

Curve = list[tuple[int, float]]


def read(curves: str) -> list[Curve]:
    """A curve for each model: accuracy over missed plays, from a line for each count."""
    rows = []
    for number, line in enumerate(curves.strip().splitlines(), 1):
        try:
            count, *right = line.split()
            rows.append((int(count), [float(one) for one in right]))
        except ValueError:
            raise refusal(
                f"line {number}: {line!r} is not a count and accuracies"
            ) from None
    counts = [count for count, _ in rows]
    if not rows or counts != sorted(set(counts)) or counts[0] != 0:
        raise refusal("the counts of missed plays must begin at 0 and rise")
    if len({len(right) for _, right in rows}) > 1 or not rows[0][1]:
        raise refusal("each line needs the same number of accuracies, at least one")
    return [
        [(count, right[model]) for count, right in rows] for model in range(len(rows[0][1]))
    ]


def named(curves: str) -> list[tuple[str, Curve]]:
    """The curves with names: those of the default, or numbers."""
    found = read(curves)
    names = (
        MODELS
        if len(found) == len(MODELS)
        else [f"model {i + 1}" for i in range(len(found))]
    )
    return list(zip(names, found, strict=True))


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
        curves: Accuracy by missed plays. A line each: plays missed, then the accuracy of each
            model. The default holds this page's three targets in the world with sequels.
        members: Members of the service.
        price: Price of a thousand results.
    """
    models = named(curves)
    each_day = ageing.HOURS / period
    daily = members * 1e6 * price / 1000
    periods = [0.25, 0.5, 1, 2, 4, 8, 12, 24, 48, 96, 168]
    scores = {name: ageing.expected(period, plays, curve) for name, curve in models}
    best = max(scores, key=scores.__getitem__)
    return {
        "best target": best,
        **{f"accuracy, {name}": f"{score:.3f}" for name, score in scores.items()},
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
                name: [(p, ageing.expected(p, plays, curve)) for p in periods]
                for name, curve in models
            },
            "points": {"yours": (period, scores[best])},
        },
    }


def served(period: float, model: str) -> float:
    """Accuracy with the page's defaults, by refresh period."""
    return ageing.expected(period, 2.0, dict(named(CURVES))[model])


def crossing(low: float = 1.0, high: float = 168.0) -> float:
    """The refresh period, in hours, from which five plays of equal weight are the better target."""
    for _ in range(60):
        middle = (low + high) / 2
        if served(middle, NEXT) > served(middle, EQUAL):
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
        "next_day": f"{served(24.0, NEXT):.3f}",
        "equal_day": f"{served(24.0, EQUAL):.3f}",
        "halving_day": f"{served(24.0, HALVING):.3f}",
        "crossing": f"{crossing():.0f} hours",
        "break_even_weekly": f"{weekly():.0f}",
    }
