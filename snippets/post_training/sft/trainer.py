# /// fieldguide
# timeout_s = 180
# memory_mb = 3000
# tolerance.losses = {rel = 0.02, reason = "a training run sums in another order on another machine"}
# ///
"""`SFTTrainer` for a few steps, on the tiny world's model and tokenizer, without a hub."""

from __future__ import annotations

import contextlib
import io
import os
import tempfile
from pathlib import Path

os.environ["HF_HUB_OFFLINE"] = "1"

import torch
import trl
from datasets import Dataset  # type: ignore[import-untyped]
from transformers import PreTrainedTokenizerFast
from trl.chat_template_utils import (
    has_generation_markers,
    is_chat_template_prefix_preserving,
)
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from snippets.tiny.tasks import Task, tasks
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import conversations, logprobs, model

GIVEN = tasks(0, 16)


# --8<-- [start:trainer]
def trainer(given: list[Task], loss: str = "nll", *, packing: bool = False) -> SFTTrainer:
    """TRL's trainer for replies only: eight conversations a step, or one packed row."""
    config = SFTConfig(
        output_dir=tempfile.mkdtemp(),
        assistant_only_loss=True,
        loss_type=loss,
        packing=packing,
        packing_strategy="bfd",
        max_length=64,
        per_device_train_batch_size=1 if packing else 8,
        max_steps=3,
        learning_rate=1e-3,
        logging_steps=1,
        bf16=False,
        use_cpu=True,
        report_to="none",
        save_strategy="no",
        disable_tqdm=True,
        seed=0,
    )
    data = Dataset.from_list([{"messages": task.messages} for task in given])
    return SFTTrainer(
        model=model(0), args=config, train_dataset=data, processing_class=tokenizer()
    )


# --8<-- [end:trainer]


def losses(loss: str, *, packing: bool = False) -> list[float]:
    """The loss of each of three steps."""
    with contextlib.redirect_stdout(io.StringIO()):
        run = trainer(GIVEN, loss, packing=packing)
        run.train()
    return [entry["loss"] for entry in run.state.log_history if "loss" in entry]


def example_losses() -> None:
    """Three steps each."""
    print("loss  packed  step 1   step 2   step 3")
    for loss in ("nll", "dft"):
        for packing in (False, True):
            steps = "  ".join(f"{x:7.4f}" for x in losses(loss, packing=packing))
            print(f"{loss:4}  {'yes' if packing else 'no':6} {steps}")


def named(file: str) -> PreTrainedTokenizerFast:
    """The tiny tokenizer with a template that TRL ships."""
    path = Path(trl.__file__).parent / "chat_templates" / file
    other = PreTrainedTokenizerFast(tokenizer_object=tokenizer().backend_tokenizer)
    other.chat_template = path.read_text(encoding="utf-8")
    return other


SHIPPED = ("qwen3.jinja", "qwen3_training.jinja", "qwen2_5.jinja", "qwen2_5_training.jinja")


def example_templates() -> None:
    """Templates that TRL ships: do they mark replies, and keep the prefix?"""
    print("template                marks replies  keeps the prefix when a tool answers")
    for file in SHIPPED:
        with_template = named(file)
        marks = has_generation_markers(with_template.chat_template)
        keeps = is_chat_template_prefix_preserving(with_template)
        print(f"{file:22}  {'yes' if marks else 'no':13}  {'yes' if keeps else 'no'}")


@torch.no_grad()
def ours(given: list[Task]) -> float:
    """Our loss of all given conversations, under the same untrained model."""
    batch = conversations(given)
    return (-logprobs(model(0), batch.ids, batch.trains).sum() / batch.trains.sum()).item()


if __name__ == "__main__":
    example_losses()
    example_templates()
