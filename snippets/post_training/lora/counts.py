"""How many numbers an adapter trains: by matrix, by part of a model, and in a mixture of experts."""

from __future__ import annotations

from snippets.shapes.models import MODELS, Shape, parameters

ATTENTION, MLP = ("q", "k", "v", "o"), ("gate", "up", "down")
EVERY = ATTENTION + MLP
LLAMA = MODELS["Llama 3 8B"]


# --8<-- [start:pair]
def pair(rank: int, inputs: int, outputs: int) -> int:
    """Numbers of A and B beside a matrix with so many inputs and outputs."""
    return rank * (inputs + outputs)


def linears(m: Shape) -> dict[str, tuple[int, int]]:
    """Inputs and outputs of the matrices of one layer."""
    queries, keys = m.heads * m.head_dim, m.kv_heads * m.head_dim
    return {
        "q": (m.hidden, queries), "k": (m.hidden, keys), "v": (m.hidden, keys),
        "o": (queries, m.hidden), "gate": (m.hidden, m.width),
        "up": (m.hidden, m.width), "down": (m.width, m.hidden),
    }  # fmt: skip


def adapter_params(m: Shape, rank: int, targets: tuple[str, ...] = EVERY) -> int:
    """Numbers that are trained with an adapter on these matrices of each layer."""
    sizes = linears(m)
    return m.layers * sum(pair(rank, *sizes[name]) for name in targets)


# --8<-- [end:pair]


def head_params(m: Shape, rank: int) -> int:
    """Numbers of an adapter on the output layer."""
    return pair(rank, m.hidden, m.vocab)


def expert_params(hidden: int, width: int, experts: int, rank: int, shared: bool) -> int:
    """Numbers on the three matrices of each expert in one layer.

    `shared`: one factor on the model's width for all experts, the other for each.
    """
    if shared:
        return 3 * rank * (hidden + experts * width)
    return 3 * experts * pair(rank, hidden, width)


def linear_params(m: Shape) -> int:
    """Parameters of the matrices in all layers, without embedding and output layer."""
    return m.layers * sum(inputs * outputs for inputs, outputs in linears(m).values())


def trained_share(m: Shape, rank: int, targets: tuple[str, ...] = EVERY) -> float:
    """Numbers that are trained, over those of the model."""
    return adapter_params(m, rank, targets) / parameters(m)


def expert_saving(m: Shape) -> float:
    """How many times more numbers a pair for each expert has than shared factors."""
    sizes = m.hidden, m.expert_width, m.experts, 1
    return expert_params(*sizes, shared=False) / expert_params(*sizes, shared=True)


CHOICES = {"q and v": ("q", "v"), "attention": ATTENTION, "MLP": MLP, "all seven": EVERY}


def example_targets() -> None:
    """Llama 3 8B: numbers that each choice of matrices trains, at three ranks."""
    print(f"{'':10s}{'rank 1':>10s}{'rank 16':>13s}{'rank 256':>14s}{'of the model':>14s}")
    for name, targets in CHOICES.items():
        one, some, many = (adapter_params(LLAMA, r, targets) for r in (1, 16, 256))
        share = trained_share(LLAMA, 16, targets)
        print(f"{name:10s}{one:10,}{some:13,}{many:14,}{share:14.2%}")


def example_experts() -> None:
    """Experts of two models at rank 16: a pair for each expert, or one factor shared."""
    print(f"{'':17s}{'a pair each':>15s}{'one shared':>15s}{'times':>7s}")
    for name in ("Mixtral 8x7B", "Qwen3 235B-A22B"):
        m = MODELS[name]
        sizes = m.hidden, m.expert_width, m.experts, 16
        each, one = (m.layers * expert_params(*sizes, shared=s) for s in (False, True))
        print(f"{name:17s}{each:15,}{one:15,}{expert_saving(m):7.1f}")


def facts() -> dict[str, str]:
    """Numbers that the page states."""
    return {
        "adapter_8b": f"{adapter_params(LLAMA, 16):,}",
        "share_8b": f"{trained_share(LLAMA, 16):.2%}",
        "expert_saving": f"{expert_saving(MODELS['Qwen3 235B-A22B']):.1f}",
    }


if __name__ == "__main__":
    example_targets()
    example_experts()
