"""Small accounts: the width of a gated layer, a checkpoint, the cache of a hybrid, the share of a table."""

from __future__ import annotations

from snippets.shapes.configs import FAMILIES, read
from snippets.shapes.counts import total
from snippets.shapes.published import CONFIGS
from snippets.transformers.overview.sizes import named


# --8<-- [start:swiglu]
def swiglu_width(hidden: int, multiple: int, factor: float = 1.0) -> int:
    """Width at which three matrices weigh about as much as two of four times the hidden width.

    Source: the reference code of Llama 3, class FeedForward.
    """
    wide = int(factor * int(2 * 4 * hidden / 3))
    return -(-wide // multiple) * multiple


# --8<-- [end:swiglu]


def checkpoint_bytes(params: int, each: int) -> int:
    """Bytes of weights and two moments of AdamW, `each` for the three together."""
    return params * each


def cached_share(linear: int, full: int) -> float:
    """Cache of a hybrid as a share of full attention in all layers; its states are left out."""
    return full / (linear + full)


def gated_ratio(hidden: int, width: int) -> float:
    """Weights of a gated layer over those of two matrices of four times the hidden width."""
    return 3 * width / (8 * hidden)


def family_count() -> int:
    """Families of models whose configuration can be read."""
    return len(FAMILIES)


def table_share(name: str) -> float:
    """The embedding of a model as a share of all its parameters."""
    m = read(CONFIGS[name])
    return named(m, ("embedding",)) / total(m)


LLAMA_2_7B = (4096, 256)  # hidden width, and the multiple to round up to


def facts() -> dict[str, str]:
    """Numbers that the page states about widths, tables and families."""
    width = swiglu_width(*LLAMA_2_7B)
    return {
        "families": f"{family_count()}",
        "table_8b": f"{table_share('Llama 3 8B'):.1%}",
        "swiglu_7b": f"{width:,}",
        "swiglu_ratio": f"{gated_ratio(LLAMA_2_7B[0], width):.3f}",
    }
