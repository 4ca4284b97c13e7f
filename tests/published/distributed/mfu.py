"""FLOPs and MFU."""

from __future__ import annotations

from collections.abc import Callable

from fieldguide.proof.published import Adapter, Inputs, in_unit
from snippets.distributed.case_studies import palm as case_studies_palm
from snippets.distributed.mfu import budget, published_runs
from snippets.distributed.mfu import flops as mfu


def compute(inputs: Inputs, unit: str) -> dict[str, float]:
    """FLOPs of a training run, and the same in petaflop/s-days."""
    flops = mfu.six_n(inputs["params"], inputs["tokens"], inputs["active_fraction"])
    return {"flops": flops, "pf_days": mfu.days(flops, 1, 1e15)}


def six_n(inputs: Inputs, unit: str) -> float:
    """FLOPs of a training run."""
    return mfu.six_n(inputs["params"], inputs["tokens"])


def palm(inputs: Inputs, unit: str) -> float:
    """MFU by 6N, in percent; with attention where the case has its shape."""
    if "layers" in inputs:
        return with_attention(inputs, unit)
    flops = mfu.six_n(inputs["params"])
    return 100 * mfu.utilization(flops, inputs["tokens_per_s"], inputs["chips"], inputs["peak_flops"])


def megatron(inputs: Inputs, count: Callable[[int, int, int, int], float]) -> float:
    """Utilization from the time of an iteration, in percent."""
    shape = inputs["layers"], inputs["hidden"], inputs["seq"], inputs["vocab"]
    rate = inputs["global_batch"] * inputs["seq"] / inputs["iteration_seconds"]
    flops = count(*shape)
    return 100 * mfu.utilization(flops, rate, inputs["gpus"], inputs["peak_flops"])


def with_attention(inputs: Inputs, unit: str) -> float:
    """MFU with attention, in percent."""
    shape = (inputs[name] for name in ("params", "layers", "heads", "head_dim", "seq"))
    rate = inputs.get("tokens_per_s") or inputs["weight_flops_per_s"] / mfu.six_n(inputs["params"])
    return 100 * mfu.utilization(mfu.palm_flops_per_token(*shape), rate, inputs["chips"], inputs["peak_flops"])


def palm_hfu(inputs: Inputs, unit: str) -> float:
    """HFU of PaLM from its MFU and the part of the products with weights that runs again, in percent."""
    model, executed = case_studies_palm.again(inputs["weights_again"])
    return inputs["mfu"] * executed / model


def mfu_megatron(inputs: Inputs, unit: str) -> float:
    """MFU from the time of an iteration."""
    return megatron(inputs, mfu.train_flops_per_token)


def hfu_megatron(inputs: Inputs, unit: str) -> float:
    """HFU with selective recomputation, as its authors count it."""
    return megatron(inputs, published_runs.published_hardware_flops_per_token)


def llama3(inputs: Inputs, unit: str) -> list[float]:
    """GPUs of a layout, tokens of a global batch, MFU in percent."""
    gpus = inputs["tp"] * inputs["cp"] * inputs["pp"] * inputs["dp"]
    tokens = inputs["dp"] * inputs["batch_per_dp"] * inputs["seq"]
    return [gpus, tokens, 100 * mfu.utilization(inputs["tflops_per_gpu"], 1, 1, inputs["peak_tflops"])]


def deepseek(inputs: Inputs, unit: str) -> float:
    """Utilization from GPU hours, in percent."""
    rate = inputs["tokens"] / (inputs["gpu_hours"] * 3600)
    return 100 * mfu.utilization(mfu.six_n(inputs["active_params"]), rate, 1, inputs["peak_flops"])


