# /// fieldguide
# timeout_s = 60
# ///
"""Several conversations in one row: what keeps them apart, and what only seems to."""

from __future__ import annotations

import torch
from torch import Tensor
from transformers import GPT2Config, GPT2LMHeadModel, PreTrainedModel

from snippets.tiny.tasks import tasks
from snippets.tiny.training import conversations, model

# --8<-- [start:layout]


def positions(lengths: list[int]) -> Tensor:
    """Positions that begin again with each conversation: [1, S]."""
    return torch.cat([torch.arange(n) for n in lengths]).unsqueeze(0)


def block_mask(lengths: list[int]) -> Tensor:
    """True where a token may look: back, within its conversation: [1, 1, S, S]."""
    document = torch.repeat_interleave(torch.arange(len(lengths)), torch.tensor(lengths))
    same = document.unsqueeze(0) == document.unsqueeze(1)
    return same.tril().view(1, 1, *same.shape)


def boundaries(at: Tensor) -> Tensor:
    """What kernels for packed rows want, `cu_seqlens`: each begin, and the end."""
    starts = (at[0] == 0).nonzero().flatten()
    return torch.cat([starts, torch.tensor([at.shape[1]])])


# --8<-- [end:layout]


def packed(n: int = 6) -> tuple[list[Tensor], list[int]]:
    """A few conversations of the tiny world, without padding."""
    batch = conversations(tasks(0, n))
    rows = [row[row != 0] for row in batch.ids]
    return rows, [len(row) for row in rows]


def gpt2(seed: int = 0) -> GPT2LMHeadModel:
    """A model with learned positions, of random weights."""
    config = GPT2Config(
        vocab_size=128,
        n_embd=32,
        n_layer=2,
        n_head=4,
        n_positions=256,
        initializer_range=0.1,
        bos_token_id=1,
        eos_token_id=2,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return GPT2LMHeadModel(config).eval()


def rotary() -> PreTrainedModel:
    """The tiny world's model, whose positions are rotary, of random weights."""
    return model(0).eval()


@torch.no_grad()
def distance(net: PreTrainedModel, *, mask: bool | None, restart: bool) -> float:
    """Largest difference between the logits of a packed row and of each conversation alone.

    Without a mask, None, `transformers` infers one from the positions.
    """
    rows, lengths = packed()
    alone = torch.cat([net(row.unsqueeze(0)).logits[0] for row in rows])
    at = positions(lengths) if restart else torch.arange(sum(lengths)).unsqueeze(0)
    looks = block_mask(lengths) if mask else torch.ones_like(block_mask(lengths)).tril()
    bias = torch.zeros(looks.shape).masked_fill(~looks, float("-inf"))
    together = net(
        torch.cat(rows).unsqueeze(0), attention_mask=None if mask is None else bias,
        position_ids=at, use_cache=False,
    )  # fmt: skip
    return (together.logits[0] - alone).abs().max().item()


def told(difference: float) -> str:
    """A difference, or that it is only rounding."""
    return f"{difference:.1f}" if difference > 1e-3 else "rounding"


def example_apart() -> None:
    """Six conversations in one row, with and without mask and restarted positions."""
    print("what the model gets             rotary    learned")
    masks = {"block mask": True, "causal mask": False, "no mask": None}
    for name, mask in masks.items():
        nets = (rotary(),) if mask is None else (rotary(), gpt2())
        for after, restart in (("restart", True), ("run on", False)):
            found = [f"{told(distance(net, mask=mask, restart=restart)):8}" for net in nets]
            print(f"{f'{name}, positions {after}':30}  {'  '.join(found).rstrip()}")


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "leak": f"{distance(rotary(), mask=False, restart=False):.1f}",
        "learned": f"{distance(gpt2(), mask=True, restart=False):.1f}",
    }


if __name__ == "__main__":
    example_apart()
