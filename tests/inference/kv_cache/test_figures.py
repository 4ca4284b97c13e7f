"""What the figures draw against the caches of `transformers`, the page's outputs and the calculator."""

import re
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
import yaml
from matplotlib.figure import Figure
from transformers import DeepseekV3Config, DeepseekV3ForCausalLM, LlamaConfig, LlamaForCausalLM

from snippets.inference.kv_cache import chain, curves, scales, storage
from snippets.inference.kv_cache.calculator import kv_cache
from snippets.inference.kv_cache.designs import LLAMA, NARROW, OSS, V3, WIDE
from snippets.inference.kv_cache.model import held_bytes

ROOT = Path(__file__).resolve().parents[3]
PAGE = (ROOT / "docs/inference/kv-cache.md").read_text(encoding="utf-8")
FIGURES = {
    "storage:stored": storage.figure_stored,
    "curves:step": curves.figure_step,
    "scales:scales": scales.figure_scales,
    "chain:chain": chain.figure_chain,
}
UNLABELED = {"10"}  # channels of the keys: to be counted, not read
TINY = {"vocab_size": 8, "hidden_size": 64, "intermediate_size": 8, "num_hidden_layers": 1}


def words(figure):
    """Every text of a figure, in the order in which it was drawn."""
    if isinstance(figure, Figure):
        (axes,) = figure.axes
        texts = [*axes.texts, *axes.get_xticklabels(), *axes.get_yticklabels()]
        return [text.get_text() for text in texts]
    return [text.text for text in ElementTree.fromstring(figure).findall(".//{*}text")]


def shapes(svg, tag, **wanted):
    """Elements of a drawing with these attributes."""
    found = ElementTree.fromstring(svg).findall(f".//{{*}}{tag}")
    return [e for e in found if all(e.get(k) == v for k, v in wanted.items())]


@pytest.mark.parametrize("name", FIGURES)
def test_numbers_of_the_alternative_text_are_drawn(name):
    (fence,) = re.findall(rf"```figure\n(figure: {name}\n.*?)```", PAGE, re.S)
    numbers = re.findall(r"\d[\d,.]*[\d%]", yaml.safe_load(fence)["alt"])
    drawn = " ".join(words(FIGURES[name]()))
    assert numbers and [n for n in numbers if n not in drawn and n not in UNLABELED] == []


@pytest.mark.parametrize("model", [WIDE, LLAMA, NARROW, OSS])
def test_a_layer_stores_the_numbers_that_transformers_allocates(model):
    config = LlamaConfig(**TINY, num_attention_heads=64, num_key_value_heads=model.kv_heads, head_dim=model.head_dim)
    assert 3 * 4 * storage.layer_numbers(model) == held_bytes(LlamaForCausalLM(config), tokens=3)


def test_a_latent_stores_the_numbers_that_transformers_allocates():
    config = DeepseekV3Config(
        **TINY, moe_intermediate_size=8, first_k_dense_replace=1, num_attention_heads=2, num_key_value_heads=2,
        n_routed_experts=4, num_experts_per_tok=2, n_group=1, topk_group=1, q_lora_rank=8, kv_lora_rank=512,
        qk_rope_head_dim=64, qk_nope_head_dim=8, v_head_dim=8,
    )  # fmt: skip
    assert 3 * 4 * storage.layer_numbers(V3) == held_bytes(DeepseekV3ForCausalLM(config), tokens=3)


def test_storage_is_drawn_to_the_ratio_of_its_numbers():
    svg = storage.figure_stored()
    numbers = [int(w.replace(",", "")) for w in words(svg) if re.fullmatch(r"[\d,]+", w)]
    assert numbers == [storage.layer_numbers(m) for m in (WIDE, LLAMA, NARROW, V3, OSS)]
    stored = {}
    for rect in shapes(svg, "rect", fill="var(--fg-s1)"):
        stored.setdefault(rect.get("y"), []).append(float(rect.get("width")))
    mha, gqa, mqa, mla, _ = (sum(widths) for _, widths in sorted(stored.items(), key=lambda i: float(i[0])))
    assert mha / gqa == LLAMA.heads / LLAMA.kv_heads == numbers[0] / numbers[1]
    assert mla / mqa == pytest.approx(numbers[3] / numbers[2], rel=1e-4)
    assert len(shapes(svg, "circle")) == 4 * storage.HEADS + 1


