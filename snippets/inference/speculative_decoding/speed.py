"""Speculative decoding: mean tokens of a step, and the gain in time while checking is free."""

from __future__ import annotations


def expected_tokens(alpha: float, k: float) -> float:
    """Mean tokens per pass of the target: 1 + a + ... + a^k.

    Holds when each token is kept with probability `alpha`, independently of the others.

    Source: Leviathan et al. 2023, equation 1.
    """
    return k + 1 if alpha == 1 else (1 - alpha ** (k + 1)) / (1 - alpha)


def speedup(alpha: float, k: float, cost: float) -> float:
    """Gain in time while checking is free; `cost` is a draft step's time over the target's.

    Source: Leviathan et al. 2023, theorem 3.8.
    """
    return expected_tokens(alpha, k) / (1 + (k * cost if cost else 0.0))


def best_length(alpha: float, cost: float, longest: int = 64) -> int:
    """The draft length with the largest speed-up."""
    return max(range(longest + 1), key=lambda k: speedup(alpha, k, cost))


def example_lengths() -> None:
    """Tokens per pass and speed-up for three rates, four lengths, and a draft that costs 5%."""
    print(f"{'':6s}{'tokens per pass':^28s}{'speed-up, c = 0.05':^28s}{'best':>8s}")
    print(
        f"{'kept':>6s}"
        + 2 * "".join(f"{f'k = {k}':>7s}" for k in (1, 2, 4, 8))
        + f"{'k':>8s}"
    )
    for alpha in (0.6, 0.8, 0.9):
        tokens = "".join(f"{expected_tokens(alpha, k):7.2f}" for k in (1, 2, 4, 8))
        gains = "".join(f"{speedup(alpha, k, 0.05):7.2f}" for k in (1, 2, 4, 8))
        print(f"{alpha:6.1f}{tokens}{gains}{best_length(alpha, 0.05):8d}")


def ladder(rates: list[float], price: float) -> str:
    """Speed-up at k = 1, 2, ... if `rates[i]` is the chance that i + 1 guesses are all kept."""
    means = [1 + sum(rates[:k]) for k in range(1, len(rates) + 1)]
    return ", ".join(f"{mean / (1 + k * price):.2f}" for k, mean in enumerate(means, 1))


def facts() -> dict[str, str]:
    """Numbers that the page states about acceptance."""
    slow, fast = expected_tokens(0.6, 4), expected_tokens(0.95, 4)
    return {
        "tokens_4": f"{expected_tokens(0.8, 4):.2f}",
        "best_9": f"{best_length(0.9, 0.05)}",
        "mtp_low": f"{expected_tokens(0.85, 1):.2f}",
        "mtp_high": f"{expected_tokens(0.90, 1):.2f}",
        "mtp_cost": f"{1.5 / 36.6:.3f}",
        "mtp_gain_low": f"{speedup(0.85, 1, 1.5 / 36.6):.2f}",
        "mtp_gain_high": f"{speedup(0.90, 1, 1.5 / 36.6):.2f}",
        "mixed": f"{(slow + fast) / 2:.2f}",
        "mixed_tokens": f"{2 / (1 / slow + 1 / fast):.2f}",
        "mixed_mean": f"{expected_tokens(0.775, 4):.2f}",
        "t5_small": f"{speedup(0.75, 7, 0.02):.1f}",
        "bigram": f"{speedup(0.2, float('inf'), 0):.2f}",
        "ladder": ladder([0.8, 0.6, 0.45, 0.3], 0.0),
        "ladder_free": ladder([0.8, 0.6, 0.45, 0.3], 0.03),
        "ladder_busy": ladder([0.8, 0.6, 0.45, 0.3], 0.23),
        "hopeless": f"{speedup(0.3, 8, 0.05):.2f}",
    }


if __name__ == "__main__":
    example_lengths()
