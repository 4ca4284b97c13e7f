"""Layer kinds against the library: parameters on the meta device, caches and FLOPs of a tiny forward pass."""

from __future__ import annotations

import json
from functools import cache

import pytest
import torch
from torch.utils.flop_counter import FlopCounterMode
from transformers import AutoConfig, AutoModelForCausalLM

from snippets.shapes import configs, counts
from snippets.shapes.layers import Model
from tests.shapes.families import FAMILIES, TOKENS, config


def library(name: str):
    fields = config(name)
    return AutoConfig.for_model(fields.pop("model_type"), **fields, attn_implementation="eager")


@cache
def run(name: str):
    """Cached tensors of a pass over 20 tokens in bf16, and the FLOPs that PyTorch counted."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(library(name), dtype=torch.bfloat16).eval()
    tokens = torch.arange(TOKENS).unsqueeze(0)
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        given = model(tokens, use_cache=True)
    kept = given.cache_params if name.startswith("mamba2") else given.past_key_values
    return kept, counter.get_total_flops()


def tensors(kept) -> list[list[torch.Tensor]]:
    """What each layer keeps."""
    found = []
    for i in range(len(kept)):
        layer = kept.layers[i] if i < len(kept.layers) else None
        own = [getattr(layer, n, None) for n in ("keys", "values", "indexer_keys")]
        for n in ("conv_states", "recurrent_states"):
            own += list(getattr(layer, n, {}).values())
        linear = getattr(kept, "linear_cache", [])
        own += [linear[i]] if i < len(linear) and isinstance(linear[i], torch.Tensor) else []
        found.append([t for t in own if isinstance(t, torch.Tensor) and t.numel()])
    return found


def expected(m: Model, tokens: int) -> list[int]:
    """Bytes of each layer: of a window the library keeps all but the token to come."""
    sizes = []
    for kind in m.kinds:
        held = 0.0
        for b in kind.blocks:
            held += counts.part_bytes(b.cache, 2) * min(tokens, b.window - 1 if b.window else tokens)
            held += counts.part_bytes(b.state, 2)
        sizes += [int(held)] * kind.count
    return sorted(sizes)


@pytest.mark.parametrize("name", FAMILIES)
def test_parameters_are_those_of_the_library(name):
    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(library(name))
    assert counts.total(configs.read(config(name))) == sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize("name", FAMILIES)
def test_a_configuration_as_the_library_writes_it_means_the_same(name):
    written = json.loads(library(name).to_json_string(use_diff=False))
    m, brief = configs.read(written), configs.read(config(name))
    assert (m.kinds, m.ends) == (brief.kinds, brief.ends)


@pytest.mark.parametrize("name", FAMILIES)
def test_caches_and_states_are_those_of_the_library(name):
    held = [sum(t.nbytes for t in layer) for layer in tensors(run(name)[0])]
    assert sorted(held) == expected(configs.read(config(name)), TOKENS)
