"""FLOPs and MFU: published runs, recomputed from their throughput."""

from __future__ import annotations

from snippets.distributed.mfu import (
    palm_flops_per_token,
    six_n,
    train_flops_per_token,
    utilization,
)


def published_hardware_flops_per_token(
    layers: int, hidden: int, seq: int, vocab: int
) -> float:
    """FLOPs with selective recomputation as Korthikanti et al. count them, equation 9.

    It adds s/6h to the model's FLOPs; PyTorch's counter, on a layer that does it, s/36h.
    """
    return (
        72 * layers * hidden**2 * (1 + seq / (3 * hidden) + vocab / (12 * hidden * layers))
    )


V100 = 125e12  # FLOP/s, nvidia2017tensor
MT_NLG = train_flops_per_token(105, 20_480, 2048, 51_200)


def example_published() -> None:
    """Utilization of published runs, from their throughput."""
    runs = {
        "PaLM 540B, 6N": (six_n(540.35e9), 238_300, 6144, 275e12),
        "PaLM 540B, with attention": (
            palm_flops_per_token(540.35e9, 118, 48, 256, 2048), 238_300, 6144, 275e12,
        ),
        "Megatron 22B": (
            train_flops_per_token(48, 6144, 2048, 51_200), 4 * 2048 / 1.10, 8, 312e12,
        ),
        "MT-NLG 530B, 2,240 GPUs": (MT_NLG, 1920 * 2048 / 60.1, 2240, 312e12),
        "the same, 280 GPUs, later": (MT_NLG, 280 * 2048 / 37.83, 280, 312e12),
        "DeepSeek-V3, of fp8": (six_n(37e9), 14.8e12 / (2.664e6 * 3600), 1, 1979e12),
    }  # fmt: skip
    print(f"{'':26s}{'GFLOP/token':>12s}{'tokens/s/chip':>15s}{'MFU':>7s}")
    for name, (flops, rate, chips, peak) in runs.items():
        share = utilization(flops, rate, chips, peak)
        print(f"{name:26s}{flops / 1e9:12,.0f}{rate / chips:15,.0f}{share:7.1%}")


def facts() -> dict[str, str]:
    """Numbers that the page states about published runs."""
    gpt3 = palm_flops_per_token(175e9, 96, 96, 128, 2048) / six_n(175e9)
    return {
        "mt_nlg": f"{utilization(MT_NLG, 1920 * 2048 / 60.1, 2240, 312e12):.1%}",
        "gpt3_weights": f"{utilization(24.6e12, 1, 1, V100):.1%}",
        "gpt3_attention": f"{utilization(24.6e12 * gpt3, 1, 1, V100):.1%}",
    }


if __name__ == "__main__":
    example_published()
