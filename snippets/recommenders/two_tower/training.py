"""Towers trained by each loss on one endless log, and judged in both worlds, over five seeds."""
# /// fieldguide
# timeout_s = 60
# tolerance.trained = {rel = 0.1, reason = "a training run sums in another order on another machine"}
# tolerance.facts = {rel = 0.1, reason = "a training run sums in another order on another machine"}
# ///

from __future__ import annotations

import functools
from dataclasses import dataclass
from statistics import fmean, stdev

import torch
from torch import Tensor

from snippets.recommenders.two_tower import losses
from snippets.recommenders.two_tower.optima import optimum, overlap
from snippets.worlds.world import World

SEEDS, WIDTH, BATCH, STEPS, RATE = 5, 12, 64, 400, 0.06
WORLDS = {
    fame: World(fame, members=200, titles=200, drift=0.0, new=0.0)
    for fame in ("liked", "shown")
}
STRENGTHS = {"uncorrected": 0.0, "corrected": 1.0, "sign flipped": -1.0}
NAMES = ("full softmax", *STRENGTHS, "positive present")


@dataclass(frozen=True, eq=False)
class Towers:
    """Embeddings of several runs side by side."""

    users: Tensor  # [R, M, F]
    titles: Tensor  # [R, T, F]
    bias: Tensor  # [R, T]
    loss: list[float]  # of each run, mean of the last hundred batches

    def scores(self) -> Tensor:
        """Score of each title for each member: [R, M, T]."""
        return self.users @ self.titles.transpose(1, 2) + self.bias.unsqueeze(1)


def start(draw: torch.Generator, before: Towers | None) -> list[Tensor]:
    """Towers for all runs: random ones, or copies of those trained before."""
    if before is not None:
        towers = [before.users, before.titles, before.bias]
    else:
        members, titles = (WORLDS["liked"].members, WORLDS["liked"].titles)
        towers = [
            0.1 * torch.randn(SEEDS, n, WIDTH, generator=draw) for n in (members, titles)
        ]
        towers.append(torch.zeros(SEEDS, titles))
    return [tower.clone().requires_grad_() for tower in towers]


@functools.cache
def train(
    name: str,
    steps: int = STEPS,
    seed: int = 0,
    rate: float = RATE,
    before: Towers | None = None,
) -> Towers:
    """Five runs of one loss; batches are members drawn evenly, and a play of each."""
    plays = torch.from_numpy(WORLDS["liked"].next_play(0)).float()
    log_q, until = plays.mean(0).log(), plays.cumsum(1)
    draw = torch.Generator().manual_seed(seed)
    users, titles, bias = start(draw, before)
    adam = torch.optim.Adam([users, titles, bias], lr=rate)
    rows, last = torch.arange(SEEDS).unsqueeze(1), []
    for step in range(steps):
        adam.param_groups[0]["lr"] = rate * max(1 - step / steps, 0.02)
        member = torch.randint(len(plays), (SEEDS, BATCH), generator=draw)
        chance = torch.rand(SEEDS, BATCH, 1, generator=draw)
        title = (
            torch.searchsorted(until[member], chance).squeeze(-1).clamp(max=len(log_q) - 1)
        )
        user = users[rows, member]
        if name == "full softmax":
            loss = losses.full_softmax(
                user @ titles.transpose(1, 2) + bias.unsqueeze(1), title
            )
        else:
            scores = user @ titles[rows, title].transpose(1, 2) + bias[
                rows, title
            ].unsqueeze(1)
            if name == "positive present":
                loss = losses.positive_present(scores, log_q[title], title)
            else:
                loss = losses.in_batch(
                    losses.corrected(scores, log_q[title], STRENGTHS[name])
                )
        adam.zero_grad()
        loss.mean(1).sum().backward()
        adam.step()
        last.append(loss.detach().mean(1))
    found = torch.stack(last[-100:]).mean(0).tolist()
    return Towers(users.detach(), titles.detach(), bias.detach(), found)


def overlaps(name: str, fame: str) -> list[float]:
    """Overlap with the true top ten in one world, for each run."""
    truth = WORLDS[fame].utility(0)
    return [overlap(scores.numpy(), truth) for scores in train(name).scores()]


def ideal(name: str, fame: str) -> float:
    """The same at the loss's optimum, in closed form."""
    world, strength = WORLDS[fame], STRENGTHS.get(name, 1.0)
    return overlap(optimum(world.next_play(0), strength), world.utility(0))


def mean_overlap(name: str, fame: str) -> float:
    """Mean of the runs."""
    return fmean(overlaps(name, fame))


def loss_gap(one: str, other: str) -> float:
    """How far apart the mean training losses of two losses are."""
    return abs(fmean(train(one).loss) - fmean(train(other).loss))


def example_trained() -> None:
    """Overlap of five trained runs in both worlds, beside the closed form, and their training loss."""
    print(
        f"{'':18s}{'liked':>14s}{'optimum':>9s}{'shown':>15s}{'optimum':>9s}{'training loss':>17s}"
    )
    for name in NAMES:
        row = f"{name:18s}"
        for fame in WORLDS:
            runs = overlaps(name, fame)
            row += f"{fmean(runs):8.1%} ± {stdev(runs):4.1%}{ideal(name, fame):8.0%} "
        print(f"{row}{fmean(train(name).loss):10.4f} ± {stdev(train(name).loss):.4f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about trained towers."""
    return {
        "trained_full": f"{mean_overlap('full softmax', 'liked'):.0%}",
        "trained_corrected": f"{mean_overlap('corrected', 'liked'):.0%}",
        "trained_uncorrected": f"{mean_overlap('uncorrected', 'liked'):.0%}",
        "trained_flipped": f"{mean_overlap('sign flipped', 'liked'):.0%}",
        "trained_corrected_shown": f"{mean_overlap('corrected', 'shown'):.0%}",
        "trained_uncorrected_shown": f"{mean_overlap('uncorrected', 'shown'):.0%}",
    }


if __name__ == "__main__":
    example_trained()
