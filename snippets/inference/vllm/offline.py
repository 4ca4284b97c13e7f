"""vLLM offline: its answers against transformers', its scheduler step by step, its block tables."""
# /// fieldguide
# environment = "vllm"
# timeout_s = 240
# memory_mb = 6000
# ///

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from snippets.inference.vllm.model import BLOCK, greedy, random_prompt, tiny_llama


# --8<-- [start:engine]
@cache
def engine() -> tuple[Any, Any]:
    """vLLM with 12 blocks, of which it keeps one as a blank, and transformers."""
    model = tiny_llama(Path("tiny"))
    from vllm import LLM, ModelRegistry
    from vllm.model_executor.models.llama import LlamaForCausalLM

    # vLLM looks at a model in a process of its own, unless it is told the class
    ModelRegistry.register_model("LlamaForCausalLM", LlamaForCausalLM)
    llm = LLM(
        "tiny", dtype="float32", enforce_eager=True, max_model_len=256,
        block_size=BLOCK, num_gpu_blocks_override=12,
        max_num_batched_tokens=64, max_num_seqs=8,
    )  # fmt: skip
    return llm, model


def sampling(tokens: int) -> Any:
    """Greedy, exactly so many tokens."""
    from vllm import SamplingParams

    return SamplingParams(
        temperature=0, max_tokens=tokens, ignore_eos=True, detokenize=False
    )


# --8<-- [end:engine]


# --8<-- [start:steps]
def steps(lengths: dict[str, int], new: int) -> list[dict[str, tuple[int, list[int]]]]:
    """What the scheduler decides, step by step: request -> (tokens, blocks)."""
    outer = engine()[0].llm_engine
    scheduler = outer.engine_core.engine_core.scheduler
    log, decide = [], scheduler.schedule

    def schedule(*arguments: Any, **options: Any) -> Any:
        decision = decide(*arguments, **options)
        row = {}
        for request, tokens in decision.num_scheduled_tokens.items():
            blocks = scheduler.kv_cache_manager.get_block_ids(request)[0]
            row[request.split("-")[0]] = tokens, blocks  # without vLLM's random suffix
        log.append(row)
        return decision

    scheduler.schedule = schedule
    for name, length in lengths.items():
        prompt = {"prompt_token_ids": random_prompt(length, seed=length)}
        outer.add_request(name, prompt, sampling(new))
    while outer.has_unfinished_requests():
        outer.step()
    scheduler.schedule = decide
    return [step for step in log if step]


# --8<-- [end:steps]


@cache
def crowd() -> list[dict[str, tuple[int, list[int]]]]:
    """Three requests that do not fit: 100, 40 and 90 tokens, answers of 70."""
    return steps({"a": 100, "b": 40, "c": 90}, new=70)


def example_steps() -> None:
    """At most 64 tokens a step, 11 blocks; rows are steps unlike the one before."""
    print(
        f"{'step':>4s}   {'tokens: a':>9s}{'b':>4s}{'c':>4s}   {'blocks: a':15s}{'b':10s}c"
    )
    before = None
    for number, step in enumerate(crowd()):
        now = [step.get(name, (0, [])) for name in "abc"]
        if now != before:
            a, b, c = (" ".join(map(str, blocks)) for _, blocks in now)
            tokens = [n for n, _ in now]
            print(
                f"{number:4d}   {tokens[0]:9d}{tokens[1]:4d}{tokens[2]:4d}   {a:15s}{b:10s}{c}".rstrip()
            )
        before = now


def example_same() -> None:
    """Five prompts around the size of a block, as one batch of vLLM and one by one."""
    llm, model = engine()
    prompts = [random_prompt(n, seed=n) for n in (5, 31, 32, 33, 100)]
    answers = llm.generate(
        [{"prompt_token_ids": p} for p in prompts], sampling(24), use_tqdm=False
    )
    for prompt, answer in zip(prompts, answers, strict=True):
        tokens = list(answer.outputs[0].token_ids)
        same = tokens == greedy(model, prompt, 24)
        print(f"{len(prompt):3d} tokens of prompt -> {tokens[:6]} … the same 24: {same}")


def facts() -> dict[str, str]:
    """Numbers that the page states about the preempted request."""
    log = crowd()
    here = [number for number, step in enumerate(log) if "c" in step]
    back = next(number for number in here if number - 1 not in here and number > here[0])
    lost = sum(log[number]["c"][0] for number in here if number < back)
    again = [log[number]["c"][0] for number in here if number >= back]
    first = next(i for i, n in enumerate(again) if n == 1)  # steps until it speaks again
    prompt_again = sum(again[:first])
    return {
        "preempted_step": f"{here[here.index(back) - 1] + 1}",
        "resumed_step": f"{back}",
        "pause_steps": f"{back + first - 2 - here[here.index(back) - 1]}",
        "lost_tokens": f"{lost}",
        "recomputed": f"{prompt_again}",
        "twice": f"{prompt_again - 1}",  # the last word had been sampled, not computed
        "found_again": f"{lost + 1 - prompt_again}",
    }


if __name__ == "__main__":
    example_steps()
    example_same()
