"""Memory of a post-training run: bytes of each part on one GPU, and the phase in which they meet."""

from __future__ import annotations

from dataclasses import dataclass

from snippets.shapes.models import Shape, cache_bytes, parameters

GB = 1e9


@dataclass(frozen=True)
class Run:
    """One run, as one of `gpus` equal GPUs sees it."""

    model: Shape
    stage: str = "SFT"  # or "preferences", "distillation", "RL"
    method: str = "full"  # or "LoRA", "QLoRA"
    tokens: int = 4096  # S, of one sequence
    sequences: int = 1  # trained at once, pairs where answers are compared
    rollouts: int = 8  # sequences that are sampled at once
    optimizer: str = "AdamW"
    precision: str = "mixed"  # bf16 with fp32 master weights, or "fp32", "bf16"
    rank: int = 16  # r, of an adapter beside each matrix of the layers
    checkpoint: bool = True  # keep a layer's input only, and compute the rest again
    chunk: int = 0  # tokens whose logits exist at once; 0 means all
    sleep: bool = True  # the sampler leaves the GPU while the trainer works
    reference: bool = True  # the loss compares with the starting model
    teacher: float = 0.0  # parameters of a teacher on the same GPUs
    gpus: int = 1


def adapter_params(m: Shape, rank: int) -> int:
    """Numbers in a pair of factors beside each of a layer's seven matrices."""
    queries, keys = m.heads * m.head_dim, m.kv_heads * m.head_dim
    attention = 2 * (m.hidden + queries) + 2 * (m.hidden + keys)
    return m.layers * rank * (attention + 3 * (m.hidden + m.width))


def matrix_params(m: Shape) -> int:
    """Numbers in those matrices, which are what a 4-bit base model quantizes."""
    queries, keys = m.heads * m.head_dim, m.kv_heads * m.head_dim
    return m.layers * m.hidden * (2 * queries + 2 * keys + 3 * m.width)


# --8<-- [start:widths]
WEIGHT = {"mixed": 2.0, "bf16": 2.0, "fp32": 4.0}  # bytes of a weight, and of its gradient
MASTER = {"mixed": 4.0, "bf16": 0.0, "fp32": 0.0}
NF4 = (4 + 8 / 64 + 32 / (64 * 256)) / 8  # a scale for 64 numbers, and one for 256 scales


def state_width(optimizer: str, number: float) -> float:
    """Bytes of optimizer state for one trained number of `number` bytes."""
    if optimizer == "AdamW 8-bit":
        return 2 * (1 + 4 / 256)  # an fp32 scale for 256 numbers
    return {"AdamW": 2, "momentum": 1}[optimizer] * number


# --8<-- [end:widths]


# --8<-- [start:states]
def states(r: Run) -> dict[str, float]:
    """Bytes that stay through a step, before they are divided among GPUs."""
    n, width = parameters(r.model), WEIGHT[r.precision]
    if r.method == "full":
        number = 2.0 if r.precision == "bf16" else 4.0
        optimizer = MASTER[r.precision] + state_width(r.optimizer, number)
        compared = r.reference and r.stage in ("preferences", "RL")
        return {
            "weights": n * width, "adapter": 0.0, "gradients": n * width,
            "optimizer": n * optimizer, "reference": compared * n * width,
        }  # fmt: skip
    trained, number = adapter_params(r.model, r.rank), 4.0 - 2 * (r.precision == "bf16")
    small = matrix_params(r.model) if r.method == "QLoRA" else 0
    return {
        "weights": small * NF4 + (n - small) * width,
        "adapter": trained * number, "gradients": trained * number,
        "optimizer": trained * state_width(r.optimizer, number),
        "reference": 0.0,  # the adapter is switched off
    }  # fmt: skip


# --8<-- [end:states]


# --8<-- [start:kept]
def layer_bytes(m: Shape, width: float = 2.0) -> float:
    """What one layer keeps of a token for its backward pass, with fused attention."""
    queries, keys = m.heads * m.head_dim, m.kv_heads * m.head_dim
    norms = (
        2 * (4 * m.hidden + 4) + 4 * width * m.hidden
    )  # fp32 input, scale; normed, output
    attention = width * (2 * queries + 2 * keys) + 4 * m.heads  # q, k, v, mix; softmax sums
    if m.qk_norm:
        norms += (4 + width) * (queries + keys) + 4 * (m.heads + m.kv_heads)
    return (
        norms + attention + 4 * width * m.width
    )  # gate, its activation, up, their product


def passing(r: Run) -> dict[str, float]:
    """Bytes that one micro-batch needs on its GPU."""
    m, width = r.model, 4.0 if r.precision == "fp32" else 2.0
    tokens = r.tokens * r.sequences * (2 if r.stage == "preferences" else 1)
    layer = tokens * layer_bytes(m, width)
    inputs = m.layers * tokens * m.hidden * width
    logits = min(tokens, r.chunk or tokens) * m.vocab * 12  # fp32, with gradient and a copy
    return {
        "activations": inputs + layer if r.checkpoint else m.layers * layer,
        "logits": logits,
    }


# --8<-- [end:kept]


# --8<-- [start:phases]
def parts(r: Run) -> dict[str, float]:
    """Bytes of each part on one GPU, whichever phase needs them."""
    samples = r.stage in ("RL", "distillation") and r.rollouts > 0
    engine = 2.0 * parameters(r.model) if samples else 0.0
    cache = r.rollouts * cache_bytes(r.model, r.tokens) if samples else 0.0
    teacher = 2 * r.teacher if r.stage == "distillation" else 0.0
    shared = {**states(r), "teacher": teacher, "sampler": engine}
    return {**{k: v / r.gpus for k, v in shared.items()}, **passing(r), "rollouts": cache}


def phases(r: Run) -> dict[str, dict[str, float]]:
    """The parts that meet while the model is trained, and while it writes."""
    every = parts(r)
    away: dict[str, tuple[str, ...]] = {
        "training": ("sampler", "rollouts") if r.sleep else ()
    }
    if every["sampler"]:
        away["sampling"] = ("gradients", "activations", "logits")
    return {
        phase: {k: 0.0 if k in gone else v for k, v in every.items()}
        for phase, gone in away.items()
    }


def peak(r: Run) -> tuple[str, float]:
    """The phase that needs most, and its bytes on one GPU."""
    sums = {phase: sum(sizes.values()) for phase, sizes in phases(r).items()}
    worst = max(sums, key=lambda phase: sums[phase])
    return worst, sums[worst]


# --8<-- [end:phases]
