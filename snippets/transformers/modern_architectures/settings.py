"""How five published models set the switches."""

from __future__ import annotations

from snippets.transformers.modern_architectures.costs import runs
from snippets.transformers.modern_architectures.published import MODELS
from snippets.transformers.modern_architectures.switches import Switches


def mixer(s: Switches) -> str:
    """The attention of a layer: heads, and what is kept of a token."""
    if s.latent:
        return f"{s.heads}, latent {s.latent}+{s.rotary}"
    return f"{s.heads} on {s.kv_heads} of {s.head_dim}"


def feed(s: Switches) -> str:
    """What follows attention: its width, or its experts."""
    if not s.experts:
        return f"{s.width:,}"
    shared = f"+{s.shared}" if s.shared else ""
    return f"{s.used}{shared} of {s.experts} × {s.expert_width:,}"


def settings(s: Switches) -> dict[str, str]:
    """The switches of one model, in few words."""
    routed = f"sigmoid, {s.groups[0]} groups" if s.router == "sigmoid" else "softmax"
    norms = "before, after" if s.sandwich else "before"
    return {
        "layers, width": f"{s.layers}, {s.hidden:,}",
        "attention": mixer(s),
        "windows": "none" if s.pattern == (None,) else runs(s.pattern),
        "extras": "sinks, biases" if s.sinks else "QK-norm" if s.qk_norm else "none",
        "norms": norms + (", 1 + w" if s.unit_norm else ""),
        "rotary": f"{'neighbors' if s.adjacent else 'halves'}, {s.theta / 1000:,.0f}k",
        "feed-forward": feed(s),
        "router": routed if s.experts else "none",
        "activation": s.activation,
        "tied tables": "yes" if s.tied else "no",
    }


NAMES = ("Llama 3 70B", "Qwen3 235B-A22B", "Gemma 3 27B", "gpt-oss-120b", "DeepSeek-V3")


def example_settings() -> None:
    """One row for each switch, one column for each model."""
    columns = [settings(MODELS[name]) for name in NAMES]
    print(f"{'':14}" + "".join(f"{name:21}" for name in NAMES).rstrip())
    for label in columns[0]:
        print(f"{label:14}" + "".join(f"{c[label]:21}" for c in columns).rstrip())


if __name__ == "__main__":
    example_settings()