def hours(inputs: Inputs, unit: str) -> float | list[float]:
    """Days of so many GPU hours on so many GPUs: an hour of work at one unit of work a second.

    With a number of tokens, GPU hours and days of a trillion of them.
    """
    if "tokens" in inputs:
        each = inputs["gpu_hours"] * 1e12 / inputs["tokens"]
        return [each, mfu.days(each * 3600, inputs["gpus"], 1)]
    return mfu.days(inputs["gpu_hours"] * 3600, inputs["gpus"], 1)


def train_days(inputs: Inputs, unit: str) -> float:
    """Days with recomputation: eight FLOPs for each weight and token."""
    flops = mfu.six_n(inputs["params"], inputs["tokens"]) * 8 / 6
    return mfu.days(flops, inputs["gpus"], inputs["tflops_per_gpu"] * 1e12)


def params(inputs: Inputs, unit: str) -> float:
    """Parameters of a GPT, in billions."""
    return mfu.gpt_params(inputs["layers"], inputs["hidden"], inputs["vocab"], inputs["seq"]) / 1e9


def peak_share(inputs: Inputs, unit: str) -> list[float]:
    """Percent of the peak, and the rate of all GPUs in PFLOP/s."""
    share = mfu.utilization(inputs["tflops_per_gpu"], 1, 1, inputs["peak_tflops"])
    return [100 * share, inputs["tflops_per_gpu"] * inputs["gpus"] / 1000]


def forward(inputs: Inputs, unit: str) -> list[float]:
    """FLOPs of one sequence forward, and of a training step on it."""
    shape = inputs["layers"], inputs["d_model"], inputs["seq"], inputs["vocab"]
    return [sum(mfu.gpt_forward_flops(*shape).values()), mfu.train_flops_per_token(*shape) * inputs["seq"]]


def palm_flops(inputs: Inputs, unit: str) -> float:
    """FLOPs of a training step on one sequence by PaLM's rule."""
    shape = inputs["layers"], inputs["heads"], inputs["head_dim"], inputs["seq"]
    return mfu.palm_flops_per_token(inputs["params_no_position"], *shape) * inputs["seq"]


def nanogpt(inputs: Inputs, unit: str) -> float:
    """Utilization from sequences per second, in percent."""
    rate = inputs["sequences"] / inputs["seconds"]
    return 100 * mfu.utilization(inputs["flops_per_sequence"], rate, 1, inputs["peak"])


def chinchilla_loss(inputs: Inputs, unit: str) -> float:
    """Fitted loss."""
    fit = {name.lower(): inputs[name] for name in ("E", "A", "B", "alpha", "beta")}
    return in_unit(budget.loss(inputs["N"], inputs["D"], **fit), "1")


def chinchilla_optimum(inputs: Inputs, unit: str) -> float:
    """Parameters with the least fitted loss."""
    fit = {name.lower(): inputs[name] for name in ("A", "B", "alpha", "beta")}
    return budget.optimum(inputs["flops"], **fit)[0]


def chinchilla_line(inputs: Inputs, unit: str) -> list[float]:
    """Line through published optima, and the tokens that it gives for a size."""
    slope, intercept = budget.line(inputs["points"])
    return [slope, intercept, 10**intercept * inputs["query_params"] ** slope]


FAMILIES: dict[str, Adapter] = {
    "6nd-tableD1": compute,
    "chinchilla-fit": chinchilla_line,
    "chinchilla-loss": chinchilla_loss,
    "chinchilla-opt": chinchilla_optimum,
    "chinchilla-t3": six_n,
    "dsv3-days": hours,
    "dsv3-mfu": deepseek,
    "flops-fwd": forward,
    "flops-palm": palm_flops,
    "hfu-megatron": hfu_megatron,
    "llama3-flops": six_n,
    "llama3-mfu": llama3,
    "megatron-params": params,
    "megatron-pctpeak": peak_share,
    "mfu-megatron": mfu_megatron,
    "mfu-nanogpt": nanogpt,
    "palm-hfu": palm_hfu,
    "palm-mfu": palm,
    "palm-mfu-attention": with_attention,
    "train-days-8TP": train_days,
}
