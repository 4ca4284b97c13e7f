"""Overview: parameters, widths, and the accounts that follow from them."""

from __future__ import annotations

import re

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.distributed.mfu import flops as mfu
from snippets.shapes.blocks import attention, feed_forward, vectors
from snippets.shapes.configs import read
from snippets.shapes.counts import active, matrices, total
from snippets.shapes.layers import Kind, Model, Weights
from snippets.transformers.overview import accounts, sizes, tying, work

LLAMA = {"attention_bias": False, "mlp_bias": False, "torch_dtype": "bfloat16", "tie_word_embeddings": False}


def dense(
    layers: int, hidden: int, width: int, heads: int, kv: int, head_dim: int, vocab: int, **more: object
) -> Model:
    """A decoder of Llama's kind."""
    return read(
        {
            "model_type": "llama", **LLAMA, "num_hidden_layers": layers, "hidden_size": hidden, "intermediate_size": width,
            "num_attention_heads": heads, "num_key_value_heads": kv, "head_dim": head_dim, "vocab_size": vocab, **more,
        }
    )  # fmt: skip


def llama(inputs: Inputs, unit: str) -> int:
    """Parameters of a decoder, with biases or norms where a case says so."""
    family = "qwen3" if inputs.get("qkn") else "qwen2" if inputs.get("qkvbias") else "llama"
    shape = (inputs[name] for name in ("layers", "d", "ffn", "heads", "kv", "head_dim", "vocab"))
    return total(dense(*shape, model_type=family, use_sliding_window=False, tie_word_embeddings=inputs["tied"]))


def gpt2(inputs: Inputs, unit: str) -> int:
    """Parameters of GPT-2 as released."""
    names = {
        "n_layer": "layers",
        "n_embd": "d_model",
        "vocab_size": "vocab",
        "n_positions": "context",
        "tie_word_embeddings": "tied",
    }
    return total(read({"model_type": "gpt2", "n_head": 1, "n_inner": None, **{k: inputs[v] for k, v in names.items()}}))


def gpt2_without_biases(inputs: Inputs, unit: str) -> int:
    """Parameters of GPT-2 without biases of queries, keys and values."""
    hidden, vocab = inputs["d_model"], inputs["vocab"]
    mixer = attention(hidden, 1, 1, hidden, other=hidden + 2 * hidden)
    layer = (mixer, feed_forward(hidden, 4 * hidden, gated=False, bias=True, norm=2 * hidden))
    tables = (vocab if inputs["tied"] else 2 * vocab) + inputs["context"]
    ends = (Weights("tables", tables * hidden), *vectors("last norm", 2 * hidden))
    return total(Model("gpt2", (Kind(inputs["layers"], layer),), ends))


def scaling_book(inputs: Inputs, unit: str) -> list[float]:
    """Feed-forward, attention, tables and total of a decoder, in billions, without norms."""
    names = ("layers", "D", "F", "N", "N", "H", "V")
    return by_part(dense(*(inputs[name] for name in names)), ("feed-forward", "attention", "tables"))


def by_part(m: Model, order: tuple[str, ...]) -> list[float]:
    """Billions of parameters of these parts, and of all."""
    found = {name: sizes.named(m, (name,)) for name in ("feed-forward", "attention")}
    found["tables"] = sizes.named(m, sizes.TABLES)
    return [*(found[name] / 1e9 for name in order), total(m) / 1e9]


def parts_70b(inputs: Inputs, unit: str) -> list[float]:
    """Feed-forward, tables, attention and total, in billions."""
    names = ("layers", "d", "ffn", "heads", "kv", "head_dim", "vocab")
    return by_part(dense(*(inputs[name] for name in names)), ("feed-forward", "tables", "attention"))


def shared_tables(inputs: Inputs, unit: str) -> float:
    """Parameters of a decoder with one table, in billions."""
    names = ("L", "D", "F", "N", "K", "H", "V")
    return total(dense(*(inputs[name] for name in names), tie_word_embeddings=True)) / 1e9


def deepseek(inputs: Inputs, unit: str) -> list[int]:
    """All parameters, and those that a token meets."""
    number = dict(re.findall(r"([\w ]+?) (\d+)(?:, |$)", inputs["config"]))
    fields = {
        "vocab_size": "vocab", "hidden_size": "d", "intermediate_size": "inter", "moe_intermediate_size": "moe_inter",
        "num_hidden_layers": "layers", "first_k_dense_replace": "dense", "num_attention_heads": "heads",
        "n_routed_experts": "routed", "n_shared_experts": "shared", "num_experts_per_tok": "top", "q_lora_rank": "q_lora",
        "kv_lora_rank": "kv_lora", "qk_nope_head_dim": "nope", "qk_rope_head_dim": "rope", "v_head_dim": "v",
    }  # fmt: skip
    m = read({"model_type": "deepseek_v3", **LLAMA, **{field: int(number[name]) for field, name in fields.items()}})
    return [total(m), active(m)]


