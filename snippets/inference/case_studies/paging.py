"""Case study vLLM: how much of a reserved cache holds tokens, from two published means."""

from __future__ import annotations

from snippets.inference.kv_cache.sizes import kv_bytes_per_token

OPT_13B = {"layers": 40, "kv_heads": 40, "head_dim": 128}  # hidden size 5,120
LIMIT = 2048  # longest sequence of the model
PROMPT, OUTPUT = 161.31, 337.99  # mean lengths of the ShareGPT workload, figure 11
FIGURE_2 = {  # per cent of the cache: tokens, reserved for later, internal, external and other
    "longest": (20.4, 13.3, 57.3, 8.9),
    "oracle": (38.2, 25.2, 0.0, 36.6),
    "paged": (96.3, 0.0, 0.0, 3.7),
}


# --8<-- [start:held]
def held(prompt: float, output: float, time_weighted: bool = True) -> float:
    """Mean tokens that a running sequence holds.

    A sequence stays for as many steps as it writes tokens, so whoever looks at the memory
    meets long ones more often: outputs of mean m, exponentially distributed, are met with
    mean 2m. On average half of the output is written.
    """
    return prompt + (2 if time_weighted else 1) * output / 2


def paged_in_use(held_tokens: float, block: int) -> float:
    """Share of allocated blocks that holds tokens: the last is half empty on average."""
    return held_tokens / (held_tokens + block / 2)


# --8<-- [end:held]


def predictions() -> dict[str, float]:
    """Shares in use: reserved to the model's limit, naively and by time, and paged."""
    by_time = held(PROMPT, OUTPUT)
    return {
        "naive": held(PROMPT, OUTPUT, time_weighted=False) / LIMIT,
        "longest": by_time / LIMIT,
        "oracle": by_time / (PROMPT + 2 * OUTPUT),
        "paged": paged_in_use(by_time, block=16),
    }


def measured(system: str) -> float:
    """Figure 2's share in use inside the reservations, without what lies between them."""
    tokens, later, internal, _ = FIGURE_2[system]
    return tokens / (tokens + later + internal) if system != "paged" else tokens / 100


def example_waste() -> None:
    """Predicted from two means, against what the paper measured."""
    ours = predictions()
    print(f"{'reservation':32s}{'predicted':>10s}{'measured':>10s}")
    for name, label in (
        ("longest", "2,048 slots for everybody"),
        ("oracle", "exactly what will be needed"),
        ("paged", "blocks of 16, when needed"),
    ):
        print(f"{label:32s}{ours[name]:10.1%}{measured(name):10.1%}")


def facts() -> dict[str, str]:
    """Numbers that the page states about vLLM."""
    token, ours = kv_bytes_per_token(**OPT_13B), predictions()
    tokens = {name: row[0] for name, row in FIGURE_2.items()}
    return {
        "opt_token": f"{token / 1024:.0f} KiB",
        "opt_request": f"{LIMIT * token / 2**30:.2f} GiB",
        "opt_requests": f"{int(0.30 * 40e9 // (LIMIT * token))}",
        "naive": f"{ours['naive']:.0%}",
        "by_time": f"{ours['longest']:.0%}",
        "inside": f"{measured('longest'):.0%}",
        "batch_oracle": f"{tokens['paged'] / tokens['oracle']:.1f}",
    }


if __name__ == "__main__":
    example_waste()
