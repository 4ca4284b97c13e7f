"""Distillation."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def kd_fkl(inputs: Inputs, unit: str) -> float:
    """Cross-entropy on the teacher's probabilities; the KL itself where a case says that it takes another's logits."""
    import torch

    from snippets.post_training.distillation import losses

    assert unit == "nats/token"
    student, teacher = (
        torch.tensor(inputs[name], dtype=torch.float64).log_softmax(-1) for name in ("student_logits", "teacher_logits")
    )
    loss = losses.forward if "same_logits_as" in inputs else losses.soft
    return loss(student, teacher).mean().item()


FAMILIES: dict[str, Adapter] = {"kd-fkl": kd_fkl}
