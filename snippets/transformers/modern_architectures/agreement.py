"""The block against the library's classes: the same weights, with and without a cache."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch
from torch import Tensor

from snippets.transformers.modern_architectures.block import decode
from snippets.transformers.modern_architectures.parts import Weights
from snippets.transformers.modern_architectures.switches import Switches, read
from snippets.transformers.modern_architectures.tiny import TINY, prompt, theirs

CHUNKS = [7, 1, 1, 12, 1, 1, 1]  # a prompt, two tokens, a longer turn, three tokens


def cached(tokens: Tensor, w: Weights, s: Switches, sizes: list[int]) -> Tensor:
    """Logits of a sequence that is fed in chunks: [B, S, V]."""
    past, logits = None, []
    for chunk in tokens.split(sizes, dim=1):
        new, past = decode(chunk, w, s, past)
        logits.append(new)
    return torch.cat(logits, dim=1)


def apart(a: Tensor, b: Tensor) -> float:
    """The largest difference of logits, as a share of their spread."""
    return ((a - b).abs().max() / b.std()).item()


def example_agree() -> None:
    """Tensors copied, and the largest difference from the library in one pass and with a cache."""
    tokens = prompt(sum(CHUNKS))
    print(f"{'':14}{'tensors':>8}{'one pass':>11}{'with cache':>12}")
    for name, config in TINY.items():
        model, s = theirs(config), read(config)
        w = model.state_dict()
        with torch.no_grad():
            right = model(tokens).logits
            differences = (
                apart(decode(tokens, w, s)[0], right),
                apart(cached(tokens, w, s, CHUNKS), right),
            )
        below = ["< 1e-5" if d < 1e-5 else f"{d:.1e}" for d in differences]
        print(f"{name:14}{len(w):8d}{below[0]:>11}{below[1]:>12}")


if __name__ == "__main__":
    example_agree()
