"""TRL's trainers for the three stages, offline, on the small model; one of them against the exact optimum."""

# /// fieldguide
# timeout_s = 300
# memory_mb = 3000
# tolerance.stages = {rel = 0.15, abs = 0.06, reason = "a training run sums in another order on another machine"}
# tolerance.optimum = {rel = 0.1, abs = 0.03, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import os
from functools import cache
from typing import Any

os.environ |= {
    "HF_HUB_OFFLINE": "1",
    "TRANSFORMERS_VERBOSITY": "error",
    "TQDM_DISABLE": "1",
}

import torch
from datasets import Dataset  # type: ignore[import-untyped]
from torch import Tensor
from transformers import LlamaForCausalLM
from transformers.trainer_callback import PrinterCallback
from trl.experimental.online_dpo import OnlineDPOConfig, OnlineDPOTrainer
from trl.trainer.reward_config import RewardConfig
from trl.trainer.reward_trainer import RewardTrainer
from trl.trainer.rloo_config import RLOOConfig
from trl.trainer.rloo_trainer import RLOOTrainer

from snippets.post_training.rlhf.language import expected, kl
from snippets.post_training.rlhf.optimum import tilted
from snippets.post_training.rlhf.positions import fresh, pairs
from snippets.tiny.sampling import LIMIT, prompt_ids
from snippets.tiny.tasks import Task, tasks
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import started

COMMON: dict[str, Any] = {
    "output_dir": "run", "logging_steps": 1, "save_strategy": "no", "report_to": "none", "use_cpu": True,
    "bf16": False, "gradient_checkpointing": False, "disable_tqdm": True, "seed": 3,
}  # fmt: skip
BETA, PROMPT = 0.2, Task("sort 413", "134")
DIGITS = tokenizer().convert_tokens_to_ids(list("0123456789"))


def quiet(trainer: Any) -> Any:
    """Without its own printing."""
    trainer.remove_callback(PrinterCallback)
    return trainer


# --8<-- [start:trainers]
def reward_trainer(steps: int) -> RewardTrainer:
    """Pairs of conversations, right answer against wrong one."""
    rows = zip(*pairs(0, 256), strict=True)
    data = [{"chosen": good.messages, "rejected": bad.messages} for good, bad in rows]
    config = RewardConfig(
        **COMMON, max_steps=steps, per_device_train_batch_size=32, learning_rate=3e-3
    )
    return RewardTrainer(fresh(), config, train_dataset=Dataset.from_list(data),
                         processing_class=tokenizer())  # fmt: skip


def rloo_trainer(steps: int, model: str, reward: Any, limit: int) -> RLOOTrainer:
    """Groups of 32 replies; the sequence's log-ratio is taken off its reward."""
    config = RLOOConfig(
        **COMMON, max_steps=steps, per_device_train_batch_size=32, num_generations=32,
        max_completion_length=limit, learning_rate=6e-3, beta=BETA,
    )  # fmt: skip
    prompts = [{"prompt": PROMPT.messages[:1]}] * 64
    return RLOOTrainer(model, reward, args=config, train_dataset=Dataset.from_list(prompts),
                       processing_class=tokenizer())  # fmt: skip


def online_dpo_trainer(steps: int, reward: Any) -> OnlineDPOTrainer:
    """Two replies to each prompt; the better one is chosen, on the spot."""
    config = OnlineDPOConfig(
        **COMMON, max_steps=steps, per_device_train_batch_size=16, learning_rate=1e-3,
        max_new_tokens=LIMIT, max_length=64, beta=[0.1], temperature=1.0,
    )  # fmt: skip
    prompts = [{"prompt": task.messages[:1]} for task in tasks(7, 64)]
    return OnlineDPOTrainer(started(0, 60), reward_funcs=reward, args=config,
                            train_dataset=Dataset.from_list(prompts),
                            processing_class=tokenizer())  # fmt: skip


# --8<-- [end:trainers]


def first_digit(completion_ids: list[list[int]], **_: Any) -> list[float]:
    """The reward of the check: the larger the first digit, the better; no digit, nothing."""
    worth = {token: digit / 9 for digit, token in enumerate(DIGITS)}
    return [worth.get(int(ids[0]), 0.0) for ids in completion_ids]


@torch.no_grad()
def next_token(policy: LlamaForCausalLM) -> Tensor:
    """Exact chance of each reply of one token to the prompt: [V]."""
    logits = policy.eval()(input_ids=prompt_ids([PROMPT])).logits[0, -1]
    return logits.double().softmax(-1)


@cache
def rloo_against_optimum(steps: int = 40) -> dict[str, tuple[float, float]]:
    """KL and reward before, where TRL ends, and at the closed form, over all 128 replies of a token."""
    policy = started(0, 60)
    policy.save_pretrained("reference")
    before = next_token(policy)
    run = quiet(rloo_trainer(steps, "reference", first_digit, limit=1))
    run.train()
    score = torch.tensor(first_digit([[i] for i in range(len(before))])).double()
    ends = {
        "reference": before,
        "RLOOTrainer": next_token(run.model),
        "optimum": tilted(score, BETA, before),
    }
    return {name: (kl(p, before).item(), expected(p, score)) for name, p in ends.items()}


def example_optimum() -> None:
    """What TRL's online trainer finds, and what is best."""
    print("policy          KL  reward  reward - beta KL")
    for name, (spent, won) in rloo_against_optimum().items():
        print(f"{name:12s}{spent:6.2f}{won:8.3f}{won - BETA * spent:18.3f}")


def example_stages() -> None:
    """A reward model for twelve steps, and online DPO for four: what is logged first and last."""
    run = quiet(reward_trainer(12))
    run.train()
    log = [entry for entry in run.state.log_history if "loss" in entry]
    for name in ("loss", "accuracy"):
        print(
            f"RewardTrainer     {name:16s}{float(log[0][name]):7.3f}{float(log[-1][name]):7.3f}"
        )
    run = quiet(online_dpo_trainer(4, first_digit))
    run.train()
    log = [entry for entry in run.state.log_history if "loss" in entry]
    for name in ("loss", "objective/kl"):
        print(
            f"OnlineDPOTrainer  {name:16s}{float(log[0][name]):7.3f}{float(log[-1][name]):7.3f}"
        )


if __name__ == "__main__":
    example_optimum()
    example_stages()
