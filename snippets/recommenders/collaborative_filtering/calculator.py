"""The calculator of the page. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from collections import Counter
from typing import Annotated

from snippets.recommenders.collaborative_filtering.small import Matrix, ease, scored

DEFAULT = """\
Ann: Alien, Brazil
Ben: Alien, Brazil, Dune, Heat
Cem: Alien, Dune, Fargo, Heat
Dia: Brazil, Fargo, Gilda
Eli: Alien, Brazil, Gilda
Fay: Casino, Dune, Heat
Gus: Casino, Heat, Fargo
Hal: Casino, Dune, Heat, Fargo"""


def read(rows: str) -> tuple[list[str], list[str], Matrix]:
    """Users, titles in alphabetical order, and plays [U, I]; a title named twice counts twice."""
    histories: dict[str, Counter[str]] = {}
    for number, line in enumerate(rows.splitlines(), start=1):
        if not line.strip():
            continue
        user, colon, titles = line.partition(":")
        if not colon or not titles.strip():
            raise problem(
                "rows", f"line {number}: write a user, a colon, and titles with commas"
            )
        histories.setdefault(user.strip(), Counter()).update(
            title.strip() for title in titles.split(",") if title.strip()
        )
    names = sorted({title for history in histories.values() for title in history})
    if len(histories) < 2 or not 2 <= len(names) <= 40 or len(histories) > 60:
        raise problem("rows", "write 2 to 60 users and 2 to 40 titles")
    return (
        list(histories),
        names,
        [[float(h[name]) for name in names] for h in histories.values()],
    )


def problem(field: str, words: str) -> ValueError:
    """An error that the form shows at one of its inputs."""
    error = ValueError(words)
    error.field = field  # type: ignore[attr-defined]
    return error


def small_matrix(
    rows: str = DEFAULT,
    user: Annotated[int, "", (1, 60)] = 1,
    alpha: Annotated[float, "", (0.0, 1000.0)] = 0.5,
    lam: Annotated[float, "", (0.001, 1000.0)] = 3.0,
    rank: Annotated[int, "", (1, 6)] = 2,
    *,
    ease_lam: Annotated[float, "", (0.001, 10_000.0)] = 1.0,
) -> dict[str, object]:
    """What does one user see first, and which knob changes it?

    Args:
        rows: Histories, one user a line. A user, a colon, then titles with commas.
        user: User to recommend to. The number of the line.
        alpha: Extra weight of a play, $\\alpha$.
        lam: Penalty of iALS, $\\lambda$.
        rank: Dimensions of iALS, $F$.
        ease_lam: Penalty of EASE, $\\lambda$.
    """
    users, names, plays = read(rows)
    if not 1 <= user <= len(users):
        raise problem("user", f"there are {len(users)} users")
    row = plays[user - 1]
    new = [i for i, r in enumerate(row) if not r]
    if not new:
        raise problem("user", f"{users[user - 1]} has played every title")
    by_factors = scored(plays, row, rank, alpha, lam)
    weights = ease(plays, ease_lam)
    by_ease = [sum(r * weights[j][i] for j, r in enumerate(row)) for i in range(len(names))]
    counts = [sum(line[i] for line in plays) for i in range(len(names))]
    first = [max(new, key=scores.__getitem__) for scores in (by_factors, by_ease, counts)]
    grid = [0.0, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0]
    leaders: dict[str, float] = {}
    for a in grid:
        curve = scored(plays, row, rank, a, lam)
        leaders.setdefault(names[max(new, key=curve.__getitem__)], a)
    order = sorted(new, key=lambda i: -by_factors[i])
    return {
        "first by iALS": names[first[0]],
        "first by EASE": names[first[1]],
        "first by popularity": names[first[2]],
        "first by iALS as α grows": ", ".join(
            f"{name} (from {a:g})" for name, a in leaders.items()
        ),
        "table": [
            ["title", "iALS", "EASE", "plays"],
            *([names[i], f"{by_factors[i]:.3f}", f"{by_ease[i]:.3f}", f"{counts[i]:g}"] for i in order),
        ],
    }  # fmt: skip
