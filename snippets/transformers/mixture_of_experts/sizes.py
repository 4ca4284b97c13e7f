"""What a token pays for and what a batch reads: total, active and touched parameters. Standard library only."""

from __future__ import annotations

from snippets.shapes.models import MODELS, Shape, active_params, parameters

BATCH = 64  # tokens of a decode step
MIXTURES = ("Mixtral 8x7B", "Qwen3 235B-A22B", "DeepSeek-V3", "gpt-oss-120b")


# --8<-- [start:layer]
def layer_params(
    hidden: int, width: int, experts: int, k: int, shared: int = 0
) -> tuple[int, int]:
    """Parameters of a layer of SwiGLU experts: all, and those of one token."""
    expert = 3 * hidden * width  # gate, up and down
    router = hidden * experts
    return router + (experts + shared) * expert, router + (k + shared) * expert


# --8<-- [end:layer]


# --8<-- [start:touched]
def touched(experts: int, k: int, tokens: int) -> float:
    """Experts that a batch is expected to need, if choices are even and independent."""
    return experts * (1 - (1 - k / experts) ** tokens)


# --8<-- [end:touched]


def touched_share(m: Shape, tokens: int) -> float:
    """Share of a layer's experts that a batch of `tokens` is expected to need."""
    return touched(m.experts, m.active, tokens) / m.experts


def read_share(m: Shape, tokens: int) -> float:
    """Share of all parameters that a batch of `tokens` is expected to read."""
    routed = touched_share(m, tokens)
    idle, busy = parameters(m, 0), parameters(m)
    return (idle + routed * (busy - idle)) / busy


def advertised(m: Shape) -> tuple[int, int]:
    """Total and active parameters with both embedding and output counted."""
    return parameters(m), parameters(m, m.active)


def active_share(m: Shape) -> float:
    """Share of all parameters that one token is multiplied with."""
    return active_params(m) / parameters(m)


def billions(count: float) -> float:
    """Parameters in units of a billion."""
    return count / 1e9


def example_models() -> None:
    """Total and active parameters, and how many experts a step of 64 tokens needs."""
    print("                    total    active   share   experts  chosen   read by 64")
    for name in MIXTURES:
        m = MODELS[name]
        print(
            f"{name:17s}{billions(parameters(m)):7.1f} B{billions(active_params(m)):8.1f} B"
            f"{active_share(m):8.1%}{m.experts:10d}{m.active:8d}{read_share(m, BATCH):13.1%}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about sizes."""
    qwen = MODELS["Qwen3 235B-A22B"]
    total, active = advertised(qwen)
    return {
        "qwen_total": f"{billions(total):.1f} billion",
        "qwen_active": f"{billions(active):.1f} billion",
        "qwen_multiplied": f"{billions(active_params(qwen)):.1f} billion",
        "qwen_share": f"{active_share(qwen):.1%}",
        "qwen_touched": f"{touched(qwen.experts, qwen.active, BATCH):.0f}",
        "v3_touched": f"{touched_share(MODELS['DeepSeek-V3'], BATCH):.0%}",
        "qwen_read": f"{read_share(qwen, BATCH):.0%}",
    }


if __name__ == "__main__":
    example_models()
