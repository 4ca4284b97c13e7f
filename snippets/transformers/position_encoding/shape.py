"""Llama 3 8B, taken from 8,192 to 32,768 tokens: what each scaling does to its 64 pairs."""

from __future__ import annotations

import math

from matplotlib.figure import Figure

from snippets.transformers.position_encoding.frequencies import (
    frequencies,
    interpolated,
    llama3,
    ntk,
    reach,
    unfinished,
    wavelengths,
    yarn,
    yarn_range,
    yarn_scale,
)

D, BASE, TRAINED, FACTOR = 128, 500_000.0, 8_192, 4.0
W = frequencies(D, BASE)


def scalings() -> dict[str, list[float]]:
    """Frequencies of the model under each scaling."""
    return {
        "none": W,
        "interpolation": interpolated(D, BASE, FACTOR),
        "NTK": ntk(D, BASE, FACTOR),
        "YaRN": yarn(D, BASE, FACTOR, TRAINED),
        "Llama 3": llama3(D, BASE, FACTOR, TRAINED),
    }


def share_of_angles(w: float, tokens: int) -> float:
    """Part of the full circle that a pair passes over in so many tokens."""
    return min(1.0, tokens * w / (2 * math.pi))


def is_new(trained: float, scaled: float, distance: int) -> bool:
    """Whether a pair shows an angle at this distance that training did not."""
    return distance * scaled % (2 * math.pi) > TRAINED * trained


def example_pairs() -> None:
    """Six pairs: their wavelength, and the part of the circle that training shows."""
    print("pair  tokens per turn  turns in 8,192  angles seen")
    for i in (0, 16, 34, 36, 48, 63):
        length = wavelengths(W)[i]
        print(
            f"{i:4d} {length:16,.1f} {TRAINED / length:15,.4f} {share_of_angles(W[i], TRAINED):12.2%}"
        )


def example_reach() -> None:
    """What each scaling leaves of a neighbor's angle, and how far it reaches."""
    print("scaling        pair 0, rad/token  pair 63, share of speed   reach")
    for name, w in scalings().items():
        print(f"{name:14s} {w[0]:17.2f} {w[63] / W[63]:24.2f} {reach(W, w, TRAINED):7,.0f}")


def figure_speed() -> Figure:
    """Share of its speed that each pair keeps, under four scalings by 4."""
    figure = Figure(figsize=(5.2, 3.2), layout="constrained")
    axes = figure.subplots()
    first = unfinished(W, TRAINED)[0]
    places = {
        "interpolation": (1, 0.28),
        "NTK": (17, 0.6),
        "YaRN": (21.5, 0.76),
        "Llama 3": (36, 0.86),
    }
    for i, (name, place) in enumerate(places.items(), 1):
        kept = [y / x for x, y in zip(W, scalings()[name], strict=True)]
        axes.plot(range(len(W)), kept, color=f"C{i}")
        axes.text(
            *place, name, color=f"C{i}", ha="right" if name in ("NTK", "YaRN") else "left"
        )
    axes.axvline(first, color="gray", linestyle=":")
    axes.text(first + 1, 0.06, "no full turn\nin training", color="gray")
    axes.set(
        xlabel="pair, from fast to slow",
        ylabel="share of its trained speed",
        ylim=(0, 1.08),
    )
    return figure


def slow_pairs() -> tuple[int, int, int]:
    """Pairs of the model, those that complete no turn in training, and the first of those."""
    slow = unfinished(W, TRAINED)
    return len(W), len(slow), slow[0]


def score_factor(factor: float) -> float:
    """What YaRN multiplies scores by: queries and keys are both scaled."""
    return yarn_scale(factor) ** 2


def facts() -> dict[str, str]:
    """Numbers that the page states about Llama 3 8B and gpt-oss."""
    low, high = yarn_range(64, 150_000.0, 4_096, 32, 1, whole=False)
    pairs, slow, first = slow_pairs()
    return {
        "pairs": f"{pairs}",
        "slow": f"{slow}",
        "first_slow": f"{first}",
        "ntk_reach": f"{reach(W, scalings()['NTK'], TRAINED):,.0f}",
        "full_reach": f"{reach(W, scalings()['YaRN'], TRAINED):,.0f}",
        "pi_step": f"{scalings()['interpolation'][0]:.2f}",
        "yarn_score": f"{score_factor(FACTOR):.2f}",
        "oss_low": f"{low:.2f}",
        "oss_high": f"{high:.2f}",
    }


if __name__ == "__main__":
    example_pairs()
    example_reach()
