"""One title is taken down from a faiss index; what do the others answer to?"""

from __future__ import annotations

from typing import Any

import faiss
import numpy as np

from snippets.recommenders.two_tower.inverted import Rows

KINDS = ("IDMap,Flat", "IVF10,Flat", "IDMap,IVF10,Flat")
FIRST, COUNT, WIDTH = 2000, 500, 32


def answers(kind: str, gone: int) -> tuple[Rows, Rows]:
    """Names that should answer to their own vectors, and those that do, after one removal."""
    faiss.omp_set_num_threads(1)
    names = np.arange(FIRST, FIRST + COUNT)
    vectors = np.random.default_rng(0).normal(size=(COUNT, WIDTH)).astype("float32")
    index: Any = faiss.index_factory(WIDTH, kind)
    index.train(vectors)
    index.add_with_ids(vectors, names)
    index.remove_ids(np.array([gone]))
    if "IVF" in kind:
        faiss.extract_index_ivf(index).nprobe = 10  # all lists
    left = names != gone
    _, found = index.search(vectors[left], 1)
    return names[left], found[:, 0]


def right(kind: str, gone: int) -> float:
    """Share of titles that answer to their own vector."""
    names, found = answers(kind, gone)
    return float((names == found).mean())


def example_takedown() -> None:
    """Share of titles that find themselves after one removal, and what the last two answer."""
    for gone in (FIRST, FIRST + COUNT // 2):
        for kind in KINDS:
            names, found = answers(kind, gone)
            last = ", ".join(
                f"{a} as {b}" for a, b in zip(names[-2:], found[-2:], strict=True)
            )
            print(f"without {gone}: {kind:18s}{right(kind, gone):5.0%} right; {last}")


def right_first() -> float:
    """Share that is right after the first title is gone, where two keep the books."""
    return right(KINDS[-1], FIRST)


def right_middle() -> float:
    """The same after a title in the middle is gone."""
    return right(KINDS[-1], FIRST + COUNT // 2)


def facts() -> dict[str, str]:
    """Numbers that the page states about removals."""
    return {
        "right_first": f"{right_first():.0%}",
        "right_middle": f"{right_middle():.0%}",
    }


if __name__ == "__main__":
    example_takedown()
