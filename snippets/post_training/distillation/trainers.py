"""TRL's trainers of distillation on the small model, offline: two steps each."""

# /// fieldguide
# timeout_s = 600
# memory_mb = 3000
# tolerance.runs = {rel = 0.2, abs = 0.02, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import os
from copy import deepcopy
from functools import cache
from typing import Any

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TQDM_DISABLE": "1",
}

from datasets import Dataset  # type: ignore[import-untyped]
from transformers import LlamaForCausalLM
from transformers.trainer_callback import PrinterCallback
from trl.experimental.gkd import GKDConfig, GKDTrainer
from trl.trainer.distillation_config import DistillationConfig
from trl.trainer.distillation_trainer import DistillationTrainer

from snippets.tiny.sampling import LIMIT
from snippets.tiny.tasks import tasks
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import started

COMMON: dict[str, Any] = {
    "output_dir": "runs", "max_steps": 2, "per_device_train_batch_size": 16, "learning_rate": 1e-3,
    "logging_steps": 1, "save_strategy": "no", "report_to": "none", "use_cpu": True, "bf16": False,
    "gradient_checkpointing": False, "disable_tqdm": True, "seed": 3,
}  # fmt: skip
GIVEN = tasks(7, 64)


@cache
def fitted(seed: int, steps: int) -> LlamaForCausalLM:
    """A model after a supervised start."""
    return started(seed, steps)


def models() -> dict[str, LlamaForCausalLM]:
    """A fresh student, and its teacher of another seed after twice as many steps."""
    return {"model": deepcopy(fitted(1, 60)), "teacher_model": fitted(0, 120)}


# --8<-- [start:trainers]
def on_policy(beta: float, **more: Any) -> DistillationTrainer:
    """The stable trainer: the student writes, so prompts are enough."""
    data = Dataset.from_list([{"prompt": task.messages[:1]} for task in GIVEN])
    config = DistillationConfig(**COMMON, beta=beta, max_completion_length=LIMIT, **more)
    return DistillationTrainer(
        **models(), args=config, train_dataset=data, processing_class=tokenizer()
    )


def mixed(lmbda: float, beta: float, **more: Any) -> GKDTrainer:
    """GKD: a share `lmbda` of the batches is the student's text, the others are the data."""
    data = Dataset.from_list([{"messages": task.messages} for task in GIVEN])
    config = GKDConfig(
        **COMMON, beta=beta, lmbda=lmbda, max_length=32, max_new_tokens=LIMIT, **more
    )
    return GKDTrainer(
        **models(), args=config, train_dataset=data, processing_class=tokenizer()
    )


# --8<-- [end:trainers]


def logged(trainer: Any) -> list[dict[str, float]]:
    """Train, and return what was logged at each step."""
    trainer.remove_callback(PrinterCallback)
    trainer.train()
    return [entry for entry in trainer.state.log_history if "loss" in entry]


def example_runs() -> None:
    """Loss and gradient norm of the first step, by setting."""
    print("trainer               beta     loss  gradient")
    for name, make, settings in (
        ("Distillation", on_policy, [(1.0,), (0.999,), (0.9,), (0.5,), (0.0,)]),
        ("GKD, the data", mixed, [(0.0, 0.5)]),
        ("GKD, student's text", mixed, [(1.0, 0.5)]),
    ):
        for setting in settings:
            log = logged(make(*setting))
            print(f"{name:20s}{setting[-1]:6.3f}{log[0]['loss']:9.4f}{log[0]['grad_norm']:10.4f}")  # fmt: skip


if __name__ == "__main__":
    example_runs()
