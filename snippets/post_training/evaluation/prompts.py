"""Evaluation: one conversation, rendered to tokens in two ways."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerFast

BEGIN = "<s>"
TEMPLATE = "{{ bos_token }}{% for m in messages %}{{ m['content'] }} {% endfor %}"
QUESTION = [{"role": "user", "content": "name a prime"}]


def tokenizer() -> PreTrainedTokenizerFast:
    """A word-level tokenizer whose template and whose defaults both write a begin token."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    words = [BEGIN, "<unk>", "name", "a", "prime"]
    core = Tokenizer(
        models.WordLevel({w: i for i, w in enumerate(words)}, unk_token="<unk>")
    )
    core.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    core.post_processor = processors.TemplateProcessing(
        single=f"{BEGIN} $A", special_tokens=[(BEGIN, 0)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, bos_token=BEGIN, chat_template=TEMPLATE
    )


# --8<-- [start:render]
def by_text(tok: PreTrainedTokenizerFast, chat: list[dict[str, str]]) -> list[int]:
    """Renders to text, then tokenizes it with the defaults."""
    return list(tok(tok.apply_chat_template(chat, tokenize=False))["input_ids"])


def by_template(tok: PreTrainedTokenizerFast, chat: list[dict[str, str]]) -> list[int]:
    """Lets the template make the tokens."""
    return list(tok.apply_chat_template(chat, tokenize=True, return_dict=False))


def starts_once(tok: PreTrainedTokenizerFast, ids: list[int]) -> bool:
    """The check that belongs before each evaluation."""
    return ids[:2].count(tok.convert_tokens_to_ids(BEGIN)) == 1


# --8<-- [end:render]


def example_begin() -> None:
    """The tokens of one question, by both ways."""
    tok = tokenizer()
    for name, render in {"by text": by_text, "by template": by_template}.items():
        ids = render(tok, QUESTION)
        words = " ".join(tok.convert_ids_to_tokens(ids))
        print(f"{name:12s}{words:24s}starts once: {starts_once(tok, ids)}")


if __name__ == "__main__":
    example_begin()
