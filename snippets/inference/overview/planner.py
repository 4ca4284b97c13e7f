"""The smallest group of accelerators that meets an objective, its largest batch, and the limit."""

from __future__ import annotations

from dataclasses import dataclass, replace

from snippets.inference.overview.load import Load, sequences_that_fit, token_seconds
from snippets.inference.overview.setup import Setup, link_seconds
from snippets.inference.overview.sizes import SERVED
from snippets.inference.overview.step_time import decode_step, prefill_seconds
from snippets.shapes.accelerators import ACCELERATORS


# --8<-- [start:fit]
@dataclass(frozen=True)
class Choice:
    """One group size: its largest batch, and what forbids one more."""

    chips: int
    batch: int
    limit: str
    ttft: float = 0.0
    tpot: float = 0.0

    @property
    def tokens_s(self) -> float:
        """Output tokens per second of the group, with the batch full."""
        return self.batch / self.tpot if self.batch else 0.0


def largest_batch(s: Setup, load: Load) -> Choice:
    """The largest batch that fits and meets both objectives."""
    fits = sequences_that_fit(s, load.prompt + load.output)
    if fits < 0:
        return Choice(s.chips, 0, "memory: weights do not fit")
    if fits == 0 or sequences_that_fit(s, load.context or 1) == 0:
        return Choice(s.chips, 0, "memory: no room for a sequence")
    low, high = 0, fits
    while low < high:
        middle = (low + high + 1) // 2
        if token_seconds(s, load, middle) <= load.tpot:
            low = middle
        else:
            high = middle - 1
    ttft = prefill_seconds(s, load.prompt) + decode_step(s, low, load.prompt).seconds
    if ttft > load.ttft:
        return Choice(s.chips, 0, "TTFT: the prompt alone takes longer", ttft)
    tpot = token_seconds(s, load, max(low, 1))
    return Choice(s.chips, low, limit(s, load, low, fits), ttft, tpot)


# --8<-- [end:fit]


def limit(s: Setup, load: Load, batch: int, fits: int) -> str:
    """Why the batch is not larger: memory, or the largest part of the time of a token."""
    if batch == fits:
        return "memory capacity"
    step = decode_step(s, max(batch, 1), load.prompt + load.output // 2)
    prompts = max(batch, 1) / load.output  # that a step has to carry
    sent = prompts * link_seconds(s, load.prompt)
    arithmetic = prompts * prefill_seconds(s, load.prompt) - sent
    read = step.attention
    if step.matmul > step.weights:
        arithmetic += step.matmul
    else:
        read += step.weights
    parts = {"memory bandwidth": read, "compute": arithmetic, "the link": step.link + sent}
    return "TPOT, by " + max(parts, key=lambda name: parts[name])


def plan(s: Setup, load: Load, most: int = 64) -> list[Choice]:
    """Every group of 1, 2, 4 … `most` accelerators, smallest first."""
    sizes = [2**i for i in range(most.bit_length()) if 2**i <= most]
    return [largest_batch(replace(s, chips=n), load) for n in sizes]


def dollars_per_million(choice: Choice, dollars_per_hour: float) -> float:
    """Price of a million output tokens, their prompts included, when the batch is always full."""
    return choice.chips * dollars_per_hour / 3600 / choice.tokens_s * 1e6


LLAMA = Setup(
    SERVED["Llama 3 70B"], ACCELERATORS["H100"], 1, "8-bit", "8-bit", eight_bit_math=True
)
LOADS = {  # the objectives of mlcommons2026conf for llama2-70b and llama2-70b-interactive
    "relaxed": Load(2048, 256, ttft=2.0, tpot=0.2),
    "interactive": Load(2048, 256, ttft=0.45, tpot=0.04),
}


def example_sizes() -> None:
    """Llama 3 70B on H100, prompts of 2,048 and answers of 256 tokens, $2 an hour."""
    print(
        f"{'TTFT':>7s}{'TPOT':>7s}{'GPUs':>5s}{'batch':>6s}{'tok/s':>7s}{'$/M out':>9s}  limit"
    )
    for load in LOADS.values():
        for c in plan(LLAMA, load, 16):
            row = f"{load.ttft * 1e3:4.0f} ms{load.tpot * 1e3:4.0f} ms{c.chips:5d}"
            if c.batch:
                cost = dollars_per_million(c, 2.0)
                row += f"{c.batch:6d}{c.tokens_s:7,.0f}{cost:9.2f}"
            else:
                row += f"{'–':>6s}{'–':>7s}{'–':>9s}"
            print(f"{row}  {c.limit}")


def facts() -> dict[str, str]:
    """Numbers that the page states about plans."""
    relaxed, strict = (plan(LLAMA, load, 16) for load in LOADS.values())
    first = next(c for c in strict if c.batch)
    best = min((c for c in strict if c.batch), key=lambda c: dollars_per_million(c, 2.0))
    load, group = LOADS["interactive"], replace(LLAMA, chips=best.chips)
    sent = best.chips * link_seconds(group, load.prompt)
    prompt = best.chips * prefill_seconds(group, load.prompt)
    return {
        "first_chips": f"{first.chips}",
        "first_batch": f"{first.batch}",
        "first_cost": f"{dollars_per_million(first, 2.0):.2f}",
        "relaxed_cost": f"{dollars_per_million(relaxed[1], 2.0):.2f}",
        "relaxed_batch": f"{relaxed[1].batch}",
        "strict_batch": f"{strict[1].batch}",
        "strict_cost": f"{dollars_per_million(strict[1], 2.0):.2f}",
        "gpu_seconds": f"{best.chips / best.tokens_s * load.output:.2f} s",
        "gpus_full": f"{100 * best.chips / best.tokens_s * load.output:.0f}",
        "gpu_prefill": f"{prompt - sent:.2f} s",
        "gpu_sent": f"{sent:.2f} s",
        "gpu_decode": f"{best.chips / best.tokens_s * load.output - prompt:.2f} s",
        "ceiling": f"{load.output / prefill_seconds(group, load.prompt):,.0f}",
        "plateau": f"{10**9 / token_seconds(group, load, 10**9):,.0f}",
        "best_chips": f"{best.chips}",
        "best_cost": f"{dollars_per_million(best, 2.0):.2f}",
    }


if __name__ == "__main__":
    example_sizes()
