"""vLLM: the model that the page serves, made here because none may be downloaded."""
# /// fieldguide
# environment = "vllm"
# ///

from __future__ import annotations

import os
import random
from pathlib import Path
from typing import Any

os.environ |= {
    "VLLM_CPU_KVCACHE_SPACE": "1",  # GiB of blocks
    "VLLM_ENABLE_V1_MULTIPROCESSING": "0",  # offline: the scheduler in this process, where we can look
    "VLLM_HOST_IP": "127.0.0.1",
    "VLLM_LOGGING_LEVEL": "ERROR",
}
BLOCK = 32  # tokens; vLLM's attention kernel for this processor wants multiples of 32
VOCABULARY = 257  # the bytes, and one token that means the beginning


def tiny_llama(folder: Path) -> Any:
    """Save a random Llama and a tokenizer of bytes where vLLM can load them; heads of 64."""
    import torch
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=VOCABULARY, hidden_size=128, intermediate_size=256, num_hidden_layers=2,
        num_attention_heads=2, num_key_value_heads=1, head_dim=64, max_position_embeddings=2048,
        initializer_range=0.3, bos_token_id=256, eos_token_id=None,
    )  # fmt: skip
    model = LlamaForCausalLM(config).eval()
    model.save_pretrained(folder)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = {letter: number for number, letter in enumerate([*letters, "<s>"])}
    tokenizer = Tokenizer(models.BPE(vocab=words, merges=[]))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    chat = "{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}"
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token="<s>", chat_template=chat
    )
    fast.save_pretrained(folder)
    return model


def greedy(model: Any, prompt: list[int], new: int) -> list[int]:
    """What `transformers` answers to one prompt, alone in its batch."""
    import torch

    tokens = torch.tensor([prompt])
    mask = torch.ones_like(tokens)
    out = model.generate(tokens, attention_mask=mask, max_new_tokens=new, do_sample=False)
    return [int(token) for token in out[0, len(prompt) :]]


def random_prompt(tokens: int, seed: int) -> list[int]:
    """A prompt that shares no beginning with another one's."""
    draw = random.Random(seed)
    return [draw.randrange(256) for _ in range(tokens)]
