"""Three steps with each trainer of TRL; the first loss beside ours."""
# /// fieldguide
# timeout_s = 180
# memory_mb = 3000
# tolerance.trainers = {rel = 0.02, abs = 0.002, reason = "a training run sums in another order on another machine"}
# tolerance.shared = {rel = 0.05, abs = 0.05, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from datasets import disable_progress_bars  # type: ignore[import-untyped]
from torch import Tensor

from snippets.post_training.dpo import losses, trainers
from snippets.post_training.dpo.logprobs import answer_logps
from snippets.post_training.dpo.trainers import PAIRS, WORDS, llama, logged


def scores(seed: int) -> tuple[Tensor, Tensor]:  # [4, 2] each
    """Log-probabilities of the answers by our own sum, and their tokens; column 0 chosen."""
    words = [[f"{row[0]} {row[side]} <end>" for side in (1, 2)] for row in PAIRS]
    found = []
    for row, texts in zip(PAIRS, words, strict=True):
        for text in texts:
            tokens = torch.tensor([[WORDS.index(word) for word in text.split()]])
            answer = (torch.arange(tokens.shape[1]) >= len(row[0].split())).long()[None]
            with torch.no_grad():
                found.append(
                    torch.cat(answer_logps(llama(seed)(tokens).logits, tokens, answer))
                )
    table = torch.stack(found).view(len(PAIRS), 2, 2)
    return table[..., 0], table[..., 1]


def ours(name: str, kl: float = 0.0) -> float:
    """The first loss of a trainer, from our functions; KTO takes its anchor from TRL's log."""
    (policy, tokens), (reference, _) = scores(0), scores(1)
    h, means = (
        losses.margin(policy, reference),
        losses.margin(policy / tokens, reference / tokens),
    )
    gap = (policy / tokens)[:, 0] - (policy / tokens)[:, 1]
    good = torch.tensor([True, False])
    return {
        "sigmoid": losses.dpo(h, 0.5), "hinge": losses.rso(h, 0.5), "ipo": losses.ipo(means, 0.5),
        "sigmoid_norm": losses.dpo(means, 0.5), "simpo": losses.simpo(gap, 0.5, 0.25),
        "kto": losses.kto(policy - reference, torch.tensor(kl), 0.5, good),
    }[name].mean().item()  # fmt: skip


def example_trainers() -> None:
    """The first and the third loss of each; ORPO's cross-entropy counts the prompt, so ours differs."""
    disable_progress_bars()
    makers: dict[str, Callable[[], Any]] = {
        name: partial(trainers.dpo, name)
        for name in ("sigmoid", "hinge", "ipo", "sigmoid_norm")
    }
    makers |= {"kto": trainers.kto, "simpo": trainers.simpo, "orpo": trainers.orpo}
    print("trainer      loss          first step     ours  third step")
    for name, make in makers.items():
        trainer = make()
        first, *_, last = logged(trainer)
        own = "      -" if name == "orpo" else f"{ours(name, first.get('kl', 0.0)):7.4f}"
        print(
            f"{type(trainer).__name__:13}{name:14}{first['loss']:10.4f}{own:>9}{last['loss']:12.4f}"
        )


def shared() -> list[dict[str, float]]:
    """A shallow copy as the reference: another object on the same weights, which TRL accepts."""
    disable_progress_bars()
    policy = llama(0)
    return logged(trainers.dpo("sigmoid", policy, copy.copy(policy)))


def example_shared() -> None:
    """What TRL logs if policy and reference share their weights."""
    print("step    loss  grad_norm  rewards/margins  logps/chosen  logps/rejected")
    for step in shared():
        print(f"{step['step']:4}{step['loss']:8.4f}{step['grad_norm']:11.2f}{step['rewards/margins']:17.4f}"
              f"{step['logps/chosen']:14.2f}{step['logps/rejected']:16.2f}")  # fmt: skip
