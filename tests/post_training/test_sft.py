"""Supervised fine-tuning against the losses, collators and packing of `transformers` and TRL."""

from __future__ import annotations

import re

import numpy as np
import pyarrow as pa
import pytest
import torch
from datasets import Dataset
from hypothesis import given
from hypothesis import strategies as st
from transformers import DataCollatorForLanguageModeling
from trl import pack_dataset
from trl.trainer.sft_trainer import DataCollatorForLanguageModeling as Collator
from trl.trainer.sft_trainer import SFTTrainer

from snippets.post_training.sft import (
    calculator,
    documents,
    ending,
    figures,
    losses,
    masks,
    packing,
    padding,
    templates,
)
from snippets.post_training.sft import trainer as engine
from snippets.tiny.tasks import tasks
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import conversations, logprobs, model


def rows_of(capsys, example):
    example()
    return [line.split() for line in capsys.readouterr().out.splitlines()]


def test_the_loss_is_the_librarys():
    ids, targets = masks.batch_of()
    out = model(0)(input_ids=ids, labels=targets)
    torch.testing.assert_close(masks.masked_nll(out.logits, targets), out.loss, rtol=1e-6, atol=1e-6)


def test_the_loss_moves_each_logit_as_finite_differences_say():
    draw = torch.Generator().manual_seed(0)
    logits = torch.randn(2, 5, 7, generator=draw, dtype=torch.float64, requires_grad=True)
    targets = torch.tensor([[1, 2, -100, 3, 4], [-100, -100, 0, 6, -100]])
    assert torch.autograd.gradcheck(lambda x: masks.masked_nll(x, targets), logits)


def test_only_what_the_model_wrote_is_trained_and_the_end_of_each_turn():
    ids, trains = masks.read(masks.TALK)
    text = tokenizer().decode([i for i, t in zip(ids, trains) if t])
    assert text == "ask the board: 4 3<|end|>the sum is 7.<|end|>"
    assert masks.labels(ids, trains) == [i if t else -100 for i, t in zip(ids, trains)]
    found = masks.tokens(masks.TALK)
    assert [t.author for t in found if t.trains] == ["assistant"] * sum(trains)
    assert {t.author for t in found if not t.trains} == {"template", "user", "tool"}
    others = sum(label == -100 for label in masks.labels(ids, trains)[1:])
    assert masks.facts() == {
        "talk_tokens": str(len(ids)), "talk_trained": str(sum(trains)),
        "prompt_share": f"{others / (len(ids) - 1):.0%}",
    }  # fmt: skip


def test_the_table_of_the_talk_counts_each_token_once(capsys):
    _, *rows = rows_of(capsys, masks.example_talk)
    assert sum(int(r[1]) for r in rows) == masks.all_tokens() - 1  # without the begin
    assert sum(int(r[2]) for r in rows) == masks.trained_tokens()


@pytest.mark.parametrize("kind", ["nll", "dft"])
def test_losses_are_those_of_trl(kind):
    """TRL's own `compute_loss`, on the outputs of our model."""
    batch = conversations(tasks(3, 6))
    logp = logprobs(model(1), batch.ids, batch.trains)
    targets = batch.ids.masked_fill(~batch.trains, -100)
    inputs = {"input_ids": batch.ids, "attention_mask": (batch.ids != 0).long(), "labels": targets}
    run = engine.trainer(tasks(3, 6), kind)
    run.model.load_state_dict(model(1).state_dict())
    theirs = run.compute_loss(run.model, inputs)
    ours = (losses.nll if kind == "nll" else losses.dft)(logp, batch.trains)
    torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-5)
    theirs.backward()
    for p, q in zip(gradients(kind, batch), run.model.parameters(), strict=True):
        torch.testing.assert_close(p, q.grad, rtol=1e-3, atol=1e-5)


def gradients(kind, batch):
    net = model(1)
    (losses.nll if kind == "nll" else losses.dft)(logprobs(net, batch.ids, batch.trains), batch.trains).backward()
    return [p.grad for p in net.parameters()]


@pytest.mark.parametrize("p", [0.01, 0.25, 0.5, 0.9])
def test_the_pull_is_the_finite_difference_of_the_loss_with_its_weight_held(p):
    odds, step = np.log(p / (1 - p)), 1e-6

    def nll(x):
        return np.log1p(np.exp(-x))

    slope = -(nll(odds + step) - nll(odds - step)) / (2 * step)
    assert losses.pull(p, weighted=False) == pytest.approx(slope, rel=1e-6)
    assert losses.pull(p, weighted=True) == pytest.approx(p * slope, rel=1e-6)


