# /// fieldguide
# timeout_s = 60
# ///
"""One conversation, token by token: who wrote it, and does it train?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from snippets.tiny.tokens import BEGIN, ROLES, tokenizer

Messages = Sequence[dict[str, str]]

TALK = (
    {"role": "user", "content": "what is the sum of 4 and 3?"},
    {"role": "assistant", "content": "ask the board: 4 3"},  # a call of a tool
    {"role": "tool", "content": "7"},
    {"role": "assistant", "content": "the sum is 7."},
)
IGNORED = -100  # the label that `transformers` and PyTorch leave out of the loss


@dataclass(frozen=True)
class Token:
    """A token of a rendered conversation."""

    text: str
    turn: int  # the message that it belongs to, from 0; -1 before the first
    author: str  # "template", or the role of who wrote it
    trains: bool


# --8<-- [start:read]
def read(messages: Messages) -> tuple[list[int], list[bool]]:
    """The ids of a conversation, and for each whether the model wrote it."""
    rendered = tokenizer().apply_chat_template(
        list(messages), return_dict=True, return_assistant_tokens_mask=True
    )
    return rendered["input_ids"], [bool(m) for m in rendered["assistant_masks"]]


def labels(ids: list[int], trains: list[bool]) -> list[int]:
    """What is trained: the id itself, or -100, which the loss leaves out."""
    return [i if train else IGNORED for i, train in zip(ids, trains, strict=True)]


# --8<-- [end:read]


def tokens(messages: Messages) -> list[Token]:
    """The conversation with the author of each token."""
    ids, trains = read(messages)
    found, turn, role = [], -1, "template"
    for name, train in zip(tokenizer().convert_ids_to_tokens(ids), trains, strict=True):
        if name in ROLES:
            turn, role = turn + 1, name.strip("<|>")
        marker = name == BEGIN or name in ROLES
        author = "template" if marker or (name.startswith("<|") and not train) else role
        found.append(Token(name.replace("Ġ", "·"), turn, author, train))
    return found


# --8<-- [start:loss]
def masked_nll(logits: Tensor, targets: Tensor) -> Tensor:
    """Mean of -log p over labels that are not -100: [B, S, V] and [B, S]."""
    logp = logits[:, :-1].log_softmax(-1)  # position t predicts token t + 1
    targets = targets[:, 1:]
    trained = targets != IGNORED
    chosen = logp.gather(-1, targets.clamp(min=0).unsqueeze(-1)).squeeze(-1)
    return -(chosen * trained).sum() / trained.sum()


# --8<-- [end:loss]


def trained_tokens(messages: Messages = TALK) -> int:
    """Tokens of the conversation that are trained."""
    return sum(read(messages)[1])


def all_tokens(messages: Messages = TALK) -> int:
    """Tokens of the conversation."""
    return len(read(messages)[0])


def prompt_share(messages: Messages = TALK) -> float:
    """Share of the loss that goes to others' tokens if all tokens train, and each costs the same."""
    first = 1  # nothing predicts the first token
    return 1 - trained_tokens(messages) / (all_tokens(messages) - first)


def example_talk() -> None:
    """Each message, its tokens, and how many of them train."""
    found = tokens(TALK)
    print("message    tokens  trained  text")
    for turn, message in enumerate(TALK):
        own = [t for t in found if t.turn == turn]
        text = " ".join(t.text for t in own)
        print(f"{message['role']:9}  {len(own):6}  {sum(t.trains for t in own):7}  {text}")


def batch_of(messages: Messages = TALK) -> tuple[Tensor, Tensor]:
    """Ids and labels of one conversation: [1, S] each."""
    ids, trains = read(messages)
    return torch.tensor([ids]), torch.tensor([labels(ids, trains)])


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "talk_tokens": f"{all_tokens()}",
        "talk_trained": f"{trained_tokens()}",
        "prompt_share": f"{prompt_share():.0%}",
    }


if __name__ == "__main__":
    example_talk()
