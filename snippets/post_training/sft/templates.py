# /// fieldguide
# timeout_s = 60
# ///
"""Would the server send the same ids? Templates that keep earlier thoughts, and that drop them."""

from __future__ import annotations

from itertools import takewhile

import torch

from snippets.post_training.sft.masks import Messages
from snippets.tiny.sampling import sample
from snippets.tiny.tasks import tasks
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import model

THINKING = (
    {"role": "user", "content": "sort 413"},
    {"role": "assistant", "thought": "the small ones first.", "content": "134"},
    {"role": "user", "content": "reverse it"},
    {"role": "assistant", "thought": "from the end.", "content": "431"},
)
# A thought stands in quotation marks before the answer. What follows the last question keeps it.
TURN = (
    "{% for m in messages %}{{ '<|' + m.role + '|>' }}{% if m.role == 'assistant' %}{% generation %}"
    "{% if KEPT %}{{ '\"' + m.thought + '\"' }}{% endif %}"
    "{{ m.content + '<|end|>' }}{% endgeneration %}{% else %}{{ m.content + '<|end|>' }}{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
ASKED = (
    "{% set asked = namespace(last=0) %}{% for m in messages %}"
    "{% if m.role == 'user' %}{% set asked.last = loop.index0 %}{% endif %}{% endfor %}"
)
KEEPS = "<|begin|>" + TURN.replace("KEPT", "true")
DROPS = ASKED + "<|begin|>" + TURN.replace("KEPT", "loop.index0 > asked.last")
TEMPLATES = {"keeps thoughts": KEEPS, "drops thoughts": DROPS}


# --8<-- [start:render]
def render(messages: Messages, template: str, *, ask: bool = False) -> list[int]:
    """The ids of some messages; with `ask`, up to where the model begins to write."""
    ids: list[int] = tokenizer().apply_chat_template(
        list(messages), chat_template=template, add_generation_prompt=ask, return_dict=False
    )
    return ids


def shared(before: list[int], after: list[int]) -> int:
    """Tokens with which both begin."""
    same = takewhile(lambda pair: pair[0] == pair[1], zip(before, after, strict=False))
    return len(list(same))


# --8<-- [end:render]


# --8<-- [start:rows]
def rows(messages: Messages, template: str) -> list[tuple[list[int], list[int]]]:
    """For each reply, the prompt that a server sends and the ids that complete it."""
    found = []
    for i, message in enumerate(messages):
        if message["role"] == "assistant":
            prompt = render(messages[:i], template, ask=True)
            whole = render(messages[: i + 1], template)
            found.append((prompt, whole[len(prompt) :]))
    return found


# --8<-- [end:rows]


def in_one_row(messages: Messages, template: str) -> list[int]:
    """The tokens that one row for the whole conversation trains in its first reply."""
    rendered = tokenizer().apply_chat_template(
        list(messages),
        chat_template=template,
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    marked = list(zip(rendered["input_ids"], rendered["assistant_masks"], strict=True))
    start = next(i for i, (_, mask) in enumerate(marked) if mask)
    return [i for i, _ in takewhile(lambda pair: pair[1], marked[start:])]


def kept(template: str) -> tuple[int, int]:
    """Tokens of the first turn, and with how many of them the second prompt begins."""
    (prompt, reply), (second, _) = rows(THINKING, template)
    return len(prompt + reply), shared(prompt + reply, second)


def example_turns() -> None:
    """Two templates: what the second prompt keeps, and what one row teaches for the first reply."""
    print(
        "template        first turn  kept  first reply as served, and as one row trains it"
    )
    for name, template in TEMPLATES.items():
        turn, same = kept(template)
        served = tokenizer().decode(rows(THINKING, template)[0][1])
        trained = tokenizer().decode(in_one_row(THINKING, template))
        print(f"{name:14}  {turn:10}  {same:4}  {served}")
        print(f"{'':32}  {trained}")


def resplit(n: int = 200) -> float:
    """Share of sampled replies whose text the tokenizer splits into other ids (random weights)."""
    drawn = sample(model(0), tasks(0, n), generator=torch.Generator().manual_seed(0))
    sampled = [
        row[mask].tolist() for row, mask in zip(drawn.ids, drawn.trains, strict=True)
    ]
    texts = [tokenizer().decode(ids) for ids in sampled]
    again = [tokenizer()(text)["input_ids"] for text in texts]
    return sum(a != b for a, b in zip(sampled, again, strict=True)) / n


def example_resplit() -> None:
    """A word that arrives in other pieces than the tokenizer would choose."""
    pieces = tokenizer().convert_tokens_to_ids(["s", "or", "t"])
    text = tokenizer().decode(pieces)
    print(
        f"sampled {pieces}, text {text!r}, encoded again {tokenizer()(text)['input_ids']}"
    )


def facts() -> dict[str, str]:
    """Numbers of the page."""
    turn, same = kept(DROPS)
    return {
        "first_turn": f"{turn}",
        "kept_dropping": f"{same}",
        "resplit": f"{resplit():.0%}",
    }


if __name__ == "__main__":
    example_turns()
    example_resplit()