def test_steps_are_full_and_even_where_the_calculator_says():
    given = {"MHA": (64, "bf16"), "GQA": (8, "bf16"), "GQA in fp8": (8, "fp8")}
    drawn = "\n".join(words(curves.figure_step()))
    for name, (kv_heads, dtype) in given.items():
        shown = kv_cache(kv_heads=kv_heads, dtype=dtype, usable=100)
        full, even = curves.landmarks(curves.DESIGNS[name])
        assert (f"{full:,}", f"{even:,} tokens") == (
            shown["tokens that fit"],
            shown["cache as large as the weights at"],
        )
        assert f"{name}\n{full:,}" in drawn
        two = 2 * 3.35e12  # bytes/s
        assert curves.step_ms(full, curves.DESIGNS[name]) == pytest.approx(160e9 / two * 1e3, rel=1e-4)
        assert curves.step_ms(even, curves.DESIGNS[name]) == pytest.approx(2 * 141.107412992e9 / two * 1e3, rel=1e-4)


def test_each_line_of_the_step_passes_through_its_dot_and_its_square():
    (axes,) = curves.figure_step().axes
    for name, i in zip(curves.DESIGNS, range(0, 12, 4), strict=True):
        held, beyond, dot, square = axes.lines[i : i + 4]
        full, even = curves.landmarks(curves.DESIGNS[name])
        (x,), (y,) = dot.get_data()
        assert x == full and (held.get_xdata()[-1], held.get_ydata()[-1]) == (x, y)
        assert (beyond.get_xdata()[0], beyond.get_ydata()[0]) == (x, y)
        assert square.get_xdata()[0] == even < beyond.get_xdata()[-1]


def test_scales_show_the_keys_and_the_errors_of_the_output():
    row = re.search(r"^ +4 .*$", (ROOT / "snippets/inference/kv_cache/quantization.out.txt").read_text(), re.M)
    token, channel = row[0].split()[1:3]
    svg = scales.figure_scales()
    assert [w for w in words(svg) if "error" in w] == [f"error at 4 bits: {e}" for e in (token, channel)]
    keys = scales.drawn_keys()
    shades = torch.tensor([float(r.get("opacity")) for r in shapes(svg, "rect", fill="var(--fg-s1)")])
    for side in shades.view(2, *keys.shape):
        assert side.argmax() == keys.argmax() and (side[keys > keys.median()] >= side[keys == keys.median()]).all()
    outlier = keys.mean(0).argmax()
    assert scales.FIRST + outlier in (5, 40), "one of the two channels that are planted is in the picture"
    outlines = shapes(svg, "rect", stroke="var(--fg-s0)")
    assert len(outlines) == scales.TOKENS + scales.CHANNELS


def test_the_chain_finds_what_begins_alike():
    """A block is found if an earlier prompt begins with the same words up to its end."""
    svg, seen, found = chain.figure_chain(), set(), []
    for blocks in chain.PROMPTS.values():
        starts = [" ".join(blocks[: i + 1]) for i in range(len(blocks))]
        found.append(sum(4 for start in starts if start in seen))
        seen.update(starts)
    assert [w for w in words(svg) if "reused" in w] == [f"{n} of 12 tokens reused" for n in found]
    assert 4 * len(shapes(svg, "rect", fill="var(--fg-s2)")) == sum(found) == 8
    names = [w for w in words(svg) if re.fullmatch("[0-9a-f]{8}", w)]
    assert len(names) == 9 and len(set(names)) == len(seen)
    assert all(len(part.split()) == chain.BLOCK for blocks in chain.PROMPTS.values() for part in blocks)
