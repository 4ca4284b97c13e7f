"""All three on one page: score and worth against KL."""
# /// fieldguide
# timeout_s = 60
# tolerance.same_kl = {rel = 0.02, abs = 0.02, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import torch
from torch import Tensor

from snippets.post_training.rlhf.best_of import best_of
from snippets.post_training.rlhf.language import REFERENCE, TRUTH, expected, kl
from snippets.post_training.rlhf.optimum import price, tilted
from snippets.post_training.rlhf.policy import runs
from snippets.post_training.rlhf.preferences import accuracy, proxy

SIZES = (2, 4, 8, 16, 64, 256)


def free_path(seed: int = 0) -> Tensor:
    """The policies of a run without a price, from the first on: [K, A]."""
    return runs()[:, -1, seed]


def nearest(path: Tensor, spent: float) -> Tensor:
    """The policy on a path whose KL comes closest."""
    return path[(kl(path, REFERENCE) - spent).abs().argmin()]


def share(policy: Tensor) -> float:
    """Score won by a policy, as a share of what its KL can buy at most."""
    best = tilted(proxy(), price(kl(policy, REFERENCE).item(), proxy()))
    start = expected(REFERENCE, proxy())
    return (expected(policy, proxy()) - start) / (expected(best, proxy()) - start)


def example_same_kl() -> None:
    """At the KL of best-of-n: what each way brings."""
    print(
        "  n    KL  score: best-of-n  optimum  free run  worth: best-of-n  optimum  free run"
    )
    for n in SIZES:
        kept = best_of(n, proxy())
        spent = kl(kept, REFERENCE).item()
        three = [kept, tilted(proxy(), price(spent, proxy())), nearest(free_path(), spent)]
        (a, b, c), (d, e, f) = ([expected(p, v) for p in three] for v in (proxy(), TRUTH))
        print(f"{n:3d}{spent:6.2f}{a:18.2f}{b:9.2f}{c:10.2f}{d:18.2f}{e:9.2f}{f:10.2f}")


def best_size() -> int:
    """The n whose replies are worth most."""
    return max(range(1, 257), key=lambda n: expected(best_of(n, proxy())))


def late_accuracy() -> float:
    """How often the reward model orders two replies rightly that best-of-16 would keep."""
    return accuracy(proxy(), best_of(16, proxy()))


def facts() -> dict[str, str]:
    """Numbers of the page."""
    return {
        "best_size": f"{best_size()}",
        "best_size_worth": f"{expected(best_of(best_size(), proxy())):.2f}",
        "share_16": f"{share(best_of(16, proxy())):.0%}",
        "late_accuracy": f"{late_accuracy():.0%}",
        "worth_256": f"{expected(best_of(256, proxy())):.2f}",
    }


if __name__ == "__main__":
    torch.set_num_threads(1)
    example_same_kl()
