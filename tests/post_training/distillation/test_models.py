"""TRL's trainers, and what the page's small models show."""

import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from trl import DistillationConfig
from trl.experimental.gkd import GKDConfig, GKDTrainer
from trl.trainer.distillation_trainer import _chunked_divergence_loss

from snippets.post_training.distillation import habits, learning, losses, steps, trainers

HERE = Path(__file__).resolve().parents[3] / "snippets/post_training/distillation"


@pytest.mark.parametrize("arm", steps.ARMS)
def test_a_step_reads_the_right_text_and_only_the_student_learns(arm):
    """The loss again with TRL's function or with PyTorch's cross-entropy, on the same draw."""
    student, teacher = trainers.models().values()
    given, draw = trainers.GIVEN[:8], torch.Generator().manual_seed(2)
    writes, function = steps.ARMS[arm]
    loss = steps.step_loss(student, function, *steps.written(student if writes else teacher, teacher, given, draw))
    student.zero_grad(), teacher.zero_grad()
    loss.backward()
    assert all(w.grad is None for w in teacher.parameters()) and any(w.grad.any() for w in student.parameters())
    writer = student if arm.startswith("student") else teacher
    text = steps.sample(writer, given, generator=torch.Generator().manual_seed(2))
    labels = text.ids.masked_fill(~text.trains, -100)[:, 1:]
    seen = (text.ids != steps.tokenizer().pad_token_id).long()
    q, p = (m(input_ids=text.ids, attention_mask=seen).logits[:, :-1].detach() for m in (student, teacher))
    if arm.endswith("no logits"):
        wanted = F.cross_entropy(q.flatten(0, 1), labels.flatten())
    elif arm.endswith("own gap"):
        a, b = (-F.cross_entropy(m.flatten(0, 1), labels.flatten(), reduction="none") for m in (q, p))
        wanted = (-(b - a) * a).sum() / (labels != -100).sum()
    else:
        wanted = GKDTrainer.generalized_jsd_loss(q, p, labels, beta=float(arm.endswith("reverse")))
    assert loss.item() == pytest.approx(wanted.item(), rel=1e-3, abs=1e-4)


