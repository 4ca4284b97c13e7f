"""The table of the exercise: whose sum depends on the load, whose on the chunk, whose on neither."""

import torch

from snippets.transformers.attention import decoder, kernels


def test_only_a_fixed_size_gives_the_same_logit_everywhere():
    a, b, c = ([row[kernel] for row in kernels.table().values()] for kernel in "ABC")
    assert len(set(c)) == 1
    assert len(set(b[:4])) == 1 and b[4] != b[0]
    assert len({a[0], a[1], a[2], a[4]}) == 4 and a[1] == a[3] == b[0]
    m, prompt = decoder.decoder(0), decoder.prompts(0)[:1]
    whole = decoder.decode(m, prompt, decoder.prefill(m, prompt))[0]
    assert all(abs(x - whole.max()) < 0.05 for x in (*a, *b, *c)), "nobody is far from a single split"


def test_a_chunk_divides_all_its_keys_and_hides_the_last():
    mask = torch.arange(40) < 32
    for kernel in "ABC":
        whole = kernels.division(kernel, 40, 1)
        shown = [int(part.sum()) for part in mask.split(whole)]
        assert kernels.visible(whole, 32) == [n for n in shown if n] and sum(shown) == 32


def test_keys_are_divided_as_the_answers_say():
    assert [len(kernels.division("A", 32, batch)) for batch in (1, 2, 4, 6)] == [7, 4, 2, 4]
    assert kernels.division("B", 32, 1) == kernels.division("B", 32, 6) == [8, 8, 8, 8]
    assert kernels.division("B", 40, 1) == [10, 10, 10, 10]
    assert kernels.division("C", 32, 1) == [12, 12, 8] and kernels.division("C", 40, 6) == [12, 12, 12, 4]
