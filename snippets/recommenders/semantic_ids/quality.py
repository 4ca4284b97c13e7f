"""What codes can be judged by before a model is trained on them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from snippets.recommenders.semantic_ids.residual import decode, encode, fit
from snippets.recommenders.semantic_ids.vectors import neighbors, trained

Array = NDArray[np.float64]
Codes = NDArray[np.int64]

LEVELS, SIZE = 3, 16


# --8<-- [start:judge]
@dataclass(frozen=True)
class Verdict:
    """What codes are worth; `chance` is what `agreement` would be if they meant nothing."""

    distinct: float  # different tuples, divided by items
    used: list[int]  # codes in use, for each level
    largest: int  # items in the fullest tuple
    explained: float  # share of the vectors' variance that the codes' centers give back
    agreement: float  # share of the ten nearest neighbors with the same first code
    chance: float


def judge(codes: Codes, vectors: Array, books: Array) -> Verdict:
    """Judge codes [T, q] of the titles at `vectors` [T, F]."""
    _, members = np.unique(codes, axis=0, return_counts=True)
    first = codes[:, 0]
    share = np.bincount(first) / len(first)
    missed = ((vectors - decode(codes, books)) ** 2).sum()
    return Verdict(
        distinct=len(members) / len(codes),
        used=[len(np.unique(level)) for level in codes.T],
        largest=int(members.max()),
        explained=float(1 - missed / ((vectors - vectors.mean(0)) ** 2).sum()),
        agreement=float((first[neighbors(vectors)] == first[:, None]).mean()),
        chance=float((share**2).sum()),
    )


# --8<-- [end:judge]
# --8<-- [start:kept]
def kept(old: Codes, new: Codes) -> list[float]:
    """Share of titles whose first 1, 2, … q codes are all as before."""
    same = np.cumprod(old == new, axis=1)
    shares: list[float] = same.mean(0).tolist()
    return shares


# --8<-- [end:kept]
def candidates(seed: int = 0) -> dict[str, tuple[Codes, Array]]:
    """Four ways to give the titles codes, with the codebooks that belong to them."""
    placed = trained()
    books = fit(placed, LEVELS, SIZE, seed)
    codes = encode(placed, books)
    near = fit(placed, 1, SIZE, seed)
    drawn = np.random.default_rng(seed).integers(0, SIZE, codes.shape)
    padded = np.pad(encode(placed, near), ((0, 0), (0, LEVELS - 1)))
    return {
        "RQ-k-means": (codes, books),
        "one level": (
            padded,
            np.concatenate([near, np.zeros((LEVELS - 1, *near.shape[1:]))]),
        ),
        "drawn at random": (drawn, books),
        "right codes, next row": (np.roll(codes, 1, axis=0), books),
    }


def verdict(name: str) -> Verdict:
    """What is found for one of them."""
    return judge(candidates()[name][0], trained(), candidates()[name][1])


def example_judge() -> None:
    """Four sets of codes, judged before any training."""
    print(
        "                       distinct  used        largest  explained  agreement  (chance)"
    )
    for name in candidates():
        v = verdict(name)
        used = " ".join(str(n) for n in v.used)
        print(
            f"{name:22s} {v.distinct:8.3f}  {used:10s} {v.largest:8d} {v.explained:10.2f} "
            f"{v.agreement:10.2f} {v.chance:9.2f}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about our titles' codes."""
    return {
        "rq_distinct": f"{verdict('RQ-k-means').distinct:.3f}",
        "drawn_distinct": f"{verdict('drawn at random').distinct:.3f}",
        "rq_agreement": f"{verdict('RQ-k-means').agreement:.2f}",
        "rolled_agreement": f"{verdict('right codes, next row').agreement:.2f}",
    }


if __name__ == "__main__":
    example_judge()
