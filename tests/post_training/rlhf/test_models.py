"""What small models show: where a score is read, and what TRL's trainers do with a reward."""

from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F

from snippets.post_training.rlhf import positions, trainers
from snippets.post_training.rlhf.preferences import wins
from snippets.tiny.tasks import Task
from snippets.tiny.tokens import tokenizer
from snippets.tiny.training import conversations

torch.set_num_threads(1)
PAD, END = positions.PAD, positions.END


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory):
    """Trainers write where they run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(tmp_path_factory.mktemp("runs"))
        yield


@pytest.mark.parametrize("pad", [PAD, END])
@pytest.mark.parametrize("side", ["left", "right"])
def test_the_library_reads_the_rightmost_token_that_is_not_padding(pad, side):
    scorer = positions.fresh().eval()
    ids = conversations([Task("sort 31", "13"), Task("sort 4132", "1234")]).ids
    if side == "left":
        ids = torch.stack([torch.cat([row[row == PAD], row[row != PAD]]) for row in ids])
    filled = ids.masked_fill(ids == PAD, pad)
    scorer.config.pad_token_id = pad
    with torch.no_grad():
        found = scorer(filled).logits.squeeze(-1)
        each = scorer.score(scorer.model(filled).last_hidden_state).squeeze(-1)
    torch.testing.assert_close(found, each[torch.arange(2), positions.last_other(filled, pad)])


def test_the_old_rule_reads_the_prompt_if_padding_is_the_end():
    ids = conversations([Task("sort 31", "13"), Task("sort 31", "31")]).ids
    ids = F.pad(ids, (0, 1), value=PAD)
    place = positions.before_first_pad(ids.masked_fill(ids == PAD, END), END)
    assert tokenizer().convert_ids_to_tokens(ids[0, : place[0] + 2].tolist())[-2:] == ["1", "<|end|>"]
    assert place[0] == place[1] and ids[0, : place[0] + 1].equal(ids[1, : place[0] + 1])
    assert positions.before_first_pad(ids, PAD).tolist() == positions.last_other(ids, PAD).tolist()


def test_a_row_alone_scores_as_in_a_batch_if_the_padding_is_that_of_training():
    scorer = positions.trained()
    ids = positions.held_out(0)[:6]
    together = positions.scores(scorer, ids, PAD, "today")
    alone = [positions.scores(scorer, row[row != PAD][None], PAD, "today").item() for row in ids]
    assert together.tolist() == pytest.approx(alone, abs=1e-4)
    early = positions.scores(scorer, ids, END, "today")
    assert (together - early).abs().min() > 1e-3


def test_symptoms_of_four_readings():
    own, old_end, today, today_end = (positions.judged(pad, rule) for rule, pad in positions.CASES)
    assert own == pytest.approx(today, abs=1e-4) and own[0] > 0.7
    assert old_end == pytest.approx((0.5, 1.0, math.log(2)), abs=1e-6)
    assert today_end[0] < own[0] - 0.05 and today_end[1] == 0 and today_end[2] > own[2]


def test_wrong_answers_differ_in_one_digit():
    for good, bad in zip(*positions.pairs(0, 50), strict=True):
        assert good.prompt == bad.prompt
        assert sum(a != b for a, b in zip(good.answer, bad.answer, strict=True)) == 1


def test_the_loss_of_trls_reward_trainer_is_that_of_bradley_and_terry():
    run = trainers.reward_trainer(1)
    batch = next(iter(run.get_train_dataloader()))
    with torch.no_grad():
        theirs = run.compute_loss(run.model, dict(batch)).item()
        first, second = run.model(**batch).logits.squeeze(-1).chunk(2)
    assert theirs == pytest.approx(-wins(first - second).log().mean().item(), rel=1e-4)


def test_rloo_comes_close_to_the_optimum_and_not_beyond():
    ends = trainers.rloo_against_optimum(30)
    before, found, best = (won - trainers.BETA * spent for spent, won in ends.values())
    assert before < found <= best + 1e-9
    assert (found - before) / (best - before) > 0.8


def test_online_dpo_starts_at_the_reference():
    run = trainers.quiet(trainers.online_dpo_trainer(1, trainers.first_digit))
    run.train()
    log = run.state.log_history[0]
    assert float(log["loss"]) == pytest.approx(math.log(2), abs=1e-4)
    assert float(log["objective/kl"]) == pytest.approx(0, abs=1e-4)


def test_the_reward_of_the_check_reads_the_first_digit():
    end = tokenizer().eos_token_id
    assert trainers.first_digit([[trainers.DIGITS[9], end], [end], [trainers.DIGITS[3]]]) == [1.0, 0.0, 3 / 9]
