"""The planner of memory and the choice of a method. Standard library only, for the browser, too."""

from __future__ import annotations

from typing import Annotated, Literal

from snippets.post_training.overview.choice import Situation, choose, chosen
from snippets.post_training.overview.memory import GB, Run, peak, phases
from snippets.shapes.models import MODELS, Shape

# Qwen3 8B as Tinker counts adapters for it (published case PT-103)
SHAPES = {
    "Llama 3 8B": MODELS["Llama 3 8B"],
    "Qwen3 8B": Shape(36, 4096, 32, 8, 128, 12_288, 151_936, qk_norm=True),
    "Qwen3 32B": MODELS["Qwen3 32B"],
    "Llama 3 70B": MODELS["Llama 3 70B"],
    "Llama 3 405B": MODELS["Llama 3 405B"],
}


def post_training_memory(
    model: Literal[
        "Llama 3 8B", "Qwen3 8B", "Qwen3 32B", "Llama 3 70B", "Llama 3 405B"
    ] = "Llama 3 8B",
    stage: Literal["SFT", "preferences", "distillation", "RL"] = "RL",
    method: Literal["full", "LoRA", "QLoRA"] = "LoRA",
    tokens: Annotated[int, "tokens", (1, 1_000_000)] = 4096,
    memory: Annotated[float, "GB", (1.0, 1000.0)] = 80.0,
    gpus: Annotated[int, "", (1, 4096)] = 1,
    *,
    sequences: Annotated[int, "", (1, 4096)] = 1,
    rollouts: Annotated[int, "", (0, 4096)] = 8,
    optimizer: Literal["AdamW", "AdamW 8-bit", "momentum"] = "AdamW",
    precision: Literal["mixed", "bf16", "fp32"] = "mixed",
    rank: Annotated[int, "", (1, 1024)] = 16,
    teacher: Annotated[float, "billion parameters", (0.0, 2000.0)] = 32.0,
    chunk: Annotated[int, "tokens", (0, 1_000_000)] = 0,
    checkpoint: bool = True,
    sleep: bool = True,
    reference: bool = True,
) -> dict[str, object]:
    """Does this post-training run fit on the card?

    Args:
        model: Model to train. By its published shape.
        stage: Stage of training. Preferences hold two answers to a prompt; RL and distillation sample them.
        method: What is trained. QLoRA keeps the matrices of the layers in NF4.
        tokens: Longest sequence, $S$. Prompt and answer together.
        memory: Memory of one GPU.
        gpus: GPUs together, $n$. They share weights, states and sampler; each has sequences of its own.
        sequences: Sequences trained at once on a GPU. Pairs, where answers are compared.
        rollouts: Sequences sampled at once on a GPU.
        optimizer: Optimizer of what is trained. Its averages; in mixed precision also the fp32 master weights.
        precision: Precision of training. Mixed is bf16 with fp32 master weights; adapters are fp32 but in bf16.
        rank: Rank of the adapter.
        teacher: Teacher's parameters.
        chunk: Tokens whose logits exist at once. 0 means all.
        checkpoint: Recompute layers. Only the input of each layer is kept.
        sleep: Sampler leaves while the trainer works.
        reference: Compare with the starting model. Adapters need no copy for it.
    """
    r = Run(
        SHAPES[model], stage, method, tokens, sequences, rollouts, optimizer, precision, rank,
        checkpoint, chunk, sleep, reference, teacher * 1e9, gpus,
    )  # fmt: skip
    worst, size = peak(r)
    every = phases(r)
    samples = stage in ("RL", "distillation")
    unused = [] if samples else ["rollouts", "sleep"]
    unused += [] if stage == "distillation" else ["teacher"]
    unused += ["rank"] if method == "full" else []
    unused += [] if method == "full" and stage in ("RL", "preferences") else ["reference"]
    return {
        "needed on one GPU": f"{size / GB:,.1f} GB, {'fits' if size <= memory * GB else 'does not fit'}",
        "while": worst,
        **{f"while {k}": f"{sum(v.values()) / GB:,.1f} GB" for k, v in every.items() if k != worst},
        **{name: f"{part / GB:,.1f} GB" for name, part in every[worst].items() if part},
        "bars": {
            "unit": "GB", "limit": memory,
            "values": {name: part / GB for name, part in every[worst].items() if part},
        },
        "unused": unused,
    }  # fmt: skip


def method(
    answers: Annotated[int, "", (0, 10_000_000)] = 3000,
    pairs: Annotated[int, "", (0, 10_000_000)] = 0,
    verified: Annotated[int, "prompts", (0, 10_000_000)] = 4000,
    teacher: Annotated[float, "billion parameters", (0.0, 2000.0)] = 0.0,
    gpus: Annotated[int, "", (1, 10_000)] = 8,
    days: Annotated[float, "days", (0.01, 365.0)] = 7.0,
    *,
    params: Annotated[float, "billion parameters", (0.1, 2000.0)] = 8.0,
    score: Annotated[float, "%", (1.0, 99.0)] = 60.0,
    goal: Annotated[float, "points", (0.1, 50.0)] = 5.0,
    solved: Annotated[float, "%", (0.0, 100.0)] = 30.0,
    tokens: Annotated[int, "tokens", (1, 200_000)] = 4000,
    group: Annotated[int, "answers", (2, 1024)] = 16,
) -> dict[str, object]:
    """Which method, and which experiment could refute it first?

    Args:
        answers: Answers worth copying.
        pairs: Preferences. Two answers to a prompt, one of them preferred.
        verified: Prompts with a checker. A program can tell right from wrong.
        teacher: Better model that you may sample. 0 means none.
        gpus: GPUs that you have. H100s.
        days: Days until the deadline.
        params: Model to train.
        score: Its score today. On your own questions.
        goal: Gain that would be worth it.
        solved: Answers that pass the check today.
        tokens: Length of an answer.
        group: Answers to one prompt. In RL.
    """
    if score + goal >= 100:
        error = ValueError("score and gain together must stay below 100%.")
        error.field = "goal"  # type: ignore[attr-defined]
        raise error
    s = Situation(
        params * 1e9, score / 100, goal / 100, answers, pairs, verified, solved / 100,
        teacher * 1e9, tokens, group, gpus, days,
    )  # fmt: skip
    v = chosen(s)
    rows = [
        [
            c.method,
            f"{c.hours:,.1f}",
            c.against or "nothing",
            f"{c.trials:,} {c.experiment}",
            f"{c.pilot:,.2f}",
        ]
        for c in choose(s)
    ]
    return {
        "method": v.method,
        "one run, at least": f"{v.hours:,.1f} GPU-hours of {s.budget():,.0f}",
        "could refute it": f"{v.trials:,} {v.experiment}",
        "cost of the experiment": f"{v.pilot:,.2f} GPU-hours",
        "table": [
            ["method", "GPU-hours", "against it", "could refute it", "GPU-hours of that"],
            *rows,
        ],
    }
