"""The drawing on the home page. Its lengths follow from facts that a page states and its tests hold."""

from __future__ import annotations

import html
import re
from collections.abc import Callable

PAGE = "inference/kv-cache"
CONTEXT = 8192
"""Tokens of each user, as in the facts `users_8k` and `mha_70b_8k`."""


def users_that_fit(fact: Callable[[str], str | None]) -> str:
    """Two GPUs to scale: the weights, and below them the memory to spare, cut into users.

    Args:
        fact: Text of a fact by name, as some page states it.

    Raises:
        ValueError: if a fact stands on no page.
    """

    def text(name: str) -> str:
        found = fact(f"{PAGE}:{name}")
        if found is None:
            raise ValueError(f"the drawing needs the fact {PAGE}:{name}, which stands on no page.")
        return found

    def number(name: str) -> float:
        return float(re.sub(r"[^\d.]", "", text(name)))

    weights, spare, unshared = number("weights_70b"), number("spare"), number("mha_70b_8k")
    one = number("per_token_70b") * 1024 * CONTEXT / 1e9  # KiB per token to GB per user
    shared, fp8 = int(number("users_8k")), int(number("users_8k_fp8"))
    wide = max(spare, unshared)  # GB that the lower rows span
    whole = f'<rect width="{weights:.1f}" height="10" class="fg-fit-weights"/>' + _block(weights, spare, 0)
    zoom = f'<path d="M{weights} 0H{weights + spare}L{(weights + spare) * spare / wide:.2f} 10H0Z"/>'
    rows = [
        _row("Each of the 64 heads has its own keys and values", int(spare // unshared), unshared, wide),
        _row("The heads share 8 pairs, as released", shared, one, wide),
        _row("The same, kept in 8 bits", fp8, one / 2, wide),
    ]
    return (
        '<div class="fg-fit"><p class="fg-fit-question">Llama 3 70B on two 80 GB GPUs: how many users fit?</p>'
        f'<p class="fg-fit-line"><span>Memory</span> <span>{html.escape(text("spare"))} to spare</span></p>'
        f'<div class="fg-fit-bar fg-fit-whole">{_svg(weights + spare, whole)}'
        f"<span>{html.escape(text('weights_70b'))} of weights</span></div>"
        f'<div class="fg-fit-zoom">{_svg(weights + spare, zoom)}</div>'
        f'<ul style="--spare:{100 * spare / wide:.2f}%">{"".join(rows)}</ul></div>'
    )


def _row(label: str, users: int, each: float, wide: float) -> str:
    """A row of users; where not even one fits, the one that does not."""
    blocks = "".join(_block(each * n, each) for n in range(users))
    if not users:
        blocks = f'<rect width="{each:.2f}" height="10" class="fg-fit-over"/>'
    count = f"{users} user{'' if users == 1 else 's'}"
    return (
        f'<li><p class="fg-fit-line"><strong>{count}</strong> <span>{html.escape(label)}</span></p>'
        f'<div class="fg-fit-bar">{_svg(wide, blocks)}</div></li>'
    )


def _block(x: float, width: float, gap: float = 0.06) -> str:
    return f'<rect x="{x:.2f}" width="{width * (1 - gap):.2f}" height="10" class="fg-fit-user"/>'


def _svg(wide: float, body: str) -> str:
    """A strip whose horizontal unit is a gigabyte, as wide as its place; what it says stands beside it as text."""
    return f'<svg viewBox="0 0 {wide:.2f} 10" preserveAspectRatio="none" aria-hidden="true">{body}</svg>'
