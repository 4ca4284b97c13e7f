"""Micro-batches of unequal length: one gradient by tokens, another one by means."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from snippets.transformers.training_a_gpt.model import GPT, Config, initialize
from snippets.transformers.training_a_gpt.text import batch, halves
from snippets.transformers.training_a_gpt.training import (
    IGNORE,
    Pairs,
    Settings,
    accumulate,
    adamw,
)

LENGTHS = (16, 10, 3, 1)  # tokens of a sequence, by micro-batch
ROWS = 8


def unequal() -> Pairs:
    """Micro-batches of eight sequences; what is beyond their length is padding."""
    pairs = []
    for i, length in enumerate(LENGTHS):
        x, y = batch(halves()[0], i, ROWS, Config().context)
        y[:, length:] = IGNORE
        pairs.append((x, y))
    return pairs


def joined(pairs: Pairs) -> Pairs:
    """All micro-batches as one batch."""
    xs, ys = zip(*pairs, strict=True)
    return [(torch.cat(xs), torch.cat(ys))]


# --8<-- [start:means]
def accumulate_means(model: Callable[[Tensor], Tensor], pairs: Pairs) -> None:
    """The same with the fault: the mean over each micro-batch, and the mean of these."""
    for x, y in pairs:
        loss = F.cross_entropy(model(x).flatten(0, 1), y.flatten(), ignore_index=IGNORE)
        (loss / len(pairs)).backward()


# --8<-- [end:means]


def accumulate_sum(model: Callable[[Tensor], Tensor], pairs: Pairs) -> None:
    """Another fault: nobody divides."""
    for x, y in pairs:
        logits = model(x).flatten(0, 1)
        F.cross_entropy(
            logits, y.flatten(), ignore_index=IGNORE, reduction="sum"
        ).backward()


def gradient(rule: Callable[[GPT, Pairs], object], pairs: Pairs) -> tuple[Tensor, Tensor]:
    """The whole gradient of a fresh model as one vector, and AdamW's first update."""
    torch.manual_seed(0)
    model = initialize(GPT(Config()))
    rule(model, pairs)
    grads, updates = [], []
    for p in model.parameters():
        before = p.detach().clone()
        adamw(p, torch.zeros_like(p), torch.zeros_like(p), 1, 1e-3, Settings(decay=0))
        updates.append((p.detach() - before).flatten())
        grads.append(p.grad.flatten() if p.grad is not None else torch.zeros(0))
    return torch.cat(grads), torch.cat(updates)


def token_weight(lengths: tuple[int, ...], i: int) -> float:
    """Weight of a token of micro-batch i in a mean of means, over its weight in a mean."""
    return sum(lengths) / (len(lengths) * lengths[i])


def example_rules() -> None:
    """Four ways to the gradient of one step: its length, and its angle to that of one batch."""
    pairs = unequal()
    whole, update = gradient(accumulate, joined(pairs))
    rules = {
        "one batch": (accumulate, joined(pairs)),
        "sums over all tokens": (accumulate, pairs),
        "mean of means": (accumulate_means, pairs),
        "sums, not divided": (accumulate_sum, pairs),
    }
    print("rule                   length   cosine   equal   AdamW's update: cosine")
    for name, (rule, given) in rules.items():
        found, step = gradient(rule, given)
        same = torch.allclose(found, whole, atol=1e-6)
        angle = F.cosine_similarity(found, whole, dim=0)
        turned = F.cosine_similarity(step, update, dim=0)
        print(
            f"{name:21s} {found.norm():7.2f} {angle:8.3f}   {'yes' if same else 'no':5s} {turned:23.3f}"
        )


def example_weights() -> None:
    """What one token weighs in a mean of means, relative to its weight in one mean."""
    print("tokens of a sequence  " + "".join(f"{n:7d}" for n in LENGTHS))
    print(
        "weight of a token     "
        + "".join(f"{token_weight(LENGTHS, i):7.2f}" for i in range(4))
    )


if __name__ == "__main__":
    example_rules()
    example_weights()
