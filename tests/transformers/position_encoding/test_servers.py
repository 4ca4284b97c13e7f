"""The speeds of the exercise, against the library with the configuration that each server has."""

from itertools import pairwise

import pytest
import torch
from transformers import LlamaConfig
from transformers.modeling_rope_utils import ROPE_INIT_FUNCTIONS

from snippets.transformers.position_encoding import frequencies, servers

YARN = {"rope_type": "yarn", "original_max_position_embeddings": 32_768}
LLAMA = {
    "rope_type": "llama3", "original_max_position_embeddings": 8192, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
}  # fmt: skip


@pytest.mark.parametrize(("name", "scaling"), [("B", YARN), ("C", LLAMA)])
def test_speeds_are_those_of_the_library(name, scaling):
    config = LlamaConfig(
        hidden_size=128, num_attention_heads=1, max_position_embeddings=32_768,
        rope_parameters={"rope_theta": 500_000.0, "factor": 4.0, **scaling},
    )  # fmt: skip
    theirs, _ = ROPE_INIT_FUNCTIONS[scaling["rope_type"]](config, "cpu")
    torch.testing.assert_close(torch.tensor(servers.servers()[name]), theirs, rtol=1e-5, atol=0)


def test_what_the_answers_say():
    w = servers.W
    a, b, c = servers.servers().values()
    steps = [y / x for x, y in pairwise(a)]
    assert steps == pytest.approx([steps[0]] * 63), "one base"
    assert [round(b[i] / w[i], 2) for i in (35, 41, 42)] == [0.54, 0.29, 0.25]
    reaches = [frequencies.reach(w, x, 8192) for x in (b, a, c)]
    assert reaches == pytest.approx([15_124, 17_696, 32_768], rel=1e-3)
