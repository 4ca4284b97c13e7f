"""The mechanism: one reply, a price for each token, one score at its end."""
# /// fieldguide
# timeout_s = 60
# ///

from __future__ import annotations

import torch
from torch import Tensor

from snippets.post_training.rlhf.language import MASK, REFERENCE, REPLIES
from snippets.post_training.rlhf.optimum import tilted
from snippets.post_training.rlhf.preferences import proxy
from snippets.post_training.rlhf.tokens import token_rewards

REPLY, BETA = ("fact", "fact"), 0.5


def token_chances(policy: Tensor, reply: tuple[str, ...]) -> Tensor:  # [A] -> [T]
    """Log-probability of each token of a reply under a policy that is given as a table of replies."""
    begins = [
        sum(
            p.item()
            for p, other in zip(policy, REPLIES, strict=True)
            if other[:t] == reply[:t]
        )
        for t in range(len(reply) + 1)
    ]
    chances = [*begins, policy[REPLIES.index(reply)].item()]
    return torch.tensor(chances, dtype=torch.float64).log().diff()


def priced() -> tuple[Tensor, Tensor, Tensor, float]:
    """Log-probabilities under the optimum and the reference, rewards of the tokens, and the score."""
    here = REPLIES.index(REPLY)
    policy, reference = (
        token_chances(p, REPLY) for p in (tilted(proxy(), BETA), REFERENCE)
    )
    score = proxy()[here : here + 1]
    rewards = token_rewards(score, policy[None], reference[None], BETA, MASK[here][None])[0]
    return policy, reference, rewards, score.item()


def text(x: float, y: float, words: str, fill: str = "currentColor", anchor: str = "middle",
         weight: str = "normal") -> str:  # fmt: skip
    """Some words."""
    return (f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{fill}" font-size="11" '
            f'font-weight="{weight}">{words}</text>')  # fmt: skip


def box(x: float, y: float, words: str, color: str) -> str:
    """A token, or a model."""
    return (f'<rect x="{x - 33}" y="{y}" width="66" height="22" rx="4" fill="none" stroke="{color}" '
            f'stroke-width="1.5"/>{text(x, y + 15, words)}')  # fmt: skip


def figure_price() -> str:
    """Rows of numbers under the tokens of a reply."""
    policy, reference, rewards, score = priced()
    columns, parts = (165, 255, 345), [text(8, 25, "the policy writes", anchor="start")]
    for x, word in zip(columns, (*REPLY, "end"), strict=True):
        parts.append(box(x, 10, word, "var(--fg-s0)"))
    rows = [
        ("ln π", policy, "var(--fg-s0)"),
        ("ln π₀, frozen", reference, "var(--fg-muted)"),
        (f"−{BETA} × difference", -BETA * (policy - reference), "currentColor"),
    ]
    for y, (name, values, color) in zip((56, 76, 100), rows, strict=True):
        parts.append(text(8, y, name, color, "start"))
        parts += [
            text(x, y, f"{v:+.2f}".replace("-", "−"), color)
            for x, v in zip(columns, values.tolist(), strict=True)
        ]
    parts += [
        text(8, 124, "reward model", "var(--fg-s1)", "start"),
        text(columns[-1], 124, f"{score:+.2f}", "var(--fg-s1)"),
        '<line x1="8" x2="378" y1="134" y2="134" stroke="currentColor"/>',
        text(8, 152, "reward", anchor="start", weight="bold"),
    ]
    parts += [
        text(x, 152, f"{v:+.2f}".replace("-", "−"), weight="bold")
        for x, v in zip(columns, rewards.tolist(), strict=True)
    ]
    total = f"{rewards.sum().item():.2f} = {score:.2f} − {BETA} × {(policy - reference).sum().item():.2f}"
    parts += [
        '<path d="M 345 160 V 176 H 165 V 164" fill="none" stroke="currentColor"/>',
        '<path d="M 161 168 L 165 160 L 169 168 Z" fill="currentColor"/>',
        text(200, 193, f"summed up to the first token: {total}"),
    ]
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 400 200">{"".join(parts)}</svg>'
