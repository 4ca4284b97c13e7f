"""The model, what it trains on, and the one loop of supervised training."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from transformers import LlamaConfig, LlamaForCausalLM

from snippets.tiny.tasks import Task, demonstrations
from snippets.tiny.tokens import STORY, VOCABULARY, tokenizer


@dataclass(frozen=True)
class Batch:
    """Rows of tokens, padded, and which of them are trained."""

    ids: Tensor  # [B, S]
    trains: Tensor  # [B, S], bool

    def rows(self, index: Tensor) -> Batch:
        """Some of the rows."""
        return Batch(self.ids[index], self.trains[index])


def model(seed: int, *, layers: int = 2, width: int = 32) -> LlamaForCausalLM:
    """A Llama of random weights, of which the seed decides each."""
    config = LlamaConfig(
        vocab_size=VOCABULARY,
        hidden_size=width,
        intermediate_size=2 * width,
        num_hidden_layers=layers,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.1,
        pad_token_id=tokenizer().pad_token_id,
        bos_token_id=tokenizer().bos_token_id,
        eos_token_id=tokenizer().eos_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)


def conversations(given: Sequence[Task]) -> Batch:
    """Tasks with their answers, in the words of the template; only answers are trained."""
    encoded = tokenizer().apply_chat_template(
        [task.messages for task in given],
        padding=True,
        padding_side="right",
        return_dict=True,
        return_assistant_tokens_mask=True,
    )
    trains = torch.tensor(encoded["assistant_masks"]).bool()
    return Batch(torch.tensor(encoded["input_ids"]), trains)


def passages(seed: int, n: int, length: int = 24) -> Batch:
    """Passages of the story, every token of them trained."""
    story = torch.tensor(tokenizer()(STORY)["input_ids"])
    draw = torch.Generator().manual_seed(seed)
    starts = torch.randint(len(story) - length + 1, (n, 1), generator=draw)
    ids = story[starts + torch.arange(length)]
    return Batch(ids, torch.ones_like(ids, dtype=torch.bool))


def logprobs(policy: LlamaForCausalLM, ids: Tensor, mask: Tensor) -> Tensor:
    """Log-probability of each token given those before, 0 where `mask` is: [B, S]."""
    real = ids != tokenizer().pad_token_id
    # a causal model does not see padding on the right: only padding on the left needs a mask
    attended = None if real[:, 0].all() else real.long()
    logits = policy(input_ids=ids, attention_mask=attended, use_cache=False).logits
    chosen = logits[:, :-1].log_softmax(-1).gather(-1, ids[:, 1:, None]).squeeze(-1)
    first = torch.zeros_like(chosen[:, :1])  # nothing predicts the first token
    return torch.cat([first, chosen], dim=1) * mask


def train(
    policy: LlamaForCausalLM,
    batch: Batch,
    steps: int,
    *,
    rate: float = 1e-2,
    size: int = 16,
    seed: int = 0,
) -> list[float]:
    """AdamW on drawn rows, the rate falling to 0; returns the loss a token of each step."""
    draw = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=rate, weight_decay=0.0)
    losses = []
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = rate * min(1.0, (step + 1) / 10) * (1 - step / steps)
        part = batch.rows(torch.randint(len(batch.ids), (size,), generator=draw))
        counted = part.trains[:, 1:].sum()
        loss = -logprobs(policy, part.ids, part.trains).sum() / counted
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        losses.append(loss.item())
    return losses


def started(seed: int, steps: int = 120) -> LlamaForCausalLM:
    """A model after supervised training on 512 demonstrations, some of them careless."""
    policy = model(seed)
    shown = conversations(demonstrations(seed, 512))
    train(policy, shown, steps, rate=1.5e-2, size=32, seed=seed)
    return policy
