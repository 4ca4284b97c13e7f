"""TRL's `GRPOTrainer` with each recipe's settings: one rollout and two updates each, offline, on the small model."""

# /// fieldguide
# timeout_s = 240
# memory_mb = 3000
# tolerance.runs = {rel = 0.1, abs = 0.05, reason = "a training run sums in another order on another machine"}
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
from trl.trainer.grpo_config import GRPOConfig
from trl.trainer.grpo_trainer import GRPOTrainer

from snippets.tiny.sampling import LIMIT
from snippets.tiny.tasks import tasks
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import started

# --8<-- [start:settings]
SETTINGS: dict[str, dict[str, Any]] = {
    "GRPO": {"loss_type": "grpo"},
    # the default loss
    "DAPO": {"epsilon_high": 0.28, "mask_truncated_completions": True},
    # both, or it keeps the deviation
    "Dr. GRPO": {"loss_type": "dr_grpo", "scale_rewards": "none"},
    "GSPO": {
        "loss_type": "grpo", "importance_sampling_level": "sequence",
        "epsilon": 3e-4, "epsilon_high": 4e-4,
    },
    "CISPO": {"loss_type": "cispo", "epsilon_high": 5.0},
}  # fmt: skip
# --8<-- [end:settings]


@cache
def begun() -> LlamaForCausalLM:
    """The model before reinforcement."""
    return started(0, 60)


def right(completions: list[Any], answer: list[str], **_: Any) -> list[float]:
    """The verifier: 1 for the right answer, else 0."""
    return [float(c[0]["content"] == a) for c, a in zip(completions, answer, strict=True)]


def questions(n: int) -> Dataset:
    """Prompts as conversations, and the answers that the verifier needs."""
    return Dataset.from_list(
        [{"prompt": task.messages[:1], "answer": task.answer} for task in tasks(7, n)]
    )


def trainer(folder: str, steps: int, reward: Any = right, **settings: Any) -> GRPOTrainer:
    """Groups of 8 replies to 8 prompts, in two updates a rollout."""
    config = GRPOConfig(
        output_dir=folder, max_steps=steps, per_device_train_batch_size=32, num_generations=8,
        steps_per_generation=2, max_completion_length=LIMIT, learning_rate=1e-3, seed=3,
        logging_steps=1, save_strategy="no", report_to="none", use_cpu=True, bf16=False,
        gradient_checkpointing=False, disable_tqdm=True, **settings,
    )  # fmt: skip
    run = GRPOTrainer(
        deepcopy(begun()), reward, args=config, train_dataset=questions(40),
        processing_class=tokenizer(),
    )  # fmt: skip
    run.remove_callback(PrinterCallback)
    return run


def example_runs() -> None:
    """One rollout and two updates on it: what the second one clips, and its gradient."""
    print("settings    reward  no gradient  clipped  gradient norm")
    for name, settings in SETTINGS.items():
        run = trainer("runs", 2, **settings)
        run.train()
        first, second = run.state.log_history[:2]
        clip = "cispo_clip_ratio" if name == "CISPO" else "clip_ratio/region_mean"
        reward, empty = float(first["reward"]), float(first["frac_reward_zero_std"])
        cut, norm = float(second[clip]), float(second["grad_norm"])
        print(f"{name:10s}{reward:8.2f}{empty:13.0%}{cut:9.0%}{norm:15.2f}")


if __name__ == "__main__":
    example_runs()
