"""FLOPs and MFU: published runs, recomputed from their throughput."""

from __future__ import annotations

from snippets.distributed.mfu.flops import (
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


GPT3 = palm_flops_per_token(175e9, 96, 96, 128, 2048)
GOPHER = palm_flops_per_token(280e9, 80, 128, 128, 2048)  # hoffmann2022chinchilla
MT_NLG = train_flops_per_token(105, 20_480, 2048, 51_200)
PALM = palm_flops_per_token(540.35e9, 118, 48, 256, 2048)
# FLOPs per token, tokens per second, chips, FLOP/s of a chip
RUNS = {
    # PaLM's paper has 24.6 TFLOP/s "non-attention": so many tokens per second
    "GPT-3 175B": (GPT3, 24.6e12 / six_n(175e9), 1, 125e12),  # nvidia2017tensor
    # and 0.0152 steps per second, of 6M tokens by hoffmann2022chinchilla
    "Gopher 280B": (GOPHER, 0.0152 * 3072 * 2048, 4096, 123e12),  # google2026tpuv3
    "MT-NLG 530B": (MT_NLG, 1920 * 2048 / 60.1, 2240, 312e12),  # li2023llmanalysis
    "the same, 280 GPUs, later": (MT_NLG, 280 * 2048 / 37.83, 280, 312e12),
    "Megatron 22B": (
        train_flops_per_token(48, 6144, 2048, 51_200), 4 * 2048 / 1.10, 8, 312e12,
    ),
    "PaLM 540B": (PALM, 238_300, 6144, 275e12),
    "PaLM 540B, 6N": (six_n(540.35e9), 238_300, 6144, 275e12),
    "DeepSeek-V3, of fp8": (six_n(37e9), 14.8e12 / (2.664e6 * 3600), 1, 1979e12),
}  # fmt: skip


def example_published() -> None:
    """Utilization of published runs, from their throughput."""
    print(f"{'':26s}{'GFLOP/token':>12s}{'tokens/s/chip':>15s}{'MFU':>7s}")
    for name, (flops, rate, chips, peak) in RUNS.items():
        share = utilization(flops, rate, chips, peak)
        print(f"{name:26s}{flops / 1e9:12,.0f}{rate / chips:15,.0f}{share:7.1%}")


def facts() -> dict[str, str]:
    """Numbers that the page states about published runs."""
    return {
        "mt_nlg": f"{utilization(*RUNS['MT-NLG 530B']):.1%}",
        "gopher": f"{utilization(*RUNS['Gopher 280B']):.1%}",
        "gpt3_weights": f"{utilization(24.6e12, 1, 1, RUNS['GPT-3 175B'][3]):.1%}",
        "gpt3_attention": f"{utilization(*RUNS['GPT-3 175B']):.1%}",
    }


if __name__ == "__main__":
    example_published()
