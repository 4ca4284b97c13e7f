"""The sizes of a pasted configuration. Standard library only, so that it also runs in a browser."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.shapes.configs import parse
from snippets.shapes.counts import (
    groups,
    sequence_bytes,
    state_bytes,
    token_bytes,
    token_flops,
    total,
    weight_bytes,
)
from snippets.shapes.layers import Model
from snippets.transformers.overview.sizes import advertised, named
from snippets.transformers.overview.work import NEVER, crossover

DEFAULT = """{
  "model_type": "llama",
  "vocab_size": 128256,
  "hidden_size": 4096,
  "intermediate_size": 14336,
  "num_hidden_layers": 32,
  "num_attention_heads": 32,
  "num_key_value_heads": 8,
  "tie_word_embeddings": false,
  "torch_dtype": "bfloat16"
}"""
BYTES = {"bf16": 2.0, "fp8": 1.0}


def layer_rows(m: Model) -> dict[str, str]:
    """One row for each kind of layer: how many, what it is, and its parameters."""
    rows = {}
    for kind in m.kinds:
        weights = [w for block in kind.blocks for w in block.weights]
        size = sum(w.copies * w.numbers for w in weights)
        name = f"{kind.count} × {', '.join(b.name for b in kind.blocks)}"
        rows[name] = f"{size:,} parameters each"
    return rows


def parts(m: Model) -> dict[str, float]:
    """Parameters by the name of their group, in billions, the small ones together."""
    names = dict.fromkeys(w.name for _, w in groups(m))
    sizes = {name: named(m, (name,)) / 1e9 for name in names}
    large = {name: size for name, size in sizes.items() if size >= total(m) / 1e11}
    rest = sum(sizes.values()) - sum(large.values())
    return {**large, "others": rest} if rest else large


def count_config(
    config: str = DEFAULT,
    context: Annotated[int, "tokens", (1, 16_000_000)] = 8192,
    cache: Literal["bf16", "fp8"] = "bf16",
) -> dict[str, object]:
    """Paste a config.json: what does the model weigh, keep and compute, by every rule of counting?

    Args:
        config: Text of `config.json`. Fields that decide no size are ignored.
        context: Tokens in view, $S$.
        cache: Type of the cached numbers.
    """
    m, width = parse(config), BYTES[cache]
    sizes = advertised(m)
    even = crossover(m)
    contexts = [2**i for i in range(9, 21)]
    return {
        "parameters": f"{total(m):,}",
        **layer_rows(m),
        "weights in memory": f"{weight_bytes(m) / 1e9:,.2f} GB",
        "cache of one more token": f"{token_bytes(m, width):,.0f} bytes",
        "state of a sequence": f"{state_bytes(m, width):,.0f} bytes",
        f"one sequence of {context:,} tokens": f"{sequence_bytes(m, context, width) / 1e9:,.3f} GB",
        f"FLOPs of a token at {context:,}": f"{token_flops(m, context) / 1e9:,.2f} GFLOP",
        "attention overtakes the matrices at": f"{even:,} tokens" if even < NEVER else "no length",
        **{f"note {i}": note.replace("`", "") for i, note in enumerate(m.notes, 1)},
        "table": [["counted", "billions"], *([rule, f"{n / 1e9:,.3f}"] for rule, n in sizes.items())],
        "bars": {"unit": "billion", "values": parts(m)},
        "lines": {
            "x": "tokens in view", "y": "GFLOP of a token", "log": "xy",
            "series": {"forward": [(n, token_flops(m, n) / 1e9) for n in contexts]},
            "points": {"yours": (context, token_flops(m, context) / 1e9)},
        },
    }  # fmt: skip
