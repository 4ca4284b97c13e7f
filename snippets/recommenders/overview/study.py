# /// fieldguide
# timeout_s = 90
# ///
"""Tables, figures and facts of one study: ten services, each trained once."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from snippets.recommenders.overview import drawing, plots, remedies
from snippets.recommenders.overview.blind import WAYS, counted, error, seen
from snippets.recommenders.overview.charges import (
    WORLDS,
    charged,
    lost_plays,
    products,
    share,
    span,
)
from snippets.recommenders.overview.funnel import STAGES, service
from snippets.recommenders.overview.remedies import LAYOUTS, page_plays, reached
from snippets.recommenders.overview.sources import MERGES, merged


def example_charges() -> None:
    """What each stage loses, in both worlds."""
    for fame in WORLDS:
        shares, back, plays = charged(fame)
        print(f"{fame:10s}      best titles lost   shown if kept   plays lost")
        for i, stage in enumerate(STAGES):
            print(f"{stage:8s}{span(shares[:, i]):>24s}{back[:, i].mean():16.0%}{plays[:, i].mean():13.1%}")  # fmt: skip
        print(f"{'all':8s}{span(shares.sum(1)):>24s}{'':16s}{plays.sum(1).mean():13.1%}")


def example_recalls() -> None:
    """Recalls measured apart, their product, and what is really left."""
    print("world      factors   light   heavy              product           really left")
    for fame in WORLDS:
        row = products(fame)
        apart = "".join(f"{v:8.1%}" for v in row[:, :3].mean(0))
        print(f"{fame:10s}{apart}{span(row[:, 3]):>24s}{span(row[:, 4]):>24s}")


def example_layouts() -> None:
    """Each layout: scores, price, and what its page is worth in both worlds."""
    print(f"{'layout':24s} light  heavy   $ per 1,000    liked    shown")
    for name, widths in LAYOUTS.items():
        it = service("liked", 0).with_widths(**widths)
        light, heavy = remedies.scored(it)
        plays = "".join(f"{np.mean(page_plays(fame, name)):9.1%}" for fame in WORLDS)
        print(f"{name:24s}{light:6d}{heavy:7d}{remedies.dollars(it):14.4f}{plays}")


def example_ways() -> None:
    """What passes each stage, by five judges."""
    print(f"{'':23s}{WORLDS[0]:>13s}{WORLDS[1]:>27s}")
    print(f"{'judged by':23s}" + f"{'retrieve':>9s}{'light':>9s}{'heavy':>9s}" * 2)
    for way in WAYS:
        print(f"{way:23s}" + "".join(f"{v:9.1%}" for fame in WORLDS for v in seen(fame, way).mean(0)))  # fmt: skip


def example_units() -> None:
    """Two sources merged in three ways, with the factor scores in three units."""
    print("merged     unit   second source's share    liked    shown")
    for name in MERGES:
        for unit in (0.01, 1.0, 100.0):
            (second, liked), (_, shown) = (merged(fame, name, unit) for fame in WORLDS)
            print(f"{name:9s}{unit:6g}{second:24.1%}{liked:9.1%}{shown:9.1%}")


def example_release() -> None:
    """An audit before and after a release that widened retrieval: for an exercise."""
    print("                       before   after")
    before, after = "as it is", "300 from factors: all"
    for i, stage in enumerate(STAGES[:4]):
        rows = (reached("shown", before)[i], reached("shown", after)[i])
        print(f"left after {stage:12s}{rows[0]:6.1%}{rows[1]:8.1%}")
    plays = [np.mean(page_plays("shown", name)) for name in (before, after)]
    print(f"plays of the page      {plays[0]:6.1%}{plays[1]:8.1%}")


def figure_charges() -> str:
    """The funnel, and which stage lost how many of a hundred best titles."""
    return drawing.funnel({fame: charged(fame)[0].mean(0) for fame in WORLDS})


def figure_layouts() -> Figure:
    """Worth of the page by price, in both worlds."""
    prices = {name: remedies.dollars(service("liked", 0).with_widths(**w)) for name, w in LAYOUTS.items()}  # fmt: skip
    return plots.layouts(prices, {fame: {name: float(np.mean(page_plays(fame, name))) for name in LAYOUTS} for fame in WORLDS})  # fmt: skip


def plays(fame: str, layout: str) -> str:
    """The worth of a layout's page."""
    return f"{np.mean(page_plays(fame, layout)):.1%}"


def facts() -> dict[str, str]:
    """What the page says of the study."""
    wide, both, every = "300 from factors: all", "both: 30 + 10, light 40", "heavy on the catalog"  # fmt: skip
    return {
        "product_shown": share(products("shown")[:, 3]),
        "real_shown": share(products("shown")[:, 4]),
        "kept_shown": f"{reached('shown', 'as it is')[-1]:.0%}",
        "kept_liked": f"{reached('liked', 'as it is')[-1]:.0%}",
        "retrieve_shown": share(charged("shown")[0][:, 0]),
        "retrieve_liked": share(charged("liked")[0][:, 0]),
        "savable_shown": share(charged("shown")[1][:, 0]),
        "savable_light": share(charged("shown")[1][:, 1]),
        "lost_plays_shown": share(lost_plays("shown")),
        "lost_plays_liked": share(lost_plays("liked")),
        "as_it_is": plays("shown", "as it is"),
        "widened": plays("shown", wide),
        "second_source": plays("shown", "30 + 10 by content"),
        "most_liked": f"{remedies.gain('liked', every):.1f}",
        "merged": plays("shown", both),
        "whole_catalog": plays("shown", every),
        "price_merged": f"{remedies.dollars(service('shown', 0).with_widths(**LAYOUTS[both])):.4f}",
        "price_whole": f"{remedies.dollars(service('shown', 0).with_widths(**LAYOUTS[every])):.4f}",
        "light_after": f"{remedies.passes('shown', wide, 1):.0%}",
        "light_before": f"{remedies.passes('shown', 'as it is', 1):.0%}",
        "past_liked": share(seen("liked", "plays of the past weeks")[:, 0]),
        "past_shown": share(seen("shown", "plays of the past weeks")[:, 0]),
        "truth_liked": share(seen("liked", "truth")[:, 0]),
        "truth_shown": share(seen("shown", "truth")[:, 0]),
        "random_liked": share(seen("liked", "plays on random pages")[:, 0]),
        "random_shown": share(seen("shown", "plays on random pages")[:, 0]),
        "random_plays_liked": f"{counted('liked'):,}",
        "random_plays_shown": f"{counted('shown'):,}",
        "error_liked": f"{error('liked'):.1%}",
        "error_shown": f"{error('shown'):.1%}",
        "unit_liked": f"{merged('liked', 'by score', 0.01)[1]:.0%}",
        "unit_share": f"{merged('liked', 'by score', 0.01)[0]:.0%}",
    }


if __name__ == "__main__":
    example_charges()
    example_recalls()
    example_layouts()
    example_ways()
    example_units()
    example_release()
