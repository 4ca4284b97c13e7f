"""Where memory goes: the states of a model, bytes per parameter by recipe, and ZeRO."""

from __future__ import annotations

from dataclasses import dataclass


# --8<-- [start:recipe]
@dataclass(frozen=True)
class Recipe:
    """Bytes that one parameter costs, by what they are for."""

    weights: float  # what the forward pass multiplies with, and further copies of it
    gradients: float
    optimizer: float  # Adam's two moments, and an fp32 master copy where there is one

    @property
    def total(self) -> float:
        """Bytes per parameter on a single device."""
        return self.weights + self.gradients + self.optimizer


RECIPES = {
    "bf16 throughout": Recipe(2, 2, 2 + 2),
    "bf16, fp32 moments, no grads": Recipe(2, 0, 4 + 4),
    "fp32 throughout": Recipe(4, 4, 4 + 4),
    "mixed, 16-bit grads": Recipe(2, 2, 4 + 4 + 4),
    "mixed, fp32 grads": Recipe(2, 4, 4 + 4 + 4),
    "mixed, both grads": Recipe(2, 2 + 4, 4 + 4 + 4),
}
# --8<-- [end:recipe]


# --8<-- [start:zero]
def zero_bytes(params: float, ranks: int, stage: int, recipe: Recipe) -> float:
    """Bytes of states on each of `ranks` devices: stage 1 shards the optimizer, 2 also gradients, 3 all.

    Source: Rajbhandari et al. 2020.
    """
    weights = recipe.weights / (ranks if stage >= 3 else 1)
    gradients = recipe.gradients / (ranks if stage >= 2 else 1)
    optimizer = recipe.optimizer / (ranks if stage >= 1 else 1)
    return params * (weights + gradients + optimizer)


# --8<-- [end:zero]


def deepspeed_zero2(params: float, gpus: int, offload_optimizer: bool) -> float:
    """Bytes per GPU by the formula in DeepSpeed's documentation.

    Source: DeepSpeed, `docs/code-docs/source/memory.rst`.
    """
    return 2 * params if offload_optimizer else 4 * params + 16 * params / gpus


def deepspeed_zero3(
    params: float,
    largest_layer: float,
    gpus: int,
    offload_optimizer: bool,
    offload_params: bool,
) -> float:
    """Bytes per GPU: shards, and the largest layer gathered with its 16-bit gradients.

    Source: DeepSpeed, `docs/code-docs/source/memory.rst`.
    """
    held = 0 if offload_params else 2 if offload_optimizer else 18
    return 4 * largest_layer + held * params / gpus


def deepspeed_host(params: float, nodes: int, buffer: float = 1.5) -> float:
    """Bytes of host memory per node when stage 3 offloads everything: states, and buffers beside them.

    Source: DeepSpeed, `docs/code-docs/source/memory.rst`, with `zero_init`.
    """
    return 18 * params * buffer / nodes


def example_recipes() -> None:
    """Llama 3 8B under each recipe, on one device and on 64 with everything sharded."""
    params = 8_030_261_248
    print(
        f"{'GB of states, 8B parameters':30s}{'bytes':>6s}{'1 GPU':>8s}{'64, stage 3':>13s}"
    )
    for name, recipe in RECIPES.items():
        alone = zero_bytes(params, 1, 0, recipe) / 1e9
        sharded = zero_bytes(params, 64, 3, recipe) / 1e9
        print(f"{name:30s}{recipe.total:6.0f}{alone:8.1f}{sharded:13.2f}")


def example_zero() -> None:
    """The table of the ZeRO paper for 7.5B parameters, by our function."""
    recipe = RECIPES["mixed, 16-bit grads"]
    print(f"{'GB per GPU':>10s}{'stage 0':>9s}{'1':>7s}{'2':>7s}{'3':>7s}")
    for ranks in (4, 16, 64, 256):
        sizes = [zero_bytes(7.5e9, ranks, stage, recipe) / 1e9 for stage in range(4)]
        print(f"{ranks:10d}{sizes[0]:9.1f}" + "".join(f"{size:7.1f}" for size in sizes[1:]))


def facts() -> dict[str, str]:
    """Numbers that the page states about states."""
    params, recipe = 8_030_261_248, RECIPES["mixed, 16-bit grads"]
    return {
        "states_8b": f"{zero_bytes(params, 1, 0, recipe) / 1e9:.0f} GB",
        "weights_8b": f"{2 * params / 1e9:.0f} GB",
        "limit_1": f"{recipe.weights + recipe.gradients:.0f}",
        "limit_2": f"{recipe.weights:.0f}",
        "stage1_64": f"{zero_bytes(7.5e9, 64, 1, recipe) / 1e9:.1f} GB",
        "stage3_64": f"{zero_bytes(7.5e9, 64, 3, recipe) / 1e9:.1f} GB",
        "bytes_16": f"{recipe.total:.0f}",
        "bytes_18": f"{RECIPES['mixed, fp32 grads'].total:.0f}",
        "bytes_8": f"{RECIPES['bf16 throughout'].total:.0f}",
        "ds_old": f"{deepspeed_zero2(2851e6, 8, False) / 2**30:.2f}",
        "ds_new": f"{(2 * 2851e6 + 18 * 2851e6 / 8) / 2**30:.2f}",
        "largest_80": f"{80e9 / recipe.total / 1e9:.0f}B",
    }


if __name__ == "__main__":
    example_recipes()
    example_zero()
