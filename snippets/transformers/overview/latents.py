"""Queries that meet a cached latent itself: what they multiply, and what they read."""

from __future__ import annotations

from snippets.shapes.models import MODELS, Shape


def absorbed_looks(m: Shape) -> int:
    """Multiply-adds of a head for a pair: scores and mix with the latent, scores with the rotary key."""
    return 2 * m.latent + m.rope


def absorbed_over_expanded(m: Shape) -> float:
    """Multiply-adds for a pair if queries meet the latent itself, over those with rebuilt keys."""
    return absorbed_looks(m) / (m.head_dim + m.rope + m.value_dim)


def latent_intensity(m: Shape, width: int = 2) -> float:
    """FLOPs per byte of cached latents if the queries of all heads meet the latent itself."""
    return 2 * m.heads * absorbed_looks(m) / (width * (m.latent + m.rope))


def facts() -> dict[str, str]:
    """Numbers that the page states about latents."""
    m = MODELS["DeepSeek-V3"]
    return {
        "absorbed": f"{absorbed_over_expanded(m):.1f}",
        "latent_intensity": f"{latent_intensity(m):.0f}",
    }