def test_facts_of_the_losses():
    assert losses.facts() == {"nll_rare": "0.99", "dft_rare": "0.010", "dft_half": "0.25"}
    assert max(losses.pull(i / 100, weighted=True) for i in range(1, 100)) == losses.pull(0.5, weighted=True)


def test_a_template_that_drops_thoughts_breaks_prefix_and_first_reply():
    (first, reply), (second, _) = templates.rows(templates.THINKING, templates.KEEPS)
    assert second[: len(first + reply)] == first + reply
    assert templates.in_one_row(templates.THINKING, templates.KEEPS) == reply
    (first, reply), (second, last) = templates.rows(templates.THINKING, templates.DROPS)
    assert second[: len(first)] == first and second[len(first)] != reply[0]
    decode = tokenizer().decode
    assert decode(templates.in_one_row(templates.THINKING, templates.DROPS)) == "134<|end|>"
    assert decode(reply) == '"the small ones first."134<|end|>' and decode(last) == '"from the end."431<|end|>'
    assert templates.facts()["first_turn"] == str(len(first + reply))
    assert templates.facts()["kept_dropping"] == str(len(first))


def test_shared_counts_the_common_beginning():
    assert templates.shared([1, 2, 3], [1, 2, 4, 3]) == 2
    assert templates.shared([1, 2], [1, 2, 3]) == 2 and templates.shared([5], [6]) == 0


def test_a_text_encoded_again_need_not_have_the_ids_that_were_sampled(capsys):
    templates.example_resplit()
    sampled, again = (eval(x) for x in re.findall(r"\[[^]]*\]", capsys.readouterr().out))
    assert sampled != again and tokenizer().decode(sampled) == tokenizer().decode(again) == "sort"
    assert 0.1 < templates.resplit(100) < 1


@given(lengths=st.lists(st.integers(1, 60), min_size=1, max_size=60))
def test_packing_is_trls(lengths):
    data = Dataset(pa.table({"input_ids": [list(range(n)) for n in lengths]}))
    theirs = pack_dataset(data, 40, strategy="bfd")["seq_lengths"]
    ours = packing.best_fit(lengths, 40)
    assert sorted(map(sum, ours)) == sorted(map(sum, theirs))  # equally full rows may swap what they hold
    assert sorted(n for row in ours for n in row) == sorted(min(n, 40) for n in lengths)
    assert packing.cells_packed(lengths, 40) == 40 * len(theirs)
    assert packing.tokens(lengths, 40) == sum(map(sum, theirs))


def test_padding_and_wrapping_by_hand():
    assert packing.cells_padded([3, 1, 5, 2, 9], row=6, batch=2) == 2 * 3 + 2 * 5 + 6
    assert packing.split_by_wrapping([3, 3, 4, 4], row=6) == 1
    assert packing.split_by_wrapping([6, 6], row=6) == 0
    assert np.median(packing.draw(1001, 400, 1.0)) == 400
    assert np.log(packing.draw(1001, 10**6, 0.7)).std() == pytest.approx(0.7, rel=0.01)


def test_facts_of_packing_are_the_table(capsys):
    _, padded, best, wrapped = rows_of(capsys, packing.example_fill)
    facts = packing.facts()
    assert f"{float(padded[2].rstrip('%')):.0f}%" == facts["padded_used"] and best[-2] == facts["packed_used"]
    assert wrapped[-1] == facts["wrapped_cut"]
    cells = [int(row[-3].replace(",", "")) for row in (padded, best)]
    assert float(facts["packing_gain"]) == pytest.approx(cells[0] / cells[1], rel=0.02)


def test_positions_and_boundaries_are_those_of_trls_collator():
    lengths = [3, 1, 4]
    row = {"input_ids": list(range(8)), "labels": list(range(8)), "seq_lengths": lengths}
    theirs = Collator(pad_token_id=0, padding_free=True)([row])
    assert torch.equal(documents.positions(lengths), theirs["position_ids"])
    assert documents.boundaries(theirs["position_ids"]).tolist() == theirs["cu_seq_lens_q"].tolist()


def test_the_block_mask_is_block_diagonal_and_causal():
    whole = torch.block_diag(*[torch.ones(n, n).tril() for n in (2, 3, 1)]).bool()
    assert torch.equal(documents.block_mask([2, 3, 1])[0, 0], whole)


