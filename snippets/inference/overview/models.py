"""Shapes of published models: what they weigh, what they cache, what a token costs to compute."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Model:
    """A decoder as its `config.json` gives it; zero where a model lacks the part."""

    layers: int
    hidden: int  # h, width of the residual stream
    heads: int  # H, query heads
    kv_heads: int  # K, key/value heads; with a latent cache 1
    head_dim: int  # D
    width: int  # of a dense feed-forward layer
    vocab: int
    experts: int = 0  # routed experts in a layer, of which `active` run for a token
    active: int = 0
    expert_width: int = 0
    shared: int = 0  # experts that always run
    dense_layers: int = 0  # first layers, without experts
    latent: int = 0  # MLA: width of the cached latent
    rope: int = 0  # MLA: width of the cached rotary key
    query_latent: int = 0
    value_dim: int = 0
    window: int = 0  # tokens that a sliding-window layer looks back
    window_layers: int = 0
    biases: bool = False
    qk_norm: bool = False


# lightning2026litgpt (Llama, Qwen3, Mixtral), deepseek2024config, openai2025gptoss
MODELS = {
    "Llama 3 8B": Model(32, 4096, 32, 8, 128, 14_336, 128_256),
    "Llama 3 70B": Model(80, 8192, 64, 8, 128, 28_672, 128_256),
    "Llama 3.1 405B": Model(126, 16_384, 128, 8, 128, 53_248, 128_256),
    "Qwen3 32B": Model(64, 5120, 64, 8, 128, 25_600, 151_936, qk_norm=True),
    "Qwen3 235B-A22B": Model(
        94, 4096, 64, 4, 128, 0, 151_936, 128, 8, 1536, qk_norm=True
    ),
    "Mixtral 8x7B": Model(32, 4096, 32, 8, 128, 0, 32_000, 8, 2, 14_336),
    "DeepSeek-V3": Model(
        61, 7168, 128, 1, 128, 18_432, 129_280, 256, 8, 2048, 1, 3,
        latent=512, rope=64, query_latent=1536, value_dim=128,
    ),
    "gpt-oss-120b": Model(
        36, 2880, 64, 8, 64, 0, 201_088, 128, 4, 2880,
        window=128, window_layers=18, biases=True,
    ),
}  # fmt: skip


def attention_params(m: Model) -> int:
    """Parameters of one attention layer."""
    if m.latent:
        query = m.query_latent * (m.hidden + 1 + m.heads * (m.head_dim + m.rope))
        cached = m.hidden * (m.latent + m.rope) + m.latent
        rebuilt = m.latent * m.heads * (m.head_dim + m.value_dim)
        return query + cached + rebuilt + m.heads * m.value_dim * m.hidden
    queries, keys = m.heads * m.head_dim, m.kv_heads * m.head_dim
    biases = queries + 2 * keys + m.hidden + m.heads if m.biases else 0  # and sinks
    return 2 * m.hidden * (queries + keys) + biases + (2 * m.head_dim if m.qk_norm else 0)


def expert_params(m: Model) -> int:
    """Parameters of one routed expert, three matrices."""
    biases = 2 * m.expert_width + m.hidden if m.biases else 0
    return 3 * m.hidden * m.expert_width + biases


def parameters(m: Model, routed: int | None = None) -> int:
    """Parameters, of all experts or of only `routed` in each layer that has any."""
    routed = m.experts if routed is None else routed
    sparse = m.layers - m.dense_layers if m.experts else 0
    router = m.hidden * m.experts + (m.experts if m.biases else 0)
    dense = 3 * m.hidden * m.width * (m.layers - sparse)
    shared = 3 * m.hidden * m.expert_width * m.shared
    norms = (2 * m.layers + 1) * m.hidden
    feed_forward = dense + sparse * (routed * expert_params(m) + shared + router)
    return 2 * m.vocab * m.hidden + norms + m.layers * attention_params(m) + feed_forward


def active_params(m: Model) -> int:
    """Parameters that one token is multiplied with; the embedding is only looked up."""
    return parameters(m, m.active) - m.vocab * m.hidden


def cache_bytes(m: Model, context: int, width: float = 2.0) -> float:
    """Bytes that one sequence of `context` tokens keeps, `width` bytes a number."""
    if m.latent:
        return m.layers * (m.latent + m.rope) * context * width
    full = (m.layers - m.window_layers) * context
    kept = full + m.window_layers * min(m.window, context)
    return 2 * m.kv_heads * m.head_dim * kept * width


def example_models() -> None:
    """Total and active parameters, and the cache of 8,192 tokens in bf16."""
    print(f"{'':16s}{'total':>9s}{'active':>9s}{'share':>7s}{'cache at 8K':>13s}")
    for name, m in MODELS.items():
        total, active = parameters(m), active_params(m)
        print(
            f"{name:16s}{total / 1e9:7.1f} B{active / 1e9:7.1f} B{active / total:7.0%}"
            f"{cache_bytes(m, 8192) / 1e9:10.2f} GB"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about models."""
    v3, oss = MODELS["DeepSeek-V3"], MODELS["gpt-oss-120b"]
    return {
        "total_v3": f"{parameters(v3) / 1e9:.0f} billion",
        "active_v3": f"{active_params(v3) / 1e9:.1f} billion",
        "active_oss": f"{active_params(oss) / 1e9:.2f} billion",
        "total_oss": f"{parameters(oss) / 1e9:.2f} billion",
    }


if __name__ == "__main__":
    example_models()
