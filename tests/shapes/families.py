"""A tiny configuration of each family: the fields that give it its shape, as small as the library takes them."""

from __future__ import annotations

from typing import Any

TOKENS = 20  # more than a window
TINY = {"vocab_size": 96, "hidden_size": 64, "num_hidden_layers": 4, "num_attention_heads": 4}
DENSE = {**TINY, "intermediate_size": 80, "num_key_value_heads": 2}
WIDE = {**DENSE, "head_dim": 24}  # more than hidden width over heads
ROUTED = {"moe_intermediate_size": 40, "num_experts_per_tok": 2, "first_k_dense_replace": 1}
LATENT = {
    **TINY, **ROUTED, "intermediate_size": 80, "num_key_value_heads": 4, "n_routed_experts": 6, "n_shared_experts": 2,
    "kv_lora_rank": 24, "qk_rope_head_dim": 8, "qk_nope_head_dim": 16, "v_head_dim": 12, "n_group": 1, "topk_group": 1,
}  # fmt: skip
LOCAL = {"num_local_experts": 6, "num_experts_per_tok": 2}
SPARSE = {"num_experts": 6, "num_experts_per_tok": 2, "moe_intermediate_size": 40, "decoder_sparse_step": 1}
DELTA = {
    "linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 16, "linear_value_head_dim": 12,
    "linear_conv_kernel_dim": 3,
}  # fmt: skip
LINEAR = ["linear_attention", "linear_attention", "full_attention", "linear_attention"]

FAMILIES: dict[str, dict[str, Any]] = {
    "gpt2": {"vocab_size": 96, "n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 40},
    "gpt2 with a width": {"vocab_size": 96, "n_embd": 64, "n_layer": 3, "n_head": 4, "n_positions": 40, "n_inner": 72},
    "llama": DENSE,
    "llama with biases": {**WIDE, "attention_bias": True, "mlp_bias": True, "tie_word_embeddings": True},
    "mistral": {**WIDE, "sliding_window": 8},
    "mistral without windows": {**DENSE, "sliding_window": None},
    "mixtral": {**DENSE, **LOCAL, "sliding_window": 8},
    "qwen2": {**DENSE, "use_sliding_window": True, "sliding_window": 8, "max_window_layers": 1},
    "qwen2 without windows": {**DENSE, "use_sliding_window": False, "sliding_window": 8, "max_window_layers": 1},
    "qwen3": {**WIDE, "attention_bias": True},
    "qwen3_moe": {**WIDE, **SPARSE},
    "qwen3_moe in every other layer": {**WIDE, **SPARSE, "decoder_sparse_step": 2, "mlp_only_layers": [1]},
    "gemma2": {**WIDE, "sliding_window": 8},
    "gemma3_text": {**WIDE, "sliding_window": 8, "sliding_window_pattern": 3},
    "gpt_oss": {**WIDE, **LOCAL, "sliding_window": 8},
    "deepseek_v2": {**LATENT, "q_lora_rank": None, "topk_method": "greedy"},
    "deepseek_v3": {**LATENT, "q_lora_rank": 20},
    "deepseek_v3 with biases": {**LATENT, "q_lora_rank": 20, "attention_bias": True},
    "deepseek_v32": {**LATENT, "q_lora_rank": 20, "index_n_heads": 2, "index_head_dim": 16, "index_topk": 4},
    "phi3": {**DENSE, "sliding_window": 8, "pad_token_id": 0},
    "olmo2": {**DENSE, "attention_bias": True},
    "olmo3": {**DENSE, "sliding_window": 8},
    "olmoe": {**DENSE, "num_experts": 6, "num_experts_per_tok": 2},
    "glm4_moe": {**WIDE, **ROUTED, "n_routed_experts": 6, "n_shared_experts": 1, "use_qk_norm": True},
    "glm4_moe with biases": {**DENSE, **ROUTED, "n_routed_experts": 6, "n_shared_experts": 2, "attention_bias": True},
    "cohere2": {**DENSE, "sliding_window": 8, "sliding_window_pattern": 3},
    "minimax_m2": {**WIDE, **LOCAL},
    "qwen3_next": {**WIDE, **SPARSE, **DELTA, "shared_expert_intermediate_size": 48},
    "qwen3_5_text": {**WIDE, **DELTA, "layer_types": LINEAR},
    "qwen3_5_moe_text": {**WIDE, **SPARSE, **DELTA, "shared_expert_intermediate_size": 48},
    "kimi_linear": {
        **LATENT, "num_local_experts": 6, "q_lora_rank": None, "pad_token_id": 0, "linear_attn_config": {
            "head_dim": 16, "num_heads": 3, "short_conv_kernel_size": 3, "full_attn_layers": [2], "kda_layers": [1, 3, 4]},
    },
    "minimax": {**DENSE, **LOCAL, "head_dim": 24, "block_size": 8},
    "lfm2": {**DENSE, "conv_L_cache": 3, "block_multiple_of": 16, "full_attn_idxs": [1, 3], "conv_bias": True},
    "lfm2 with its width": {**DENSE, "conv_L_cache": 3, "layer_types": ["conv"] * 3 + ["full_attention"], "block_auto_adjust_ff_dim": False},
    "mamba2": {
        "vocab_size": 96, "hidden_size": 64, "num_hidden_layers": 3, "num_heads": 8, "head_dim": 16, "state_size": 12,
        "n_groups": 2, "conv_kernel": 4, "expand": 2, "chunk_size": 8,
    },
    "mamba2 with biases": {
        "vocab_size": 96, "hidden_size": 64, "num_hidden_layers": 3, "num_heads": 8, "head_dim": 16, "state_size": 12,
        "n_groups": 2, "conv_kernel": 3, "expand": 2, "chunk_size": 8, "use_bias": True, "use_conv_bias": False,
    },
    "jamba": {
        **DENSE, "num_experts": 6, "num_experts_per_tok": 2, "mamba_d_state": 8, "mamba_d_conv": 3, "mamba_dt_rank": 5,
        "attn_layer_period": 3, "attn_layer_offset": 1, "use_mamba_kernels": False,
    },
    "nemotron_h": {
        **WIDE, "hybrid_override_pattern": "M-M*", "ssm_state_size": 12, "mamba_num_heads": 8, "mamba_head_dim": 16, "n_groups": 2,
        "conv_kernel": 3, "chunk_size": 8, "use_mamba_kernels": False,
    },
    "nemotron_h with experts": {
        **WIDE, "layers_block_type": ["mamba", "moe", "attention", "moe"], "ssm_state_size": 12, "mamba_num_heads": 8, "mamba_head_dim": 16,
        "n_groups": 2, "conv_kernel": 3, "chunk_size": 8, "use_mamba_kernels": False, "n_routed_experts": 6, "num_experts_per_tok": 2,
        "moe_intermediate_size": 40, "moe_shared_expert_intermediate_size": 48, "moe_latent_size": 32,
    },
    "falcon_h1": {
        **WIDE, "mamba_d_ssm": 96, "mamba_n_heads": 8, "mamba_d_head": 12, "mamba_n_groups": 2, "mamba_d_state": 8, "mamba_d_conv": 3,
        "mamba_chunk_size": 8, "mamba_rms_norm": True, "projectors_bias": True, "attention_bias": True,
    },
}  # fmt: skip


def config(name: str) -> dict[str, Any]:
    """A `config.json` as a dict: the fields above, and the family."""
    return {"model_type": name.partition(" ")[0], **FAMILIES[name]}
