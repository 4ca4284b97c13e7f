"""What follows from layer kinds: parameters, bytes of weights, caches and states, FLOPs."""

from __future__ import annotations

from collections.abc import Iterator

from snippets.shapes.layers import Model, Part, Weights


def groups(m: Model) -> Iterator[tuple[int, Weights]]:
    """Each group of weights, and how often the model has it."""
    yield from ((1, w) for w in m.ends)
    yield from ((k.count, w) for k in m.kinds for b in k.blocks for w in b.weights)


# --8<-- [start:totals]
def total(m: Model) -> int:
    """Parameters, each stored number once."""
    return sum(n * w.copies * w.numbers for n, w in groups(m))


def active(m: Model) -> int:
    """Parameters that one token meets, of the embedding all."""
    return sum(n * w.used * w.numbers for n, w in groups(m))


def matrices(m: Model) -> int:
    """Parameters in the matrix products of one token."""
    return sum(n * w.used * w.numbers for n, w in groups(m) if w.multiplied)


# --8<-- [end:totals]


def draft_params(m: Model) -> int:
    """Parameters of the layers for multi-token prediction."""
    return total(Model("", m.drafts, ()))


def weight_bytes(m: Model) -> float:
    """Bytes of the weights, each group in its own width."""
    return sum(n * w.copies * w.numbers * (w.width or m.width) for n, w in groups(m))


def part_bytes(parts: tuple[Part, ...], width: float) -> float:
    """Bytes of some parts, `width` bytes a number where a part has no width of its own."""
    return sum(p.numbers * (p.width or width) for p in parts)


def token_bytes(m: Model, width: float = 2.0) -> float:
    """Bytes that one token adds while no window is full."""
    return sum(k.count * part_bytes(b.cache, width) for k in m.kinds for b in k.blocks)


def state_bytes(m: Model, width: float = 2.0) -> float:
    """Bytes that a sequence keeps whatever its length."""
    return sum(k.count * part_bytes(b.state, width) for k in m.kinds for b in k.blocks)


def sequence_bytes(m: Model, context: int, width: float = 2.0) -> float:
    """Bytes of one sequence of `context` tokens: caches up to their windows, and states."""
    cached = sum(
        k.count * part_bytes(b.cache, width) * min(context, b.window or context)
        for k in m.kinds
        for b in k.blocks
    )
    return cached + state_bytes(m, width)


# --8<-- [start:flops]
def looked(m: Model, context: int) -> int:
    """Multiply-adds with earlier tokens, for one token that sees `context`, itself included."""
    blocks = [(kind.count, block) for kind in m.kinds for block in kind.blocks]
    return sum(
        n * look.width * min(context, look.reach or context)
        for n, block in blocks
        for look in block.looks
    )


def token_flops(m: Model, context: int) -> int:
    """FLOPs of one token, forward: matrices, tokens in view, states; a multiply-add is two."""
    updates = sum(kind.count * block.updates for kind in m.kinds for block in kind.blocks)
    return 2 * (matrices(m) + looked(m, context) + updates)


# --8<-- [end:flops]