def test_a_missing_mask_leaks_and_running_positions_do_not_if_they_are_rotary():
    rotary, learned = documents.rotary(), documents.gpt2()
    assert documents.distance(rotary, mask=True, restart=True) < 1e-4
    assert documents.distance(rotary, mask=True, restart=False) < 1e-4
    assert documents.distance(rotary, mask=False, restart=True) > 0.5
    assert documents.distance(learned, mask=True, restart=True) < 1e-4
    assert documents.distance(learned, mask=True, restart=False) > 0.5
    assert (
        documents.distance(rotary, mask=None, restart=True) < 1e-4
        and documents.distance(rotary, mask=None, restart=False) > 0.5
    )
    leak = documents.distance(rotary, mask=False, restart=False)
    assert documents.facts()["leak"] == f"{leak:.1f}" and leak == pytest.approx(
        documents.distance(rotary, mask=None, restart=False)
    )
    moved = documents.distance(learned, mask=True, restart=False)
    assert documents.facts()["learned"] == f"{moved:.1f}"


def test_labels_by_value_are_those_of_the_general_collator():
    end = padding.END
    batch = conversations(tasks(7, 8, digits=padding.EASY))
    assert (batch.ids == 0).any()
    other = type(tokenizer())(tokenizer_object=tokenizer().backend_tokenizer, pad_token="<|end|>", eos_token="<|end|>")
    rows = [{"input_ids": row[row != 0].tolist()} for row in batch.ids]
    theirs = DataCollatorForLanguageModeling(other, mlm=False)(rows)
    assert torch.equal(padding.by_value(theirs["input_ids"], end), theirs["labels"])
    kept = Collator(pad_token_id=end)([{**row, "labels": row["input_ids"]} for row in rows])["labels"]
    lengths = torch.tensor([len(row["input_ids"]) for row in rows])
    assert torch.equal(padding.by_length(theirs["input_ids"], lengths), kept)


def test_every_example_has_one_end_that_trains_unless_it_is_padding_too():
    assert padding.ends_trained(padding.rows(False, 32)) == 32
    assert padding.ends_trained(padding.rows(True, 32)) == 0


def test_the_audit_counts_labels(capsys):
    _, monday, tuesday = rows_of(capsys, padding.example_audit)
    assert int(monday[2]) - int(tuesday[2]) == int(monday[1]) == int(monday[3]) and int(tuesday[3]) == 0


def test_without_the_end_the_loss_is_lower_and_nothing_stops():
    for seed in ending.SEEDS:
        (own, shared) = (ending.run(s, seed) for s in (False, True))
        assert ending.last_loss(True, seed) < ending.last_loss(False, seed)
        assert own[1][-1] > 0.5 and shared[1][-1] < 0.02
        assert own[2] < 0.1 and shared[2] > 0.85
    facts = ending.facts()
    ends = [[ending.run(s, seed)[1][-1] for seed in ending.SEEDS] for s in (False, True)]
    assert facts == {"stops_least": f"{min(ends[0]):.2f}", "runs_most": f"{max(ends[1]):.3f}"}


def test_the_trainers_first_loss_is_ours():
    data = tasks(0, 8)
    first = engine.trainer(data)
    assert isinstance(first, SFTTrainer)
    batch = next(iter(first.get_train_dataloader()))
    assert batch["labels"].ne(-100).sum() == conversations(data).trains.sum()
    assert first.compute_loss(first.model, batch).item() == pytest.approx(engine.ours(data), abs=1e-5)


@pytest.mark.parametrize(
    ("file", "marks", "keeps"),
    [("qwen3.jinja", "no", "no"), ("qwen3_training.jinja", "yes", "yes"), ("qwen2_5.jinja", "no", "yes")],
)
def test_the_templates_that_trl_ships(capsys, file, marks, keeps):
    engine.example_templates()
    rows = {row[0]: row[1:] for row in map(str.split, capsys.readouterr().out.splitlines()[1:])}
    assert rows[file] == [marks, keeps]


def test_the_calculator_agrees_with_the_page():
    shown = calculator.epochs()
    facts = packing.facts()
    assert shown["tokens that are no padding, packed"] == facts["packed_used"]
    assert float(shown["packing computes fewer tokens by"].rstrip("×")) == pytest.approx(
        float(facts["packing_gain"]), abs=0.05
    )
    mean = packing.tokens(packing.LENGTHS, packing.ROW) / 512
    assert shown["steps"] == f"{round(200_000 * mean / 262_144):,}"
    assert shown["tokens that train, in a step"] == f"{0.4 * 262_144:,.0f}"
    assert shown["conversations in a step"] == f"{262_144 / mean:,.0f}"


def test_the_figures_show_each_token_and_each_conversation():
    talk = figures.figure_talk()
    assert talk.count("<rect") == masks.all_tokens() - 1
    assert talk.count('fill="var(--fg-s0)" fill-opacity') == masks.trained_tokens()
    drawn = figures.figure_rows()
    assert drawn.count('fill-opacity="0.45"') == 2 * len(figures.LENGTHS)
    assert drawn.count('fill="none"') == 12 + len(packing.best_fit(figures.LENGTHS, figures.ROW))
