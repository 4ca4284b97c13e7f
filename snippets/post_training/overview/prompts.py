"""One conversation, two ways to its tokens: the template as text, and the template as tokens."""

from __future__ import annotations

from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from tokenizers.processors import TemplateProcessing

WORDS = ["<unk>", "<s>", "<user>", "<bot>", "what", "is", "two", "plus", "four"]
BEGIN = WORDS.index("<s>")
TALK = ("what is two plus two",)


def tokenizer() -> Tokenizer:
    """A tokenizer of whole words that, like Llama's, puts a begin token before each text."""
    t = Tokenizer(WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<unk>"))
    t.pre_tokenizer = WhitespaceSplit()
    t.post_processor = TemplateProcessing(single="<s> $A", special_tokens=[("<s>", BEGIN)])
    return t


# --8<-- [start:render]
def render(question: str) -> str:
    """A chat template; like Llama's, it writes the begin token itself."""
    return f"<s> <user> {question} <bot>"


def as_text(question: str) -> list[int]:
    """Tokens of the rendered text, as an evaluation harness may ask for them."""
    return tokenizer().encode(render(question)).ids


def as_tokens(question: str) -> list[int]:
    """Tokens of the same text, when the tokenizer is told that the template is complete."""
    return tokenizer().encode(render(question), add_special_tokens=False).ids


# --8<-- [end:render]


def own_gain(reported: float, repair: float) -> float:
    """What remains of a reported gain once the baseline's prompts are repaired, too."""
    return reported - repair


def reported_gain(repair: float, share: float) -> float:
    """The reported gain, if repairing the baseline leaves this share of it."""
    return repair / (1 - share)


REPAIR, LEFT = 6.0, 0.5  # points and share, lee2026bos


def example_begin() -> None:
    """The first tokens of one question, by the two ways."""
    for name, way in (("as text", as_text), ("as tokens", as_tokens)):
        ids = way(TALK[0])
        print(f"{name:10s} {ids[:2].count(BEGIN)} begin: {' '.join(WORDS[i] for i in ids)}")


def facts() -> dict[str, str]:
    """Numbers that the page states."""
    claimed = reported_gain(REPAIR, LEFT)
    return {
        "claimed": f"{claimed:.0f} points",
        "own": f"{own_gain(claimed, REPAIR):.0f} points",
    }


if __name__ == "__main__":
    example_begin()
