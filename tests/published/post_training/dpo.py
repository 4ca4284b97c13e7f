"""DPO and its family."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def pair_margin(inputs: Inputs) -> float:
    """How much more than the reference the policy prefers the chosen answer."""
    import torch

    from snippets.post_training.dpo import losses

    policy = torch.tensor([[inputs["policy_chosen"], inputs["policy_rejected"]]], dtype=torch.float64)
    reference = torch.tensor([[inputs["ref_chosen"], inputs["ref_rejected"]]], dtype=torch.float64)
    return losses.margin(policy, reference).item()


def margin_loss(inputs: Inputs, unit: str) -> float:
    """A loss by TRL's name, at a margin."""
    import torch

    from snippets.post_training.dpo import losses

    named = {"sigmoid": losses.dpo, "hinge": losses.rso, "ipo": losses.ipo}
    return named[inputs["loss"]](torch.tensor(float(inputs["margin"])).double(), inputs["beta"]).item()


def margin_slope(inputs: Inputs, unit: str) -> float:
    """The slope of that loss, which is minus its push."""
    import torch

    from snippets.post_training.dpo import weights

    named = {"sigmoid": weights.dpo_weight, "hinge": weights.rso_weight, "ipo": weights.ipo_weight}
    return -named[inputs["loss"]](torch.tensor(float(inputs["margin"])).double(), inputs["beta"]).item()


def dpo(inputs: Inputs, unit: str) -> float:
    """DPO on one pair."""
    return margin_loss({"loss": "sigmoid", "margin": pair_margin(inputs), "beta": inputs["beta"]}, unit)


def ipo(inputs: Inputs, unit: str) -> float:
    """IPO on the sums of one pair."""
    return margin_loss({"loss": "ipo", "margin": pair_margin(inputs), "beta": inputs["beta"]}, unit)


def rso(inputs: Inputs, unit: str) -> float:
    """The hinge on one pair."""
    return margin_loss({"loss": "hinge", "margin": pair_margin(inputs), "beta": inputs["gamma"]}, unit)


def cdpo(inputs: Inputs, unit: str) -> float:
    """Conservative DPO on one pair."""
    import torch

    from snippets.post_training.dpo import losses

    h = torch.tensor(pair_margin(inputs), dtype=torch.float64)
    return losses.cdpo(h, inputs["beta"], inputs["label_smoothing"]).item()


def kto(inputs: Inputs, unit: str) -> float:
    """KTO of one answer."""
    import torch

    from snippets.post_training.dpo import losses

    ratio, anchor = (torch.tensor(float(inputs[name])).double() for name in ("log_ratio", "kl_reference"))
    return inputs["weight"] * losses.kto(ratio, anchor, inputs["beta"], torch.tensor(inputs["desirable"])).item()


def simpo(inputs: Inputs, unit: str) -> float:
    """SimPO of one pair of means."""
    import torch

    from snippets.post_training.dpo import losses

    gap = torch.tensor(inputs["avg_logp_chosen"] - inputs["avg_logp_rejected"], dtype=torch.float64)
    return losses.simpo(gap, inputs["beta"], inputs["gamma"]).item()


FAMILIES: dict[str, Adapter] = {
    "cdpo": cdpo,
    "dpo": dpo,
    "ipo": ipo,
    "kto": kto,
    "margin-loss": margin_loss,
    "margin-slope": margin_slope,
    "rso-hinge": rso,
    "simpo": simpo,
}
