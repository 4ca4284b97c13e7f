"""The KV cache."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.inference.kv_cache import designs, sizes


def kv_per_token(inputs: Inputs, unit: str) -> float:
    """Bytes that one token adds to the cache."""
    size = sizes.kv_bytes_per_token(inputs["layers"], inputs["kv_heads"], inputs["head_dim"], inputs["bytes"])
    return in_unit(size, unit)


def kv_total(inputs: Inputs, unit: str) -> float:
    """Bytes of `batch` sequences of `tokens` tokens."""
    return kv_per_token(inputs, unit) * inputs["tokens"] * inputs.get("batch", 1)


def kv_mla(inputs: Inputs, unit: str) -> float:
    """Bytes that one token adds to a latent cache."""
    size = sizes.latent_bytes_per_token(inputs["layers"], inputs["kv_lora_rank"], inputs["rope_dim"], inputs["bytes"])
    return in_unit(size, unit)


def kv_total_mla(inputs: Inputs, unit: str) -> list[float]:
    """Totals of one model with every head cached, with grouped heads, and with a latent but no rotary key."""
    heads = kv_total({**inputs, "kv_heads": inputs["heads"]}, unit)
    latent = sizes.latent_bytes_per_token(inputs["layers"], inputs["latent"], 0, inputs["bytes"])
    return [heads, kv_total(inputs, unit), in_unit(latent * inputs["tokens"] * inputs.get("batch", 1), unit)]


def kv_total_swa(inputs: Inputs, unit: str) -> float:
    """Total of a model some of whose layers keep only a window."""
    per_layer = sizes.kv_bytes_per_token(1, inputs["kv_heads"], inputs["head_dim"], inputs["bytes"])
    size = sizes.hybrid_bytes(
        inputs["full_layers"], inputs["swa_layers"], inputs["window"], inputs["tokens"], per_layer
    )
    return in_unit(size * inputs.get("batch", 1), unit)


def kv_ratio(inputs: Inputs, unit: str) -> float:
    """How many times larger the first cache is than the second."""
    return in_unit(designs.times_larger(inputs["a"], inputs["b"]), unit)


FAMILIES: dict[str, Adapter] = {
    "kv-mla": kv_mla,
    "kv-per-request": kv_total,
    "kv-per-token": kv_per_token,
    "kv-ratio": kv_ratio,
    "kv-total": kv_total,
    "kv-total-mla": kv_total_mla,
    "kv-total-swa": kv_total_swa,
}
