"""Three FLOP counters for one model: two of them depend on whether its tables are shared."""

from __future__ import annotations

from snippets.shapes.configs import read
from snippets.shapes.counts import matrices, token_flops, total
from snippets.shapes.layers import Model

TOKENS = 2048
# zhang2024tinyllama, table 1, and the class LlamaConfig for what it leaves open
TINY_LLAMA = {
    "model_type": "llama", "vocab_size": 32_000, "hidden_size": 2048, "intermediate_size": 5632,
    "num_hidden_layers": 22, "num_attention_heads": 32, "num_key_value_heads": 4, "head_dim": 64,
    "attention_bias": False, "mlp_bias": False, "torch_dtype": "bfloat16",
}  # fmt: skip


def table(m: Model) -> int:
    """Numbers of one table of the vocabulary."""
    return next(w.numbers for w in m.ends)


# --8<-- [start:counters]
def right(m: Model, tokens: int) -> int:
    """Every matrix of a product once, and the scores."""
    return token_flops(m, tokens)


def lookup_counted(m: Model, tokens: int) -> int:
    """The mistake: each parameter is taken for a product, the lookup as well."""
    looks = token_flops(m, tokens) - 2 * matrices(m)
    return 2 * total(m) + looks


def head_left_out(m: Model, tokens: int) -> int:
    """The opposite: a table is subtracted as a lookup even if it is shared."""
    return lookup_counted(m, tokens) - 2 * table(m)


# --8<-- [end:counters]


def tiny_llama(tied: bool) -> Model:
    """TinyLlama, with one table or with two."""
    return read({**TINY_LLAMA, "tie_word_embeddings": tied})


def example_tied() -> None:
    """TinyLlama at 2,048 tokens under three counters, in GFLOP per token forward."""
    print(f"{'GFLOP per token':18s}{'untied':>9s}{'tied':>9s}")
    for count in (right, lookup_counted, head_left_out):
        row = "".join(
            f"{count(tiny_llama(tied), TOKENS) / 1e9:9.4f}" for tied in (False, True)
        )
        print(f"{count.__name__.replace('_', ' '):18s}{row}")


def inflation(m: Model, tokens: int) -> float:
    """How many times the right FLOPs a counter reports that charges for the lookup."""
    return lookup_counted(m, tokens) / right(m, tokens)


def corrected(reported: float, m: Model, tokens: int) -> float:
    """A utilization as reported by that counter, without the lookup."""
    return reported / inflation(m, tokens)


REPORTED = 35.0  # percent, tenstorrent2026mfu


def facts() -> dict[str, str]:
    """Numbers that the page states about tying."""
    m = tiny_llama(tied=False)
    return {
        "inflation": f"{inflation(m, TOKENS):.3f}",
        "corrected": f"{corrected(REPORTED, m, TOKENS):.1f}%",
    }


if __name__ == "__main__":
    example_tied()
