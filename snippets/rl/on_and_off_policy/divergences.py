"""Three estimators of the reverse KL divergence: their values, and three ways to their gradients."""

from __future__ import annotations

from collections.abc import Callable

from torch import Tensor

from snippets.sequences.language import Language, Policy


# --8<-- [start:estimators]
def k1(now: Tensor, reference: Tensor) -> Tensor:
    """The log ratio itself."""
    return now - reference


def k2(now: Tensor, reference: Tensor) -> Tensor:
    """Half of its square."""
    return (now - reference) ** 2 / 2


def k3(now: Tensor, reference: Tensor) -> Tensor:
    """Ratio minus 1 minus its logarithm, where the ratio is reference over policy."""
    log = reference - now
    return log.exp() - 1 - log


# --8<-- [end:estimators]
Estimator = Callable[[Tensor, Tensor], Tensor]
ESTIMATORS: dict[str, Estimator] = {"k1": k1, "k2": k2, "k3": k3}


# --8<-- [start:ways]
def as_loss(k: Estimator, now: Tensor, reference: Tensor) -> Tensor:
    """Differentiate the estimator of each token, where the samples lie."""
    return k(now, reference).sum(-1)


def as_reward(k: Estimator, now: Tensor, reference: Tensor) -> Tensor:
    """Hold it fixed, and let each token's score carry what follows from there on."""
    cost = k(now, reference).detach()
    return (cost.flip(-1).cumsum(-1).flip(-1) * now).sum(-1)


def weighted(k: Estimator, now: Tensor, reference: Tensor) -> Tensor:
    """Differentiate it times the token's ratio, whose value is 1."""
    return ((now - now.detach()).exp() * k(now, reference)).sum(-1)


# --8<-- [end:ways]
WAYS = {"loss": as_loss, "reward": as_reward, "loss × ratio": weighted}


def pair(language: Language, gap: float = 1.0) -> tuple[Policy, Tensor]:
    """A policy, and the log-probabilities that a reference gives its sequences."""
    return Policy(language, seed=3), Policy(language, seed=4, scale=gap).logprobs().detach()


def gradients(policy: Policy, reference: Tensor) -> dict[str, Tensor]:
    """Exact expected gradient of each estimator in each way, and those of both divergences."""
    now = policy.logprobs()
    p, q = policy.probabilities(), reference.sum(-1).exp()
    found = {
        "reverse KL": policy.gradient(policy.mean((now - reference).sum(-1))),
        "forward KL": policy.gradient(-(q * now.sum(-1)).sum()),
    }
    for name, k in ESTIMATORS.items():
        for way, term in WAYS.items():
            mean = (p.detach() * term(k, now, reference)).sum()
            found[f"{name} as {way}"] = policy.gradient(mean)
    return found


def cosine(a: Tensor, b: Tensor) -> float:
    """Cosine between two gradients; 0 if one of them vanishes."""
    size = float(a.norm() * b.norm())
    return float((a * b).sum()) / size if size > 1e-12 else 0.0


def example_gradients() -> None:
    """One token: norm of each gradient, and its cosine to those of the two divergences."""
    found = gradients(*pair(Language(size=6, length=1)))
    print(f"{'':20s}{'norm':>7s}{'reverse':>9s}{'forward':>9s}")
    for name, g in found.items():
        print(
            f"{name:20s}{g.norm() + 0:7.3f}{cosine(g, found['reverse KL']):9.3f}{cosine(g, found['forward KL']):9.3f}"
        )


def error(name: str, size: int = 3, length: int = 3) -> float:
    """Distance of a gradient from that of the reverse divergence, as a share of the latter's norm."""
    found = gradients(*pair(Language(size, length)))
    truth = found["reverse KL"]
    return ((found[name] - truth).norm() / truth.norm()).item()


def example_sequences() -> None:
    """Error of four forms on replies of one, two and three tokens."""
    print(f"{'':20s}{'1 token':>9s}{'2':>7s}{'3':>7s}")
    for name in ("k1 as reward", "k2 as loss", "k3 as loss × ratio", "k3 as loss"):
        errors = "".join(
            f"{error(name, length=n):{9 if n == 1 else 7}.2f}" for n in (1, 2, 3)
        )
        print(f"{name:20s}{errors}")


def facts() -> dict[str, str]:
    """Numbers that the page states about the estimators."""
    return {
        "k2_error": f"{error('k2 as loss'):.0%}",
        "k3_error": f"{error('k3 as loss'):.0%}",
    }


if __name__ == "__main__":
    example_gradients()
    example_sequences()
