"""Four sizes that a launch gives for one model, and its cache in two plans."""

from __future__ import annotations

from snippets.shapes.configs import read
from snippets.shapes.counts import draft_params, sequence_bytes, token_bytes, total
from snippets.shapes.layers import Model
from snippets.shapes.published import CONFIGS
from snippets.transformers.overview.sizes import BILLION, GIB, TABLES, advertised, named

MIXTURE = read({**CONFIGS["GLM-4.5-Air"], "num_hidden_layers": 32, "vocab_size": 262_144})
HYBRID = read({**CONFIGS["Qwen3-Next 80B-A3B"], "num_hidden_layers": 32})
CONTEXT = 131_072
PRINTED = {
    "hosting page": "all, draft layer and its copies",
    "blog": "without embedding and output",
    "blog, active": "active, without embedding and output",
    "card, active": "active, tables counted",
}


def sizes() -> dict[str, int]:
    """Parameters of the mixture, as each place prints them."""
    return {place: advertised(MIXTURE)[rule] for place, rule in PRINTED.items()}


def parts() -> dict[str, int]:
    """Parameters that the launch leaves to its reader to add or to leave out."""
    return {
        "the library's num_parameters()": total(MIXTURE),
        "embedding and output, together": named(MIXTURE, TABLES),
        "draft layer, without tables": draft_params(MIXTURE),
    }


def planned(m: Model, context: int) -> float:
    """The mistake: bytes of a sequence as if each layer kept keys and values."""
    full = sum(kind.count for kind in m.kinds if any(b.cache for b in kind.blocks))
    layers = sum(kind.count for kind in m.kinds)
    return token_bytes(m) * context * layers / full


def caches() -> dict[str, float]:
    """GiB of one sequence of the hybrid."""
    plan, engine = planned(HYBRID, CONTEXT), sequence_bytes(HYBRID, CONTEXT)
    return {"plan": plan / GIB, "engine": engine / GIB}


def example_launch() -> None:
    """A mixture in billions of parameters, a hybrid in GiB of cache."""
    for name, count in (sizes() | parts()).items():
        print(f"mixture  {name:32s}{count / BILLION:8.2f} billion")
    for name, gib in caches().items():
        print(f"hybrid   {f'cache of one user, {name}':32s}{gib:8.2f} GiB")


if __name__ == "__main__":
    example_launch()
