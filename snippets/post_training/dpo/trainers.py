"""The trainers of TRL on a tiny Llama, without a network."""
# /// fieldguide
# timeout_s = 180
# memory_mb = 3000
# ///

from __future__ import annotations

from typing import Any

import torch
from datasets import Dataset  # type: ignore[import-untyped]
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import WhitespaceSplit
from transformers import (
    LlamaConfig,
    LlamaForCausalLM,
    PreTrainedTokenizerFast,
    PrinterCallback,
)
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer  # type: ignore[attr-defined]
from trl.experimental.cpo import CPOConfig, CPOTrainer
from trl.experimental.orpo import ORPOConfig, ORPOTrainer

WORDS = ["<pad>", "<end>", "ask", "yes", "no", "never", "of", "course", "not", "please"]
PAIRS = [("ask please", "yes of course", "no"), ("ask", "no", "never please"),
         ("ask not", "of course not", "yes"), ("ask of", "please", "no of course not")]  # fmt: skip


def tokenizer() -> PreTrainedTokenizerFast:
    """One token a word."""
    words = Tokenizer(
        WordLevel({word: i for i, word in enumerate(WORDS)}, unk_token="<pad>")
    )
    words.pre_tokenizer = WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", eos_token="<end>"
    )


def llama(seed: int) -> LlamaForCausalLM:
    """Two layers of random weights."""
    torch.manual_seed(seed)
    return LlamaForCausalLM(LlamaConfig(
        vocab_size=len(WORDS), hidden_size=32, intermediate_size=64, num_hidden_layers=2, num_attention_heads=2,
        max_position_embeddings=32, pad_token_id=0, eos_token_id=1, bos_token_id=None,
    ))  # fmt: skip


def data(unpaired: bool = False) -> Dataset:
    """Four pairs, or their eight answers with a label each."""
    rows = [
        {"prompt": prompt, "chosen": " " + good, "rejected": " " + bad}
        for prompt, good, bad in PAIRS
    ]
    if not unpaired:
        return Dataset.from_list(rows)
    flat = [
        (row["prompt"], row[side], side == "chosen")
        for row in rows
        for side in ("chosen", "rejected")
    ]
    return Dataset.from_list(
        [{"prompt": p, "completion": c, "label": label} for p, c, label in flat]
    )


COMMON: dict[str, Any] = {
    "output_dir": "run", "max_steps": 3, "logging_steps": 1, "learning_rate": 1e-3, "report_to": [],
    "save_strategy": "no", "use_cpu": True, "disable_tqdm": True, "beta": 0.5, "max_length": 24, "bf16": False,
    "gradient_checkpointing": False,
}  # fmt: skip


# --8<-- [start:trainers]
def dpo(loss: str, policy: Any = None, reference: Any = None) -> DPOTrainer:
    """One of fifteen losses by name; a model without a path needs its reference passed."""
    config = DPOConfig(**COMMON, loss_type=[loss], per_device_train_batch_size=4)
    models = policy or llama(0), reference or llama(1)
    return DPOTrainer(*models, config, train_dataset=data(), processing_class=tokenizer())


def kto() -> KTOTrainer:
    """Single answers with a label each."""
    config = KTOConfig(**COMMON, per_device_train_batch_size=8)
    return KTOTrainer(
        llama(0), llama(1), config, train_dataset=data(True), processing_class=tokenizer()
    )


def simpo() -> CPOTrainer:
    """SimPO is CPO with another loss, and without CPO's cross-entropy."""
    config = CPOConfig(
        **COMMON,
        loss_type="simpo",
        simpo_gamma=0.25,
        cpo_alpha=0.0,
        per_device_train_batch_size=4,
    )
    return CPOTrainer(llama(0), config, train_dataset=data(), processing_class=tokenizer())


def orpo() -> ORPOTrainer:
    """The `beta` of its configuration is the weight of the odds."""
    config = ORPOConfig(**COMMON, per_device_train_batch_size=4)
    return ORPOTrainer(llama(0), config, train_dataset=data(), processing_class=tokenizer())


# --8<-- [end:trainers]


def logged(trainer: Any) -> list[dict[str, float]]:
    """Train, and return what was logged at each step."""
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry]