def test_trls_trainers_compute_our_losses_and_only_one_of_them_heeds_the_temperature(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    trainer = trainers.mixed(0.0, 0.5, temperature=3.0)
    batch = next(iter(trainer.get_train_dataloader()))
    with torch.no_grad():
        theirs = trainer.compute_loss(trainer.model, batch).item()
        q, p = (
            m(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"]).logits[:, :-1].log_softmax(-1)
            for m in (trainer.model, trainer.teacher_model)
        )
    mask = batch["labels"][:, 1:] != -100
    assert theirs == pytest.approx(losses.mean(losses.generalized(q, p, 0.5), mask).item(), abs=1e-5)
    draw = torch.Generator().manual_seed(8)
    student, teacher = 2 * torch.randn(2, 6, 11, generator=draw, dtype=torch.float64)
    head = torch.eye(11, dtype=torch.float64)
    warm, _, _ = _chunked_divergence_loss(
        student[None], teacher[None], head, head, torch.ones(1, 6), 1.0, temperature=3.0
    )
    ours = losses.reverse((student / 3).log_softmax(-1), (teacher / 3).log_softmax(-1)).mean()
    assert warm.item() == pytest.approx(ours.item(), abs=1e-5)
    stable = DistillationConfig(output_dir="none", use_cpu=True, bf16=False, report_to="none")
    older = GKDConfig(output_dir="none", use_cpu=True, bf16=False, report_to="none")
    assert (stable.beta, stable.temperature, older.beta, older.lmbda, older.temperature) == (1.0, 1.0, 0.5, 0.5, 0.9)


def test_trl_keeps_the_end_token_where_it_is_the_padding_too():
    """What pull request 6357 mended: the mask goes by place, not by value."""
    written = torch.tensor([[5, 6, 9, 7, 2, 2, 2], [5, 6, 9, 7, 8, 2, 2]])
    model = SimpleNamespace(generate=lambda **_: SimpleNamespace(sequences=written))
    inputs = {"prompts": written[:, :3], "prompt_attention_mask": torch.ones(2, 3).long()}
    config = SimpleNamespace(eos_token_id=2, pad_token_id=2)
    labels = GKDTrainer.generate_on_policy_outputs(model, inputs, config)[2]
    assert labels[:, 3:].tolist() == [[7, 2, -100, -100], [7, 8, 2, -100]]


def recorded(name: str, section: str) -> str:
    text = (HERE / f"{name}.out.txt").read_text(encoding="utf-8")
    return text.split(f"[start:{section}]")[1].split("[end:")[0]


def test_in_a_real_trainer_beta_decides_how_hard_it_trains():
    rows = {
        float(b): float(g)
        for b, g in re.findall(r"^Distillation +(\S+) +\S+ +(\S+)$", recorded("trainers", "runs"), re.M)
    }
    assert rows[0.999] < 0.002 * rows[1.0] and rows[0.9] < 0.1 * rows[1.0]
    assert rows[0.0] > 0.2 * rows[1.0]


def test_the_small_models_end_near_their_start_under_reverse_kl_and_leave_it_under_forward():
    rows = re.findall(
        r"^SFT (\w+) +(\d+)% ± \d+% +(\d+)% ± (\d+)% +(\d+)% ± (\d+)%", recorded("habits", "habits"), re.M
    )
    shown = {name: tuple(map(int, rest)) for name, *rest in rows}
    for name, side in (("upward", 1), ("downward", -1)):
        before, own, _, taught, _ = shown[name]
        assert side * (taught - own) > 0 and abs(own - before) < abs(taught - before)
    tasks = habits.both(0, 400, 0.25)
    up = sum(t.answer == "".join(sorted(t.answer)) for t in tasks) / 400
    assert 0.25 < up < 0.4, "a quarter, and those that read the same both ways"


def test_each_arm_teaches_and_the_noisy_one_least():
    rows = dict(re.findall(r"^(.+?) +(\d+)% ± \d+%$", recorded("learning", "arms"), re.M))
    solved = {name: int(share) for name, share in rows.items()}
    arms = {name: solved[name] for name in steps.ARMS}
    assert min(arms, key=arms.get) == learning.GAP
    assert all(arms[name] > solved["before"] + 5 for name in arms if name != learning.GAP)


def test_means_and_spreads_are_numpys_over_the_seeds(monkeypatch):
    monkeypatch.setattr(learning, "after", lambda arm, seed: seed / 10 + (arm == learning.GAP))
    monkeypatch.setattr(learning, "student", lambda seed: seed)
    monkeypatch.setattr(learning, "teacher", lambda: 9)
    monkeypatch.setattr(learning, "solved", lambda policy, seed: policy / 20)
    monkeypatch.setattr(habits, "run", lambda start, arm, seed: (0.0, seed / 5 if start == "SFT upward" else 1.0))
    monkeypatch.setattr(habits, "teacher", lambda: None)
    monkeypatch.setattr(habits, "downward", lambda policy, seed: 0.43)
    ten = np.arange(5) / 10
    assert learning.before() == pytest.approx((ten.mean() / 2, ten.std(ddof=1) / 2))
    assert learning.reached(learning.OWN) == pytest.approx((ten.mean(), ten.std(ddof=1)))
    assert habits.over_seeds("SFT upward", "any", 1) == pytest.approx((2 * ten.mean(), 2 * ten.std(ddof=1)))
    assert habits.over_seeds("SFT downward", "any", 0) == (0, 0)
    assert learning.facts() == {
        "solved_before": "10%", "solved_text": "20%", "solved_student": "20%", "solved_gap": "120%", "solved_teacher": "45%",
    }  # fmt: skip
    assert habits.facts() == {"down_teacher": "43%", "down_before": "0%", "down_own": "40%", "down_taught": "40%"}
    assert [len(axis.get_xdata()) for axis in learning.figure_arms().axes[0].lines[:2]] == [5, 1]


def test_small_models_are_graded_as_their_tasks_say():
    """One student, on the draws of its seed: answers right, and answers that begin with the largest digit."""
    policy = trainers.fitted(1, 60)
    draw = torch.Generator().manual_seed(3)
    written = steps.sample(policy, learning.TEST, generator=draw).replies
    right = [a == "".join(sorted(t.prompt.split()[1])) for t, a in zip(learning.TEST, written, strict=True)]
    assert learning.solved(policy, 3) == pytest.approx(np.mean(right)) and 0 < np.mean(right) < 0.4
    draw = torch.Generator().manual_seed(3)
    written = steps.sample(policy, habits.TEST, generator=draw).replies
    first = [(a[:1], sorted(t.prompt.split()[1])) for t, a in zip(habits.TEST, written, strict=True)]
    down, up = (sum(a == digits[i] for a, digits in first) for i in (-1, 0))
    assert habits.downward(policy, 3) == pytest.approx(down / (down + up)) and up > 10


@pytest.mark.parametrize("arm", steps.ARMS)
def test_the_learning_student_writes_or_the_teacher_once_for_all_students(arm, monkeypatch):
    """Who is asked for text, and which prompts stand in what is read, in two steps of each of two students."""
    (student, teacher), asked, read = trainers.models().values(), [], []
    sample, step_loss = steps.sample, steps.step_loss
    monkeypatch.setattr(steps, "sample", lambda writer, *a, **b: asked.append(writer) or sample(writer, *a, **b))
    monkeypatch.setattr(steps, "step_loss", lambda *a: read.append(a[2].ids) or step_loss(*a))
    steps.stored.cache_clear()
    pool = trainers.GIVEN[:8]
    first, second = (steps.distilled(student, teacher, steps.ARMS[arm], pool, 2, 0) for _ in range(2))
    writers = [first, first, second, second] if arm.startswith("student") else [teacher]
    assert len(asked) == len(writers) and all(a is b for a, b in zip(asked, writers, strict=True))
    texts = [steps.tokenizer().batch_decode(ids) for ids in read]
    for i, rows in enumerate(texts):
        given = pool[4:] if i % 2 else pool[:4]
        assert len(rows) == 4 and all(f"|>{t.prompt}<|" in row for t, row in zip(given, rows, strict=True))
    assert texts[:2] == texts[2:]
    for mine, other in zip(first.parameters(), second.parameters(), strict=True):
        torch.testing.assert_close(mine, other)


def test_distilling_moves_a_copy_by_the_rate_that_falls_to_zero():
    """The first step of AdamW moves each weight by the rate, whatever the gradient; the start is left as it was."""
    student, teacher = trainers.models().values()
    kept = {name: w.clone() for name, w in student.named_parameters()}
    moved = steps.distilled(student, teacher, steps.ARMS[learning.OWN], trainers.GIVEN[:8], 1, 0)
    assert all(torch.equal(w, kept[name]) for name, w in student.named_parameters())
    size = torch.cat([(w - kept[name]).abs().flatten() for name, w in moved.named_parameters()])
    assert size.max().item() == pytest.approx(3e-3, rel=0.02)
    further = steps.distilled(student, teacher, steps.ARMS[learning.OWN], trainers.GIVEN[:16], 2, 0)
    size = torch.cat([(w - kept[name]).abs().flatten() for name, w in further.named_parameters()])
    assert 3e-3 < size.max().item() < 4.6e-3, "a whole step and a half one"
