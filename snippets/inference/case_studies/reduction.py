"""Case study Character.AI: a cache made smaller by three factors and int8; which depend on the context."""

from __future__ import annotations


# --8<-- [start:factors]
def window_factor(context: int, window: int, one_global_in: int) -> float:
    """How much smaller a cache is if one layer in `one_global_in` keeps everything."""
    share_global = 1 / one_global_in
    return 1 / (share_global + (1 - share_global) * min(context, window) / context)


def factors(context: int, sharing: float) -> dict[str, float]:
    """Three reductions and int8, each against the design before it; `sharing` layers use one cache."""
    windows = window_factor(context, window=1024, one_global_in=6)
    return {"heads": 8, "sharing": sharing, "windows": windows, "int8": 16 / 8}


# --8<-- [end:factors]


def product(parts: dict[str, float], *names: str) -> float:
    """Product of the named factors, or of all."""
    result = 1.0
    for name in names or parts:
        result *= parts[name]
    return result


def example_factors() -> None:
    """Running product with sharing by 2 and by 3, at four lengths of the conversation."""
    print(f"{'':19s}{'heads':>6s}{'× sharing':>12s}{'× windows':>12s}{'× int8':>12s}")
    for context in (1024, 2048, 4096, 16_384):
        low, high = (factors(context, s) for s in (2, 3))
        cells = [
            f"{product(low, *names):.0f} to {product(high, *names):.0f}"
            for names in (("heads", "sharing"), ("heads", "sharing", "windows"), ())
        ]
        line = f"{low['heads']:6.0f}" + "".join(f"{cell:>12s}" for cell in cells)
        print(f"context {context:10,d} {line}")


def facts() -> dict[str, str]:
    """Numbers that the page states about the reduction."""
    low, high = factors(1024, 2), factors(1024, 3)
    longer = [(factors(4096, s), "heads", "sharing", "windows") for s in (2, 3)]
    return {
        "least": f"{product(low, 'heads', 'sharing'):.0f}",
        "most": f"{product(high, 'heads', 'sharing'):.0f}",
        "three_low": f"{product(*longer[0]):.0f}",
        "three_high": f"{product(*longer[1]):.0f}",
        "four_low": f"{product(longer[0][0]):.0f}",
        "four_high": f"{product(longer[1][0]):.0f}",
        "window_limit": f"{window_factor(10**9, 1024, 6):.0f}",
        "year": f"{100e6 * 365 * 0.01 / 1e6:.0f} million dollars",
        "turn_work": f"{1 / (1 - 0.95):.0f}",
    }


if __name__ == "__main__":
    example_factors()
