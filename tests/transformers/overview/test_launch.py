"""The numbers of the exercise: the mixture's sizes from the library, the hybrid's cache from its layers."""

import pytest

from snippets.shapes.published import CONFIGS
from snippets.transformers.overview import counted, launch


def test_the_mixture_has_the_size_of_the_librarys_class():
    config = {**CONFIGS["GLM-4.5-Air"], "num_hidden_layers": 32, "vocab_size": 262_144}
    whole, sizes, parts = counted.built_parameters(config), launch.sizes(), launch.parts()
    tables, draft = 2 * 262_144 * 4096, parts["draft layer, without tables"]
    assert parts["the library's num_parameters()"] == whole
    assert parts["embedding and output, together"] == tables
    assert sizes["hosting page"] == whole + draft + tables
    assert sizes["blog"] == whole - tables
    assert sizes["blog, active"] == sizes["card, active"] - tables
    assert round((sizes["card, active"] - tables / 2) / 1e9, 2) == 9.54


def test_a_hybrid_is_planned_as_if_each_layer_kept_keys():
    c = CONFIGS["Qwen3-Next 80B-A3B"]
    token = 2 * c["num_key_value_heads"] * c["head_dim"] * 2  # bytes in bf16 in one layer
    assert launch.planned(launch.HYBRID, 131_072) == 32 * token * 131_072
    states = launch.caches()["engine"] - 8 * token * 131_072 / 2**30
    keys, values = 16 * 128, 32 * 128
    assert states == pytest.approx(24 * (32 * 128 * 128 * 4 + (2 * keys + values) * 4 * 2) / 2**30)
    assert launch.caches()["plan"] == 8
