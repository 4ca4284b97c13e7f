"""FLOPs and MFU: counting the work of a model, and what share of a machine it uses."""

from __future__ import annotations


# --8<-- [start:forward]
def gpt_forward_flops(layers: int, hidden: int, seq: int, vocab: int) -> dict[str, int]:
    """FLOPs of one sequence through a GPT, by part; a multiply-add is two.

    Source: Narayanan et al. 2021, appendix; the same sums as in nanoGPT's notebook.
    """
    return {
        "attention projections": layers * 2 * seq * hidden * 4 * hidden,
        "scores and mixing": layers * 2 * 2 * seq * seq * hidden,
        "MLP": layers * 2 * seq * hidden * 8 * hidden,
        "output": 2 * seq * hidden * vocab,
    }


def train_flops_per_token(
    layers: int, hidden: int, seq: int, vocab: int, again: str = "nothing"
) -> float:
    """FLOPs of a training step for each token: forward, twice that backward, and what runs again.

    `again` is "nothing", "attention" (the s x s scores) or "layers" (all but the output).
    """
    parts = gpt_forward_flops(layers, hidden, seq, vocab)
    repeated = {
        "nothing": 0,
        "attention": parts["scores and mixing"]
        // 2,  # the scores; nobody asks for the mix again
        "layers": sum(parts.values()) - parts["output"],
    }[again]
    return (3 * sum(parts.values()) + repeated) / seq


# --8<-- [end:forward]


# --8<-- [start:rules]
def six_n(params: float, tokens: float = 1, active: float = 1) -> float:
    """FLOPs to train: two forward and four backward for each weight that a token meets.

    Source: Brown et al. 2020, appendix D; `active` is below 1 for mixtures of experts.
    """
    return 6 * params * active * tokens


def palm_flops_per_token(
    params: float, layers: int, heads: int, head_dim: int, seq: int
) -> float:
    """The same with attention: 6N + 12 L H Q T.

    Source: Chowdhery et al. 2022, appendix B.
    """
    return six_n(params) + 12 * layers * heads * head_dim * seq


# --8<-- [end:rules]


def masked_factor(params: float, layers: int, heads: int, head_dim: int, seq: int) -> float:
    """FLOPs with all pairs over those without masked ones, half of them: in the limit two."""
    every = palm_flops_per_token(params, layers, heads, head_dim, seq)
    return 2 * every / (every + six_n(params))


# --8<-- [start:mfu]
def utilization(
    flops_per_token: float, tokens_per_s: float, chips: int, peak: float
) -> float:
    """Share of the peak that the counted work is.

    MFU if `flops_per_token` counts each operation of the model once, HFU if also what runs again.
    """
    return flops_per_token * tokens_per_s / (chips * peak)


def days(flops: float, chips: int, achieved: float) -> float:
    """Days for so many FLOPs at `achieved` FLOP/s on each chip."""
    return flops / (chips * achieved) / 86400


# --8<-- [end:mfu]


def gpt_params(layers: int, hidden: int, vocab: int, seq: int) -> float:
    """Parameters of a GPT with learned positions.

    Source: Narayanan et al. 2021, equation 2.
    """
    return (
        12
        * layers
        * hidden**2
        * (1 + 13 / (12 * hidden) + (vocab + seq) / (12 * layers * hidden))
    )


def example_parts() -> None:
    """Where the FLOPs of a forward pass are, for a small and a large GPT and for a long context."""
    shapes = {
        "GPT-2, 1,024": (12, 768, 1024, 50_257),
        "GPT-3, 2,048": (96, 12_288, 2048, 50_257),
        "GPT-3, 131,072": (96, 12_288, 131_072, 50_257),
    }
    print(f"{'share of a forward pass':24s}" + "".join(f"{name:>16s}" for name in shapes))
    counts = [gpt_forward_flops(*shape) for shape in shapes.values()]
    for part in counts[0]:
        print(f"{part:24s}" + "".join(f"{c[part] / sum(c.values()):16.1%}" for c in counts))
    ratios = [
        sum(c.values()) * 3 / s[2] / six_n(12 * s[0] * s[1] ** 2)
        for c, s in zip(counts, shapes.values(), strict=True)
    ]
    print(f"{'training / 6N of layers':24s}" + "".join(f"{r:16.2f}" for r in ratios))


def facts() -> dict[str, str]:
    """Numbers that the page states about counting."""
    llama = six_n(405e9, 15.6e12)
    short = gpt_forward_flops(96, 12_288, 2048, 50_257)
    long = gpt_forward_flops(96, 12_288, 131_072, 50_257)
    extra = sum(long.values()) / 131_072 / (sum(short.values()) / 2048)
    peak = 989e12
    return {
        "llama_flops": f"{llama:.1e}",
        "llama_days": f"{days(llama, 16_384, 400e12):.0f}",
        "llama_peak_days": f"{days(llama, 16_384, peak):.0f}",
        "mfu_400": f"{400e12 / peak:.0%}",
        "mfu_sparse": f"{400e12 / (2 * peak):.0%}",
        "even_s": f"{6 * 12_288:,}",
        "long_factor": f"{extra:.1f}",
        "masked_128k": f"{masked_factor(405e9, 126, 128, 128, 131_072):.1f} times as much at 128K",
        "recompute_layers": f"{train_flops_per_token(96, 12288, 2048, 50257, 'layers') / train_flops_per_token(96, 12288, 2048, 50257) - 1:.0%}",
        "interview_days": f"{days(six_n(70e9, 2e12), 512, 0.4 * peak):.0f}",
        "interview_fast": f"{days(six_n(70e9, 2e12), 512, 0.45 * peak):.0f}",
        "interview_slow": f"{days(six_n(70e9, 2e12), 512, 0.35 * peak):.0f}",
        "scores_again": f"{2048 / (36 * 12_288):.1%}",
        "gpt3_days": f"{days(8 * 175e9 * 300e9, 1024, 140e12):.0f}",
        "palm_6n": f"{utilization(six_n(540.35e9), 238_300, 6144, 275e12):.1%}",
    }


if __name__ == "__main__":
    example_parts()
