"""Memory of post-training: what sampling adds, and peaks that were measured."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.post_training.overview import memory, plans
from snippets.shapes.models import MODELS, Shape


def rollout_cache(inputs: Inputs, unit: str) -> float:
    """Bytes of the answers that are sampled at once."""
    shape = Shape(inputs["layers"], 0, 0, inputs["kv_heads"], inputs["head_dim"], 0, 0)
    return in_unit(plans.rollout_bytes(shape, inputs["tokens"], inputs["answers"]), unit)


def grpo_logits(inputs: Inputs, unit: str) -> float:
    """Bytes of a group's logits, twice."""
    return in_unit(plans.logits_bytes(inputs["answers"], inputs["tokens"], inputs["vocab"], inputs["bytes"]), unit)


def sampler_copy(inputs: Inputs, unit: str) -> float:
    """Bytes of the weights that the sampler holds."""
    return in_unit(memory.parts(memory.Run(MODELS[inputs["model"]], "RL"))["sampler"], unit)


def finetune_peak(inputs: Inputs, unit: str) -> float:
    """Bytes at the peak of torchtune's run."""
    return in_unit(memory.peak(plans.torchtune(inputs["method"]))[1], unit)


FAMILIES: dict[str, Adapter] = {
    "rollout-cache": rollout_cache,
    "grpo-logits": grpo_logits,
    "sampler-copy": sampler_copy,
    "finetune-peak": finetune_peak,
}
