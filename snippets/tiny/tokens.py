"""A tokenizer trained in memory on the story and on the words of the tasks."""

from __future__ import annotations

from functools import cache
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

PAD, BEGIN, END, UNKNOWN = "<|pad|>", "<|begin|>", "<|end|>", "<|unknown|>"
ROLES = ("<|system|>", "<|user|>", "<|assistant|>", "<|tool|>")
SPECIAL = (PAD, BEGIN, END, UNKNOWN, *ROLES)  # their ids are 0 to 7
VOCABULARY = 128
STORY = Path(__file__).with_name("story.txt").read_text(encoding="utf-8")
TASKS = "sort 0123456789\nreverse 0123456789\n" * 40

# What stands between `generation` and `endgeneration` was written by the model.
TEMPLATE = (
    "{{ bos_token }}{% for message in messages %}{{ '<|' + message.role + '|>' }}"
    "{% if message.role == 'assistant' %}"
    "{% generation %}{{ message.content }}{{ eos_token }}{% endgeneration %}"
    "{% else %}{{ message.content }}{{ eos_token }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)


@cache
def tokenizer() -> PreTrainedTokenizerFast:
    """Byte pairs of the story; each digit is a token, and so is each role."""
    bare = Tokenizer(models.BPE(unk_token=UNKNOWN))
    bare.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Digits(individual_digits=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False),
        ]
    )
    bare.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=VOCABULARY, special_tokens=list(SPECIAL), show_progress=False
    )
    bare.train_from_iterator([STORY, TASKS], trainer)
    return PreTrainedTokenizerFast(
        tokenizer_object=bare,
        pad_token=PAD,
        bos_token=BEGIN,
        eos_token=END,
        unk_token=UNKNOWN,
        extra_special_tokens=list(ROLES),
        chat_template=TEMPLATE,
    )
