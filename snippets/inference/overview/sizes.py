"""Models that the planner serves: what they weigh, what they cache, what a token costs to compute."""

from __future__ import annotations

from snippets.shapes.models import MODELS, active_params, cache_bytes, parameters

SERVED = {
    "Llama 3.1 405B" if name == "Llama 3 405B" else name: MODELS[name]
    for name in (
        "Llama 3 8B", "Llama 3 70B", "Llama 3 405B", "Qwen3 32B", "Qwen3 235B-A22B",
        "Mixtral 8x7B", "DeepSeek-V3", "gpt-oss-120b",
    )
}  # fmt: skip


def example_models() -> None:
    """Total and active parameters, and the cache of 8,192 tokens in bf16."""
    print(f"{'':16s}{'total':>9s}{'active':>9s}{'share':>7s}{'cache at 8K':>13s}")
    for name, m in SERVED.items():
        total, active = parameters(m), active_params(m)
        print(
            f"{name:16s}{total / 1e9:7.1f} B{active / 1e9:7.1f} B{active / total:7.0%}"
            f"{cache_bytes(m, 8192) / 1e9:10.2f} GB"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about models."""
    v3, oss = SERVED["DeepSeek-V3"], SERVED["gpt-oss-120b"]
    return {
        "total_v3": f"{parameters(v3) / 1e9:.0f} billion",
        "active_v3": f"{active_params(v3) / 1e9:.1f} billion",
        "active_oss": f"{active_params(oss) / 1e9:.2f} billion",
        "total_oss": f"{parameters(oss) / 1e9:.2f} billion",
    }


if __name__ == "__main__":
    example_models()