def gpt_oss(inputs: Inputs, unit: str) -> list[float]:
    """All, multiplied for a token, and feed-forward parameters, in billions."""
    fields = {
        "num_hidden_layers": "layers", "num_local_experts": "experts", "num_experts_per_tok": "top_k", "hidden_size": "d_model",
        "intermediate_size": "ffn", "num_attention_heads": "heads", "num_key_value_heads": "kv", "head_dim": "head_dim",
        "vocab_size": "vocab", "attention_bias": "biases",
    }  # fmt: skip
    m = read({"model_type": "gpt_oss", **{field: inputs[name] for field, name in fields.items()}})
    feed = sizes.named(m, ("router", "experts", "biases of the experts"))
    return [total(m) / 1e9, matrices(m) / 1e9, feed / 1e9]


def defaults(inputs: Inputs, unit: str) -> int:
    """Parameters of the default configuration of a class of the library, as the library writes it."""
    from transformers import AutoConfig

    return total(read(AutoConfig.for_model(inputs["model_type"]).to_dict()))


def swiglu(inputs: Inputs, unit: str) -> int:
    """Width of a gated feed-forward layer."""
    return accounts.swiglu_width(inputs["d_model"], inputs["multiple_of"], inputs["multiplier"] or 1.0)


def attention_crossover(inputs: Inputs, unit: str) -> float:
    """Tokens at which the looks of one layer equal its projections."""
    return work.block_crossover(attention(inputs["D"], 1, 1, inputs["D"]))


def checkpoint(inputs: Inputs, unit: str) -> float:
    """Weights and moments."""
    return accounts.checkpoint_bytes(inputs["params"], inputs["bytes"]) / 1e9


def training_days(inputs: Inputs, unit: str) -> float:
    """Days by 6N."""
    flops = mfu.six_n(inputs["params"], inputs["tokens"])
    return mfu.days(flops, inputs["gpus"], inputs["mfu"] * inputs["peak"])


def hybrid(inputs: Inputs, unit: str) -> float:
    """Cache of a hybrid over that of full attention in all layers."""
    return in_unit(accounts.cached_share(inputs["linear"], inputs["full"]), unit)


def tied(inputs: Inputs, unit: str) -> float:
    """Utilization, in percent, once a lookup is no product any more."""
    return tying.corrected(inputs["reported"], tying.tiny_llama(tied=False), inputs["seq"])


def glm(inputs: Inputs, unit: str) -> float:
    """Parameters with the draft layer and without tables, in billions."""
    fields = {
        "num_hidden_layers": "layers", "first_k_dense_replace": "dense", "hidden_size": "d_model", "intermediate_size": "ffn",
        "moe_intermediate_size": "moe_ffn", "num_attention_heads": "heads", "num_key_value_heads": "kv", "head_dim": "head_dim",
        "n_routed_experts": "experts", "num_experts_per_tok": "top_k", "n_shared_experts": "shared", "vocab_size": "vocab",
        "use_qk_norm": "qk_norm", "num_nextn_predict_layers": "mtp",
    }  # fmt: skip
    given = {field: inputs[name] for field, name in fields.items()}
    m = read({"model_type": "glm4_moe", **LLAMA, "attention_bias": True, **given})
    return sizes.advertised(m)["draft layer, no tables"] / 1e9


FAMILIES: dict[str, Adapter] = {
    "attn-crossover": attention_crossover,
    "checkpoint-nanogpt": checkpoint,
    "days-nanogpt": training_days,
    "hybrid-kv-share": hybrid,
    "mfu-tying": tied,
    "params-glm": glm,
    "params-13b": scaling_book,
    "params-18b": shared_tables,
    "params-70b-parts": parts_70b,
    "params-dsv3": deepseek,
    "params-gpt2": gpt2,
    "params-gpt2-noqkvbias": gpt2_without_biases,
    "params-gpt2-untied": gpt2_without_biases,
    "params-gptoss": gpt_oss,
    "params-llama": llama,
    "params-meta": defaults,
    "swiglu-width": swiglu,
}
