"""How five published models set the switches."""

from __future__ import annotations

from snippets.transformers.modern_architectures.published import MODELS
from snippets.transformers.modern_architectures.switches import Switches


def mixer(s: Switches) -> str:
    """The attention of a layer: heads, and what is kept of a token."""
    if s.latent:
        return f"{s.heads}, latent {s.latent}+{s.rotary}"
    return f"{s.heads} on {s.kv_heads} of {s.head_dim}"


def windows(s: Switches) -> str:
    """How many layers of how many have a window, and of how many tokens."""
    sizes = [size for size in s.pattern if size]
    return f"{len(sizes)} of {len(s.pattern)}: {sizes[0]:,}" if sizes else "none"


def feed(s: Switches) -> str:
    """What follows attention: its width, or its experts."""
    if not s.experts:
        return f"{s.width:,}"
    shared = f"+{s.shared}" if s.shared else ""
    return f"{s.used}{shared} of {s.experts} × {s.expert_width:,}"


def costly(s: Switches) -> dict[str, str]:
    """The switches that decide bytes and FLOPs."""
    return {
        "layers": f"{s.layers}",
        "width": f"{s.hidden:,}",
        "attention": mixer(s),
        "windows": windows(s),
        "feed-forward": feed(s),
    }


def router(s: Switches) -> str:
    """What the router does with its scores, and in how many groups."""
    groups = f", {s.groups[0]} groups" if s.router == "sigmoid" else ""
    return s.router + groups if s.experts else "none"


def risky(s: Switches) -> dict[str, str]:
    """The switches that cost next to nothing."""
    names = {"QK-norm": s.qk_norm, "sinks": s.sinks, "biases": s.biases, "tied": s.tied}
    return {
        "extras": ", ".join(name for name, there in names.items() if there) or "none",
        "norms": ("4" if s.sandwich else "2") + (", 1 + w" if s.unit_norm else ""),
        "rotary": f"{'neighbors' if s.adjacent else 'halves'}, {s.theta / 1000:,.0f}k",
        "router": router(s),
        "activation": s.activation,
    }


NAMES = ("Llama 3 70B", "Qwen3 235B-A22B", "Gemma 3 27B", "gpt-oss-120b", "DeepSeek-V3")


def table(rows: dict[str, dict[str, str]]) -> None:
    """One line for each model, each column as wide as it must be."""
    labels = list(next(iter(rows.values())))
    widths = {
        label: max(len(label), *(len(r[label]) for r in rows.values())) for label in labels
    }
    print(f"{'':17}" + "  ".join(f"{label:{widths[label]}}" for label in labels).rstrip())
    for name, row in rows.items():
        print(f"{name:17}" + "  ".join(f"{row[x]:{widths[x]}}" for x in labels).rstrip())


def example_costly() -> None:
    """Five models, and the switches that decide what they cost."""
    table({name: costly(MODELS[name]) for name in NAMES})


def example_risky() -> None:
    """The same models, and the switches that cost next to nothing."""
    table({name: risky(MODELS[name]) for name in NAMES})


if __name__ == "__main__":
    example_costly()
    example_risky()
