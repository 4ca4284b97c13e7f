"""What a configuration leaves open gets a sentence, what cannot be read a refusal."""

from __future__ import annotations

import json
import re
import subprocess
import sys

import pytest

from snippets.inference.kv_cache.quantization import FOUR_BITS, bits_per_value
from snippets.shapes import configs, counts
from snippets.shapes.blocks import scaled
from snippets.shapes.fields import ConfigError
from snippets.shapes.models import MODELS, cache_bytes, parameters
from snippets.shapes.published import CONFIGS
from tests.shapes.families import FAMILIES, config


@pytest.mark.parametrize("name", CONFIGS)
def test_a_shape_and_its_configuration_say_the_same(name):
    m = configs.read(CONFIGS[name])
    if name in MODELS:
        assert counts.total(m) == parameters(MODELS[name])
        assert counts.sequence_bytes(m, 5000) == cache_bytes(MODELS[name], 5000)
    assert all("layer_types" in note for note in m.notes), m.notes


@pytest.mark.parametrize("name", FAMILIES)
def test_each_assumption_names_its_field_and_what_was_assumed(name):
    m = configs.read(config(name))
    for note in m.notes:
        assert re.match(r"`\w+` is not given: assumed .+\.$", note), note
        assert note.split("`")[1] not in config(name)
    assert len(set(m.notes)) == len(m.notes)


@pytest.mark.parametrize("name", FAMILIES)
def test_no_field_can_be_deleted_in_silence(name):
    """Without any one field the model is refused, or its notes change, or the field decided nothing."""
    whole = configs.read(config(name))
    field_parts = {"linear_attn_config": ["linear_num_heads"], "layers_block_type": ["layer_types"]}
    for field in FAMILIES[name]:
        try:
            less = configs.read({key: value for key, value in config(name).items() if key != field})
        except ConfigError as error:
            told = set(re.findall(r"`(\w+)`", str(error)))
            assert {field, *field_parts.get(field, ())} & told, (field, str(error))
            continue
        same = (less.kinds, less.ends) == (whole.kinds, whole.ends)
        assert same or less.notes != whole.notes, field


def test_an_unknown_family_is_refused_or_read_as_told():
    strange = {**config("llama"), "model_type": "strange"}
    with pytest.raises(ConfigError, match=r"`model_type` is strange, which is none of .*llama"):
        configs.read(strange)
    with pytest.raises(ConfigError, match="`model_type` is None"):
        configs.read({})
    read = configs.read(strange, unknown="llama")
    assert read.notes[0] == "`model_type` strange is not known: read as a llama."
    assert read.kinds == configs.read(config("llama")).kinds


def test_a_missing_size_is_refused_by_name():
    with pytest.raises(ConfigError, match="`hidden_size` is missing, and a llama has no size without it"):
        configs.read({"model_type": "llama"})
    with pytest.raises(ConfigError, match="`vocab_size` is 'many', not a whole number"):
        configs.read({**config("llama"), "vocab_size": "many"})
    with pytest.raises(ConfigError, match="names 2 layers, and the model has 4"):
        configs.read({**config("olmo3"), "layer_types": ["full_attention"] * 2})


def test_a_size_that_the_family_does_not_have_is_told():
    notes = configs.read({**config("llama"), "kv_lora_rank": 16, "n_routed_experts": 8}).notes
    assert "Not read for a llama: `kv_lora_rank`, `n_routed_experts`." in notes


def test_the_part_for_text_is_read_with_what_stands_around_it():
    inner = config("gemma3_text")
    del inner["model_type"]
    m = configs.read({"model_type": "gemma3", "text_config": inner, "vision_config": {"hidden_size": 9}})
    assert m.notes[0].startswith("Only `text_config` is counted")
    assert m.kinds == configs.read(config("gemma3_text")).kinds


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("{", "line 1 is not JSON"), ('{\n"a": 1,\n}', "line 3 is not JSON"), ("[1]", "a configuration is an object")],
)
def test_a_text_that_is_no_configuration_is_refused(text, sentence):
    with pytest.raises(ConfigError, match=sentence):
        configs.parse(text)


def test_widths_of_quantized_checkpoints():
    plain = {key: value for key, value in CONFIGS["gpt-oss-120b"].items() if key != "quantization_config"}
    m, wide = configs.read(CONFIGS["gpt-oss-120b"]), configs.read(plain)
    experts = sum(n * w.copies * w.numbers for n, w in counts.groups(m) if w.name == "experts")
    assert counts.weight_bytes(wide) == 2 * counts.total(wide)
    assert counts.weight_bytes(m) == counts.weight_bytes(wide) - experts * (2 - 4.25 / 8)
    assert counts.weight_bytes(m) / 2**30 == pytest.approx(60.8, abs=0.05), "the model card"
    other = configs.read({**plain, "quantization_config": {"quant_method": "awq"}})
    assert any("awq is not read" in note for note in other.notes)
    assert counts.weight_bytes(configs.read({**plain, "torch_dtype": "float32"})) == 4 * counts.total(m)
    assert any("`torch_dtype` int9 is not known" in n for n in configs.read({**plain, "torch_dtype": "int9"}).notes)


def test_scales_of_a_quantized_cache_are_parts_of_their_own():
    """4 bits in groups of 32 are 5 bits a number, as the page on the KV cache has it."""
    block = configs.read(CONFIGS["Llama 3 8B"]).kinds[0].blocks[0]
    four = scaled(block, 0.5, 32)
    numbers = sum(part.numbers for part in block.cache)
    assert counts.part_bytes(four.cache, 2.0) * 8 / numbers == bits_per_value(*FOUR_BITS) == 5
    assert [part.name for part in four.cache] == ["keys", "scales of keys", "values", "scales of values"]


def test_reading_needs_the_standard_library_alone():
    program = "import sys; import snippets.shapes.published; print(*sorted({m.partition('.')[0] for m in sys.modules}))"
    done = subprocess.run([sys.executable, "-S", "-c", program], capture_output=True, text=True, check=True)
    assert not {"torch", "numpy", "transformers", "pydantic"} & set(done.stdout.split())


def test_a_configuration_as_text_is_read_like_its_dictionary():
    assert configs.parse(json.dumps(config("jamba"))) == configs.read(config("jamba"))
