"""iALS and EASE in plain Python, for matrices that one can type. Standard library only."""

from __future__ import annotations

import random

Matrix = list[list[float]]


def solve(left: Matrix, right: Matrix) -> Matrix:
    """X of left X = right, by elimination; left is positive definite."""
    rows = [a + b for a, b in zip(left, right, strict=True)]
    for k, pivot in enumerate(rows):
        pivot[:] = [x / pivot[k] for x in pivot]
        for i, row in enumerate(rows):
            if i != k and row[k]:
                row[:] = [x - row[k] * y for x, y in zip(row, pivot, strict=True)]
    return [row[len(left) :] for row in rows]


def half_step(plays: Matrix, items: Matrix, alpha: float, lam: float) -> Matrix:
    """The best factors of each row while those of the columns stand still."""
    rank = range(len(items[0]))
    found = []
    for row in plays:
        weight = [1 + alpha * r for r in row]
        left = [[sum(w * y[f] * y[g] for w, y in zip(weight, items, strict=True)) + lam * (f == g) for g in rank]
                for f in rank]  # fmt: skip
        right = [
            [sum(w * y[f] for w, y, r in zip(weight, items, row, strict=True) if r)]
            for f in rank
        ]
        found.append([value for (value,) in solve(left, right)])
    return found


def ials(plays: Matrix, rank: int, alpha: float, lam: float, rounds: int = 20) -> Matrix:
    """Factors of the titles [I, F], from a seeded start."""
    dice = random.Random(0)
    items = [[dice.gauss(0, 0.3) for _ in range(rank)] for _ in plays[0]]
    turned = [list(column) for column in zip(*plays, strict=True)]
    for _ in range(rounds):
        items = half_step(turned, half_step(plays, items, alpha, lam), alpha, lam)
    return items


def ease(plays: Matrix, lam: float) -> Matrix:
    """EASE's weights of title on title [I, I]."""
    size = range(len(plays[0]))
    gram = [
        [sum(row[i] * row[j] for row in plays) + lam * (i == j) for j in size] for i in size
    ]
    inverse = solve(gram, [[float(i == j) for j in size] for i in size])
    return [[0.0 if i == j else -inverse[i][j] / inverse[j][j] for j in size] for i in size]


def scored(
    plays: Matrix, row: list[float], rank: int, alpha: float, lam: float
) -> list[float]:
    """iALS's score of each title for a history."""
    items = ials(plays, rank, alpha, lam)
    user = half_step([row], items, alpha, lam)[0]
    return [sum(a * b for a, b in zip(user, item, strict=True)) for item in items]
