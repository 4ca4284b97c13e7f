"""Published models as the `config.json` of each gives them, as far as it decides shapes."""

from __future__ import annotations

from typing import Any

from snippets.shapes.models import MODELS, Shape


def config_of(m: Shape, family: str) -> dict[str, Any]:
    """The fields of a configuration that say what a `Shape` says."""
    config = {
        "model_type": family,
        "vocab_size": m.vocab,
        "hidden_size": m.hidden,
        "intermediate_size": m.width or m.expert_width,
        "num_hidden_layers": m.layers,
        "num_attention_heads": m.heads,
        "num_key_value_heads": m.kv_heads,
        "tie_word_embeddings": m.tied,
        "torch_dtype": "bfloat16",
    }
    if not m.latent:
        config["head_dim"] = m.head_dim
    return config


def mixture(m: Shape, family: str, number: str) -> dict[str, Any]:
    """The same, with experts, of which a field called `number` gives the number."""
    used = {number: m.experts, "num_experts_per_tok": m.active}
    if number != "num_local_experts":  # there, `intermediate_size` is that of an expert
        used["moe_intermediate_size"] = m.expert_width
    return {**config_of(m, family), **used}


V3 = MODELS["DeepSeek-V3"]
OSS = MODELS["gpt-oss-120b"]

CONFIGS: dict[str, dict[str, Any]] = {
    **{
        name: {**config_of(MODELS[name], "llama"), "attention_bias": False, "mlp_bias": False}
        for name in ("Llama 3 8B", "Llama 3 70B", "Llama 3 405B")
    },
    "Mixtral 8x7B": {
        **mixture(MODELS["Mixtral 8x7B"], "mixtral", "num_local_experts"),
        "sliding_window": None,
    },
    "Qwen3 235B-A22B": {
        **mixture(MODELS["Qwen3 235B-A22B"], "qwen3_moe", "num_experts"),
        "attention_bias": False, "use_sliding_window": False,
        "decoder_sparse_step": 1, "mlp_only_layers": [],
    },
    "DeepSeek-V3": {
        **mixture(V3, "deepseek_v3", "n_routed_experts"),
        "n_shared_experts": V3.shared, "first_k_dense_replace": V3.dense_layers,
        "q_lora_rank": V3.query_latent, "kv_lora_rank": V3.latent,
        "qk_nope_head_dim": V3.head_dim, "qk_rope_head_dim": V3.rope,
        "v_head_dim": V3.value_dim, "attention_bias": False, "num_nextn_predict_layers": 1,
        "quantization_config": {"quant_method": "fp8", "weight_block_size": [128, 128]},
    },  # deepseek2024weights: draft layer, quantization
    "gpt-oss-120b": {
        **mixture(OSS, "gpt_oss", "num_local_experts"),
        "attention_bias": True, "sliding_window": OSS.window,
        "layer_types": ["sliding_attention", "full_attention"] * OSS.window_layers,
        "quantization_config": {"quant_method": "mxfp4"},
    },  # openai2025gptosscard: quantization
    # zeng2025glm, table 1; vocabulary and biases from the class of the library
    "GLM-4.5-Air": {
        "model_type": "glm4_moe", "vocab_size": 151_552, "hidden_size": 4096,
        "intermediate_size": 10_944, "num_hidden_layers": 46, "num_attention_heads": 96,
        "num_key_value_heads": 8, "head_dim": 128, "attention_bias": True, "use_qk_norm": False,
        "moe_intermediate_size": 1408, "n_routed_experts": 128, "num_experts_per_tok": 8,
        "n_shared_experts": 1, "first_k_dense_replace": 1, "num_nextn_predict_layers": 1,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    },
    # transformers2026classes: defaults of the class
    "Qwen3-Next 80B-A3B": {
        "model_type": "qwen3_next", "vocab_size": 151_936, "hidden_size": 2048,
        "num_hidden_layers": 48, "num_attention_heads": 16, "num_key_value_heads": 2,
        "head_dim": 256, "attention_bias": False, "full_attention_interval": 4,
        "linear_conv_kernel_dim": 4, "linear_key_head_dim": 128, "linear_value_head_dim": 128,
        "linear_num_key_heads": 16, "linear_num_value_heads": 32, "decoder_sparse_step": 1,
        "intermediate_size": 5632, "moe_intermediate_size": 512, "mlp_only_layers": [],
        "shared_expert_intermediate_size": 512, "num_experts": 512, "num_experts_per_tok": 10,
        "tie_word_embeddings": False, "torch_dtype": "bfloat16",
    },
    "GPT-2": {
        "model_type": "gpt2", "vocab_size": 50_257, "n_positions": 1024, "n_embd": 768,
        "n_layer": 12, "n_head": 12, "n_inner": None, "tie_word_embeddings": True,
        "torch_dtype": "float32",
    },
}  # fmt: skip
