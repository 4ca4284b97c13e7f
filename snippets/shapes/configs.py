"""From a Hugging Face `config.json` to a list of layer kinds."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from snippets.shapes import decoders, hybrids, latents, state_spaces
from snippets.shapes.blocks import vectors, widths
from snippets.shapes.fields import ConfigError, Fields
from snippets.shapes.layers import Kind, Layers, Model, Weights

FAMILIES: dict[str, Callable[[Fields], Layers]] = {
    "gpt2": decoders.gpt2,
    **dict.fromkeys(decoders.TRAITS, decoders.plain_decoder),
    "gpt_oss": decoders.gpt_oss,
    **dict.fromkeys(("deepseek_v2", "deepseek_v3", "deepseek_v32"), latents.deepseek),
    **dict.fromkeys(("qwen3_next", "qwen3_5_text", "qwen3_5_moe_text"), hybrids.qwen3_next),
    "kimi_linear": hybrids.kimi_linear,
    "minimax": hybrids.minimax,
    "lfm2": hybrids.lfm2,
    "mamba2": state_spaces.mamba2,
    "jamba": state_spaces.jamba,
    "nemotron_h": state_spaces.nemotron_h,
    "falcon_h1": state_spaces.falcon_h1,
}
TIED = {"gpt2", "gemma2", "gemma3_text", "cohere2", "lfm2"}
DRAFTED = {"deepseek_v3", "glm4_moe"}
WITHIN = {
    "gemma3": "gemma3_text",
    "qwen3_5": "qwen3_5_text",
    "qwen3_5_moe": "qwen3_5_moe_text",
}
BYTES = {"float32": 4.0, "bfloat16": 2.0, "float16": 2.0}


def read(config: Mapping[str, Any], unknown: str = "") -> Model:
    """The layer kinds of a configuration; an unknown family is refused, or read as `unknown`."""
    inner = config.get("text_config")
    given = {**inner, **missing(inner, config)} if isinstance(inner, dict) else config
    name = given.get("model_type")
    name = WITHIN.get(str(name), str(name))
    family = name if name in FAMILIES else unknown
    if family not in FAMILIES:
        raise ConfigError(
            f"`model_type` is {name}, which is none of {', '.join(sorted(FAMILIES))}. "
            "If its layers are those of one of them, write that name in its place."
        )
    f = Fields(given, family)
    layers = FAMILIES[family](f)
    notes = (
        [f"`model_type` {name} is not known: read as a {family}."] if name != family else []
    )
    if given is not config:
        notes.append(
            "Only `text_config` is counted: encoders of images or sound come besides."
        )
    more = latents.drafts(f, layers) if family in DRAFTED else ()
    width, wide = stored(f)
    kinds = [
        Kind(layers.count(blocks), tuple(widths(b, wide) for b in blocks))
        for blocks in dict.fromkeys(layers)
    ]
    ends = outside(f)
    if left := f.unread():
        notes.append(
            f"Not read for a {family}: {', '.join(f'`{field}`' for field in left)}."
        )
    return Model(name, tuple(kinds), ends, more, width, (*notes, *f.notes))


def parse(text: str, unknown: str = "") -> Model:
    """The layer kinds of the text of a `config.json`."""
    try:
        config = json.loads(text)
    except json.JSONDecodeError as error:
        raise ConfigError(f"line {error.lineno} is not JSON: {error.msg}.") from error
    if not isinstance(config, dict):
        raise ConfigError("a configuration is an object: { … }.")
    return read(config, unknown)


def missing(inner: Mapping[str, Any], outer: Mapping[str, Any]) -> dict[str, Any]:
    """What the part of a model for text takes from the whole."""
    names = (
        "model_type",
        "tie_word_embeddings",
        "dtype",
        "torch_dtype",
        "quantization_config",
    )
    return {name: outer[name] for name in names if name in outer and name not in inner}


def outside(f: Fields) -> tuple[Weights, ...]:
    """Embedding, learned positions, output and the last norm."""
    hidden, vocab = f.size("hidden_size", "n_embd"), f.size("vocab_size")
    tied = f.get("tie_word_embeddings", f.family in TIED)
    table = [Weights("embedding and output", vocab * hidden)]
    if not tied:
        table = [
            Weights("embedding", vocab * hidden, multiplied=False),
            Weights("output", vocab * hidden),
        ]
    gpt = f.family == "gpt2"
    positions = vectors("positions", f.size("n_positions") * hidden) if gpt else ()
    return (*table, *positions, *vectors("last norm", hidden * (2 if gpt else 1)))


def stored(f: Fields) -> tuple[float, dict[str, float]]:
    """Bytes per number, and the groups of weights that a quantized checkpoint stores in fewer."""
    f.ignore("quantization_config")
    name = "torch_dtype" if f.given("torch_dtype") and not f.given("dtype") else "dtype"
    dtype = str(f.get(name, "bfloat16"))
    width = BYTES.get(dtype)
    if width is None:
        f.notes.append(f"`{name}` {dtype} is not known: assumed bfloat16.")
    quantized = f.config.get("quantization_config") or {}
    method = quantized.get("quant_method")
    if method == "mxfp4":  # 4 bits, and 8 for the scale of 32 numbers
        return width or 2.0, {"experts": 4.25 / 8}
    if method == "fp8":
        rows, columns = quantized.get("weight_block_size") or (0, 0)
        each = 1 + (
            4 / (rows * columns) if rows else 0
        )  # a scale of 32 bits for each block
        names = (
            "attention",
            "feed-forward",
            "experts",
            "shared experts",
            "indexer",
            "mixer",
        )
        return width or 2.0, dict.fromkeys(names, each)
    if method:
        f.notes.append(
            f"`quantization_config` with {method} is not read: counted in {dtype}."
        )
    return width or 2.0, {}
