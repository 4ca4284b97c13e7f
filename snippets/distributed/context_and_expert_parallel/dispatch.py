"""Expert parallelism for real: two groups of two ranks, against the dense layer and Mixtral's."""

# /// fieldguide
# timeout_s = 90
# memory_mb = 4000
# ///

from __future__ import annotations

from pathlib import Path

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.device_mesh import init_device_mesh
from transformers import MixtralConfig
from transformers.models.mixtral.modeling_mixtral import MixtralSparseMoeBlock

from snippets.distributed.collectives.ranks import RANKS, launch
from snippets.distributed.context_and_expert_parallel.moe import ExpertParallel, dense
from snippets.distributed.context_and_expert_parallel.traffic import Traffic, below

EXPERTS, TOP_K, WIDTH, INNER = 8, 2, 16, 24
TOKENS = (40, 24, 48, 16)  # on each rank
NAMES = ("gate", "gate_up", "down")


def weights() -> dict[str, Tensor]:
    """A router and stacked experts, the same on every rank."""
    torch.manual_seed(0)
    shapes = ((EXPERTS, WIDTH), (EXPERTS, 2 * INNER, WIDTH), (EXPERTS, WIDTH, INNER))
    return {n: torch.randn(*shape) / 4 for n, shape in zip(NAMES, shapes, strict=True)}


def batch() -> tuple[Tensor, Tensor]:
    """All ranks' tokens, and a gradient from above (of a mean over all of them)."""
    torch.manual_seed(1)
    x = torch.randn(sum(TOKENS), WIDTH)
    return x, torch.randn(sum(TOKENS), WIDTH) / sum(TOKENS)


def groups(ep: int) -> tuple[dist.ProcessGroup, dist.ProcessGroup]:
    """Neighbors share the experts; ranks `ep` apart hold copies of the same ones."""
    mesh = init_device_mesh("cpu", (RANKS // ep, ep), mesh_dim_names=("copy", "ep"))
    return mesh.get_group("ep"), mesh.get_group("copy")


def reduce_gradients(layer: ExpertParallel, copies: dist.ProcessGroup) -> None:
    """Sum what each rank's tokens have contributed, once and only once."""
    dist.all_reduce(layer.gate.grad)  # the router: over all ranks
    # experts: the all-to-all has brought the tokens of the group
    for name in ("gate_up", "down"):
        dist.all_reduce(layer.get_parameter(name).grad, group=copies)


def mixtral() -> MixtralSparseMoeBlock:
    """The block of `transformers`, with our weights."""
    config = MixtralConfig(
        hidden_size=WIDTH, intermediate_size=INNER, num_local_experts=EXPERTS,
        num_experts_per_tok=TOP_K, hidden_act="silu",
    )  # fmt: skip
    config._experts_implementation = "eager"
    block = MixtralSparseMoeBlock(config)
    ours = weights()
    with torch.no_grad():
        block.gate.weight.copy_(ours["gate"])
        block.experts.gate_up_proj.copy_(ours["gate_up"])
        block.experts.down_proj.copy_(ours["down"])
    return block


def reference(kind: str) -> list[Tensor]:
    """Output, gradient of the input and of the weights, on one device, all tokens at once."""
    x, above = batch()
    x.requires_grad_()
    if kind == "dense":
        leaves = {n: w.requires_grad_() for n, w in weights().items()}
        out = dense(x, leaves, TOP_K)
        wanted = [x, *leaves.values()]
    else:
        block = mixtral()
        out = block(x[None])[0]
        wanted = [x, block.gate.weight, block.experts.gate_up_proj, block.experts.down_proj]
    return [out.detach(), *torch.autograd.grad(out, wanted, above)]


def mine(full: list[Tensor], rank: int, ep: int) -> list[Tensor]:
    """The part of a reference that belongs to one rank."""
    rows = [t.split(TOKENS)[rank] for t in full[:2]]
    return [*rows, full[2], *(t.chunk(ep)[rank % ep] for t in full[3:])]


def compare(rank: int, folder: Path) -> None:
    """One rank, with all experts spread, and with two copies of each."""
    rows = {}
    for ep in (4, 2):
        group, copies = groups(ep)
        x, above = (t.split(TOKENS)[rank] for t in batch())
        x = x.clone().requires_grad_()
        layer = ExpertParallel(weights(), TOP_K, group)
        with Traffic() as traffic:
            out = layer(x)
        out.backward(above)
        reduce_gradients(layer, copies)
        got = [out.detach(), x.grad, *(layer.get_parameter(n).grad for n in NAMES)]
        apart = {
            kind: [
                (a - b).abs().max().item()
                for a, b in zip(got, mine(reference(kind), rank, ep), strict=True)
            ]
            for kind in ("dense", "Mixtral")
        }
        size = sum(p.nbytes for p in layer.parameters())
        rows[ep] = {"apart": apart, "sent": traffic.sent, "bytes": size}
    torch.save(rows, folder / f"{rank}.pt")


def example_dispatch() -> None:
    """Four ranks with 40, 24, 48 and 16 tokens, eight experts, two for each token."""
    folder = launch(compare)
    ranks = [torch.load(folder / f"{rank}.pt") for rank in range(RANKS)]
    print("largest difference        output   d input  d router d experts")
    for ep in (4, 2):
        for kind in ("dense", "Mixtral"):
            worst = [max(r[ep]["apart"][kind][i] for r in ranks) for i in range(5)]
            worst[3:] = [max(worst[3:])]
            cells = "".join(f"{below(w):>10s}" for w in worst)
            print(f"{ep} ranks a group, {kind:8s}{cells}")
    print("rank    tokens   sent forward, bytes   weights, bytes   (4 ranks a group)")
    for rank, tokens in enumerate(TOKENS):
        row = ranks[rank][4]
        print(f"{rank:4d}{tokens:10d}{row['sent']:22,}{row['bytes']:17,}")


if __name__ == "__main__":
    example_dispatch()
