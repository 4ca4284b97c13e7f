"""Five architectures at a size that runs in milliseconds, each as its `config.json` would say it."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

from typing import Any

import torch
import transformers  # its classes load when they are named, which takes seconds
from torch import Tensor

WINDOW = 8
EAGER = {"attn_implementation": "eager", "experts_implementation": "eager"}  # plain PyTorch
ROPE = {"rope_type": "default", "rope_theta": 10_000.0}
SHARED: dict[str, Any] = {
    "vocab_size": 64, "hidden_size": 32, "num_hidden_layers": 4, "num_attention_heads": 4,
    "num_key_value_heads": 2, "head_dim": 16, "rms_norm_eps": 1e-6, "rope_parameters": ROPE,
    "tie_word_embeddings": False, "pad_token_id": None,
}  # fmt: skip


def windows(every: int) -> list[str]:
    """The kinds of four layers, of which one in `every` sees all tokens."""
    return ["sliding_attention" if i % every else "full_attention" for i in range(1, 5)]


WITHOUT_HEAD_DIM = {key: value for key, value in SHARED.items() if key != "head_dim"}


# --8<-- [start:configs]
TINY: dict[str, dict[str, Any]] = {
    "Llama 3": {"model_type": "llama", **SHARED, "intermediate_size": 48},
    "Qwen3-MoE": {
        "model_type": "qwen3_moe", **SHARED, "intermediate_size": 48,
        "num_experts": 8, "num_experts_per_tok": 2,
        "moe_intermediate_size": 24, "norm_topk_prob": True,
    },
    "Gemma 3": {
        "model_type": "gemma3_text", **SHARED, "intermediate_size": 48,
        "tie_word_embeddings": True, "query_pre_attn_scalar": 8,
        "sliding_window": WINDOW, "layer_types": windows(3),
        "rope_parameters": {
            "full_attention": {**ROPE, "rope_theta": 1e6}, "sliding_attention": ROPE
        },
    },
    "gpt-oss": {
        "model_type": "gpt_oss", **SHARED, "intermediate_size": 32,
        "attention_bias": True, "swiglu_limit": 7.0,
        "num_local_experts": 8, "num_experts_per_tok": 2,
        "sliding_window": WINDOW, "layer_types": windows(2),
    },
    "DeepSeek-V3": {
        "model_type": "deepseek_v3", **WITHOUT_HEAD_DIM,
        "num_key_value_heads": 4, "intermediate_size": 48, "moe_intermediate_size": 24,
        "n_routed_experts": 8, "num_experts_per_tok": 2, "n_shared_experts": 1,
        "first_k_dense_replace": 1, "n_group": 4, "topk_group": 2,
        "routed_scaling_factor": 2.5, "norm_topk_prob": True,
        "q_lora_rank": 24, "kv_lora_rank": 16, "qk_rope_head_dim": 8,
        "qk_nope_head_dim": 16, "v_head_dim": 12, "rope_interleave": True,
    },
}  # fmt: skip
# --8<-- [end:configs]


def theirs(config: dict[str, Any], seed: int = 0) -> transformers.PreTrainedModel:
    """The library's class with random weights, large enough that each of them shows."""
    given = transformers.AutoConfig.for_model(**config, **EAGER)
    model = transformers.AutoModelForCausalLM.from_config(given).eval()
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in sorted(model.state_dict().items()):
        noise = torch.randn(tensor.shape, generator=generator)
        one = "norm" in name and config["model_type"] != "gemma3_text"
        tensor.copy_(noise * 0.3 + one)
    return model


def prompt(length: int, seed: int = 1) -> Tensor:
    """One sequence of random tokens: [1, S]."""
    return torch.randint(0, 64, (1, length), generator=torch.Generator().manual_seed(seed))
