"""Weights, V-trace and the estimators of a divergence."""

from __future__ import annotations

from fieldguide.proof.published import Adapter, Inputs


def safety_bounds(inputs: Inputs, unit: str) -> list[float]:
    """The least and the greatest weight that a clamped logarithm allows."""
    import torch

    from snippets.rl.on_and_off_policy.corrections import weights

    logs = torch.tensor([[-1e6, 1e6]], dtype=torch.float64)
    return weights(logs, torch.ones_like(logs), safe=float(inputs["log_bound"]))[0].tolist()


def k3_token(inputs: Inputs, unit: str) -> float:
    """k3 of one token, from the ratio of reference over policy."""
    import torch

    from snippets.rl.on_and_off_policy.divergences import k3

    log = torch.tensor(float(inputs["ratio"]), dtype=torch.float64).log()
    return k3(torch.zeros_like(log), log).item()


def kl_bias(inputs: Inputs, unit: str) -> float:
    """Bias of k2 between two normals."""
    from snippets.rl.on_and_off_policy.estimates import value_bias

    return value_bias(float(inputs["mu"]))


def kl_stdev(inputs: Inputs, unit: str) -> dict[str, float]:
    """Spread of the three estimators between two normals."""
    from snippets.rl.on_and_off_policy.divergences import ESTIMATORS
    from snippets.rl.on_and_off_policy.estimates import value_spread

    return {name: value_spread(float(inputs["mu"]), name) for name in ESTIMATORS}


def vtrace(inputs: Inputs, unit: str) -> list[float]:
    """Targets minus values of one sequence."""
    import torch

    from snippets.rl.on_and_off_policy import vtrace as page

    def column(name: str) -> torch.Tensor:
        return torch.tensor(inputs[name], dtype=torch.float64)

    actions = torch.tensor(inputs["actions"])[:, None]
    target, behavior = (
        column(name).log_softmax(-1).gather(-1, actions).squeeze(-1) for name in ("target_logits", "behavior_logits")
    )
    values = column("values")
    after = torch.cat([values[1:], torch.tensor([float(inputs["bootstrap"])], dtype=torch.float64)])
    return page.vtrace(
        column("rewards"), column("discounts"), (target - behavior).exp(), values, after,
        rho=float(inputs["rho_clip"]), c=float(inputs["c_clip"]), decay=float(inputs["lam"]),
    ).tolist()  # fmt: skip


FAMILIES: dict[str, Adapter] = {
    "is-safety-bounds": safety_bounds,
    "k3-token": k3_token,
    "kl-bias": kl_bias,
    "kl-stdev": kl_stdev,
    "vtrace": vtrace,
}
