# /// fieldguide
# timeout_s = 240
# ///
"""What the search found: budgets, intervals, five searches, and what the lists are worth."""

from matplotlib.figure import Figure

from snippets.recommenders.collaborative_filtering import budget, plots, truth
from snippets.recommenders.collaborative_filtering.budget import (
    BUDGETS,
    COUNT,
    MOVIES,
    WORLD,
    against,
    lead,
    reached,
)
from snippets.recommenders.collaborative_filtering.search import METHODS
from snippets.recommenders.collaborative_filtering.truth import FAMES, random_worth


def example_budget() -> None:
    """Expected NDCG@10 on test users of the best of n, by method, on both data sets."""
    for data in (MOVIES, WORLD):
        users = budget.judged(data)
        print(
            f"{f'{data}, {users} users':28s}"
            + "".join(f"{f'n = {n}':>9s}" for n in BUDGETS)
        )
        for method in (*METHODS, *(["BPR, narrow"] if data == WORLD else [])):
            print(
                f"{method:28s}"
                + "".join(f"{reached(data, method, n):9.4f}" for n in BUDGETS)
            )


def example_pairs() -> None:
    """The difference to EASE after as many trials, with its interval over users."""
    for data in (MOVIES, WORLD):
        print(f"{data:18s}" + "".join(f"{f'n = {n}':>19s}" for n in (1, 4, 16)))
        for method in ("popularity", "iALS", "BPR"):
            cells = [against(data, method, n, "EASE", n) for n in (1, 4, 16)]
            print(f"{method:18s}" + "".join(f"{d:+10.4f} ± {w:.4f}" for d, w in cells))


def example_unequal() -> None:
    """A method after 16 trials minus another after one, on MovieLens small."""
    print(f"{'16 trials':12s}{'one trial':12s}{'difference':>12s}")
    for one in METHODS[:3]:
        for two in METHODS[:3]:
            if one != two:
                d, w = against(MOVIES, one, COUNT, two, 1)
                print(f"{one:12s}{two:12s}{d:+12.4f} ± {w:.4f}{'  clear' if d > w else ''}")


def example_searches() -> None:
    """Five searches in the world: NDCG@10 of iALS minus that of EASE, by budget."""
    print("search" + "".join(f"{f'n = {n}':>9s}" for n in BUDGETS))
    for seed in range(5):
        print(f"{seed:6d}" + "".join(f"{lead(seed, n):+9.4f}" for n in BUDGETS))


def example_truth() -> None:
    """Each method's chosen lists: score on plays, worth in both worlds, and what tuning follows."""
    print(
        f"{'':12s}{'NDCG@10':>9s}"
        + "".join(f"{f'if {fame}':>10s}" for fame in FAMES)
        + "   correlations"
    )
    for method in METHODS:
        worths = "".join(f"{truth.chosen(method, fame):10.2f}" for fame in FAMES)
        follows = "".join(f"{truth.agreement(method, fame):8.2f}" for fame in FAMES)
        print(f"{method:12s}{reached(WORLD, method, COUNT):9.4f}{worths}{follows}")
    print(f"{'at random':21s}" + "".join(f"{random_worth(fame):10.2f}" for fame in FAMES))


def figure_budget() -> Figure:
    """Expected test score of the best of n trials, on both data sets."""
    return plots.budgets()


def figure_truth() -> Figure:
    """Each dot one configuration: its score on plays, and what its lists are worth."""
    return plots.worths()


def facts() -> dict[str, str]:
    """Numbers that the page states about budgets and worths."""
    return {
        "ials_1": f"{reached(WORLD, 'iALS', 1):.2f}",
        "ials_16": f"{reached(WORLD, 'iALS', COUNT):.2f}",
        "ease_16": f"{reached(WORLD, 'EASE', COUNT):.2f}",
        "bpr_16": f"{reached(WORLD, 'BPR', COUNT):.2f}",
        "narrow_1": f"{reached(WORLD, 'BPR, narrow', 1):.2f}",
        "narrow_16": f"{reached(WORLD, 'BPR, narrow', COUNT):.2f}",
        "users_movies": f"{budget.judged(MOVIES)}",
        "popularity_shown": f"{truth.chosen('popularity', 'shown'):.2f}",
        "random_shown": f"{random_worth('shown'):.2f}",
        "ials_liked": f"{truth.chosen('iALS', 'liked'):.2f}",
        "ials_shown": f"{truth.chosen('iALS', 'shown'):.2f}",
        "follows_shown": f"{truth.agreement('popularity', 'shown'):.2f}",
    }


if __name__ == "__main__":
    example_budget()
    example_pairs()
    example_unequal()
    example_searches()
    example_truth()
