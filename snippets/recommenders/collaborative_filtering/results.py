"""What the search found: budgets, intervals, five searches, and what the lists are worth."""

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from snippets.recommenders.collaborative_filtering import budget, truth
from snippets.recommenders.collaborative_filtering.budget import (
    BUDGETS,
    COUNT,
    MOVIES,
    WORLD,
    against,
    found,
    lead,
    mean,
)
from snippets.recommenders.collaborative_filtering.search import METHODS
from snippets.recommenders.collaborative_filtering.truth import FAMES, random_worth, worth


def example_budget() -> None:
    """Expected NDCG@10 on test users of the best of n, by method, on both data sets."""
    for data in (MOVIES, WORLD):
        users = len(budget.tasks(data)[1].users)
        print(
            f"{f'{data}, {users} users':28s}"
            + "".join(f"{f'n = {n}':>9s}" for n in BUDGETS)
        )
        for method in (*METHODS, *(["BPR, narrow"] if data == WORLD else [])):
            print(
                f"{method:28s}" + "".join(f"{mean(data, method, n):9.4f}" for n in BUDGETS)
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
        print(f"{method:12s}{mean(WORLD, method, COUNT):9.4f}{worths}{follows}")
    print(f"{'at random':21s}" + "".join(f"{random_worth(fame):10.2f}" for fame in FAMES))


NAMES = {
    "ease": "EASE",
    "ials": "iALS",
    "bpr": "BPR",
    "narrow": "BPR, narrow",
    "popularity": "popularity",
}
LABELS = {
    MOVIES: {
        "EASE": (6.2, 0.226),
        "popularity": (5, 0.186),
        "iALS": (1.05, 0.198),
        "BPR": (6, 0.156),
    },
    WORLD: {
        "EASE": (7, 0.203),
        "popularity": (3.6, 0.107),
        "iALS": (2.2, 0.222),
        "BPR": (1.6, 0.161),
    },
}


def panel(axes: Axes, data: str) -> None:
    """The curves of one data set, each with its name."""
    budgets = range(1, COUNT + 1)
    for color, method in enumerate(METHODS):
        axes.plot(budgets, [mean(data, method, n) for n in budgets], color=f"C{color}")
        axes.annotate(method, LABELS[data][method], color=f"C{color}", fontsize=9)
    axes.set_xscale("log")
    axes.set_xticks([1, 2, 4, 8, 16], ["1", "2", "4", "8", "16"])
    axes.minorticks_off()
    axes.spines[["top", "right"]].set_visible(False)
    axes.set_xlabel(f"trials, {data}")


def figure_budget() -> Figure:
    """Expected test score of the best of n trials, on both data sets."""
    figure = Figure(figsize=(5.4, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    panel(left, MOVIES)
    panel(right, WORLD)
    left.set_ylabel("expected NDCG@10, test users")
    return figure


def figure_truth() -> Figure:
    """Each dot one configuration: its score on plays, and what its lists are worth."""
    figure = Figure(figsize=(5.4, 3.2), layout="constrained")
    for axes, fame in zip(figure.subplots(1, 2, sharey=True), FAMES, strict=True):
        for color, method in enumerate(METHODS):
            tried = found(WORLD, method)
            worths = [worth(lists, fame) for lists in tried.lists]
            scored = tried.test.mean(axis=1)
            axes.plot(scored, worths, "o", color=f"C{color}", markersize=4, label=method)
        axes.axhline(random_worth(fame), color="gray", linewidth=0.8)
        axes.spines[["top", "right"]].set_visible(False)
        axes.set(
            xlabel=f"NDCG@10, fame is {'liking' if fame == 'liked' else 'exposure'}",
            ylim=(0, 0.9),
        )
        if fame == "liked":
            axes.set_ylabel("worth of the lists")
            axes.annotate(
                "titles at random",
                (0.13, random_worth(fame) - 0.06),
                color="gray",
                fontsize=9,
            )
            axes.legend(frameon=False, fontsize=8, loc="upper left", handletextpad=0)
    return figure


def facts() -> dict[str, str]:
    """Numbers that the page states about budgets and worths."""
    world = {
        f"{name}_{n}": f"{mean(WORLD, method, n):.2f}"
        for name, method in NAMES.items()
        for n in (1, 16)
    }
    movies = {
        f"{name}_{n}_movies": f"{mean(MOVIES, method, n):.3f}"
        for name, method in NAMES.items()
        if method in METHODS
        for n in (1, 16)
    }
    return {
        **world,
        **movies,
        "users_movies": f"{len(budget.tasks(MOVIES)[1].users)}",
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
