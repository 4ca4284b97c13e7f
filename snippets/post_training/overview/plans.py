"""Plans of real sizes: methods, stages and published measurements side by side."""

from __future__ import annotations

from dataclasses import replace

from snippets.post_training.overview.memory import GB, Run, parts, peak, phases
from snippets.shapes.models import MODELS, Shape, cache_bytes

LLAMA = MODELS["Llama 3 8B"]
GIB = 2**30
METHODS = ("full", "LoRA", "QLoRA")
LONG = 20_480  # tokens, in unsloth2025grpo
RL = Run(LLAMA, "RL", "LoRA", tokens=LONG, sequences=1, rollouts=8)


def plan(stage: str, method: str) -> Run:
    """Llama 3 8B on sequences of 4,096 tokens, eight sampled at once, and a teacher of 32B."""
    return Run(LLAMA, stage, method, teacher=32e9)


def label(run: Run) -> str:
    """Stage and method in two words."""
    return f"{run.stage} {run.method}"


def example_methods() -> None:
    """GB of each part where the most is needed, on one GPU."""
    runs = [plan(stage, method) for stage in ("SFT", "RL") for method in METHODS]
    print(f"{'GB':12s}{''.join(f'{label(r):>10s}' for r in runs)}")
    worst = [phases(run)[peak(run)[0]] for run in runs]
    for name in worst[0]:
        if any(sizes[name] for sizes in worst):
            print(f"{name:12s}{''.join(f'{sizes[name] / GB:10.1f}' for sizes in worst)}")
    print(f"{'together':12s}{''.join(f'{total(run):10.1f}' for run in runs)}")


def torchtune(method: str) -> Run:
    """torchtune's runs of Llama 3.1 8B: two packed sequences of 2,048, all of it in bf16."""
    return Run(LLAMA, "SFT", method, 2048, 2, precision="bf16", rank=8, chunk=512)


TUNED = {"LoRA": 16.2, "QLoRA": 7.4}  # GiB at the peak, torchtune2024readme


def example_published() -> None:
    """GiB at the peak: measured by torchtune, and planned."""
    print(f"{'':7s}{'measured':>10s}{'planned':>10s}")
    for method, seen in TUNED.items():
        print(f"{method:7s}{seen:10.1f}{peak(torchtune(method))[1] / GIB:10.1f}")


def example_growth() -> None:
    """GB of a LoRA run of RL on Llama 3 8B as its answers grow, by phase."""
    print("  tokens    training  of it logits    sampling  of it rollouts")
    for tokens in (2048, 4096, 8192, 16_384, 32_768):
        both = phases(replace(RL, tokens=tokens))
        train, sample = (sum(both[p].values()) / GB for p in ("training", "sampling"))
        logits, cache = both["training"]["logits"] / GB, both["sampling"]["rollouts"] / GB
        print(f"{tokens:8,d}{train:12.1f}{logits:14.1f}{sample:12.1f}{cache:16.1f}")


def logits_bytes(answers: int, tokens: int, vocab: int, width: float = 2.0) -> float:
    """Two copies of the logits of a group of answers, as a plain GRPO loss makes them."""
    return 2 * width * answers * tokens * vocab


def rollout_bytes(m: Shape, tokens: int, answers: int) -> float:
    """Keys and values of answers that are sampled at once."""
    return answers * cache_bytes(m, tokens)


def cache_gib(answers: int) -> float:
    """GiB of the cache of so many answers of that length."""
    return rollout_bytes(LLAMA, LONG, answers) / GIB


def logits_gib() -> float:
    """GiB of the logits of a group of eight."""
    return logits_bytes(8, LONG, LLAMA.vocab) / GIB


def part_gb(name: str) -> float:
    """GB of one part of RL with LoRA."""
    return parts(plan("RL", "LoRA"))[name] / GB


def total(run: Run) -> float:
    """GB at the peak."""
    return peak(run)[1] / GB


def excess(method: str) -> float:
    """How much more is planned than torchtune measured."""
    return peak(torchtune(method))[1] / GIB / TUNED[method] - 1


def awake() -> float:
    """GB at the peak of the long RL run if the sampler never leaves."""
    return total(replace(RL, sleep=False))


def facts() -> dict[str, str]:
    """Numbers that the page states about plans."""
    return {
        "full_sft": f"{total(plan('SFT', 'full')):.0f} GB",
        "lora_sft": f"{total(plan('SFT', 'LoRA')):.0f} GB",
        "lora_rl": f"{total(plan('RL', 'LoRA')):.0f} GB",
        "qlora_rl": f"{total(plan('RL', 'QLoRA')):.0f} GB",
        "long_asleep": f"{total(RL):.0f} GB",
        "long_awake": f"{awake():.0f} GB",
        "grown": f"{total(replace(RL, tokens=32_768)):.0f} GB",
        "chunked": f"{total(replace(RL, tokens=32_768, chunk=1024)):.0f} GB",
        "rollout_one": f"{cache_gib(1):.1f} GiB",
        "rollout_eight": f"{cache_gib(8):.0f} GiB",
        "logits_eight": f"{logits_gib():.1f} GiB",
        "sampler_8b": f"{part_gb('sampler'):.0f} GB",
        "rollouts_4k": f"{part_gb('rollouts'):.1f} GB",
        "logits_4k": f"{part_gb('logits'):.1f} GB",
        "excess_lora": f"{excess('LoRA'):.0%}",
        "excess_qlora": f"{excess('QLoRA'):.0%}",
    }


if __name__ == "__main__":
    example_methods()
    example_published()
    example_growth()
