"""The loads of the exercise: flat where bias and data are those of training, counted by the library's router."""

import pytest
import torch
from transformers import DeepseekV3Config
from transformers.models.deepseek_v3.modeling_deepseek_v3 import DeepseekV3TopkRouter

from snippets.transformers.mixture_of_experts import replay

torch.set_num_threads(1)


def test_a_layer_is_flat_only_with_its_bias_and_its_data():
    traffic, sound = replay.traffic(), replay.trained()
    for number, layer in enumerate(replay.served()):
        replayed, live = (replay.loads(layer, x) for x in traffic.values())
        flat = (replayed - 1).abs().max() < 0.12
        assert flat == (number != replay.LOST) and live.max() > 1.5
        assert (replay.loads(sound[number], traffic["replayed"]) - 1).abs().max() < 0.12
    pile = torch.stack([replay.loads(layer, traffic["replayed"]) for layer in replay.served()]).mean(0)
    assert [pile.max().item(), pile.min().item()] == pytest.approx([1.14, 0.81], abs=0.01)


def test_loads_are_those_of_the_library():
    config = DeepseekV3Config(
        hidden_size=replay.WIDTH, n_routed_experts=8, num_experts_per_tok=2, n_group=1, topk_group=1
    )
    router, layer, x = DeepseekV3TopkRouter(config), replay.trained()[0], replay.traffic()["live"]
    router.weight.data = layer.gate.T
    router.e_score_correction_bias.data = layer.bias
    counts = router(x)[2].flatten().bincount(minlength=8)
    torch.testing.assert_close(replay.loads(layer, x), counts / (2 * len(x) / 8))
