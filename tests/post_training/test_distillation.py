"""Losses against PyTorch, SciPy and TRL's own code; gradients by enumeration; starts and their ends."""

from math import log

import pytest
import torch
import torch.nn.functional as F
from scipy.optimize import minimize
from scipy.stats import entropy
from trl.experimental.gkd import GKDTrainer
from trl.trainer.distillation_trainer import _chunked_divergence_loss

from snippets.post_training.distillation import betas, calculator, figures, losses, replies, sparse, starts

BETAS = [0.0, 1e-3, 0.1, 0.5, 0.9, 0.999, 1.0]


def logits(seed: int, places: int = 6, words: int = 11):
    draw = torch.Generator().manual_seed(seed)
    return 2 * torch.randn(2, places, words, generator=draw, dtype=torch.float64)


def pair(seed: int):
    return logits(seed).log_softmax(-1).unbind()


@pytest.mark.parametrize("seed", range(3))
def test_both_kls_are_pytorchs_and_scipys(seed):
    student, teacher = pair(seed)
    forward, reverse = losses.forward(student, teacher), losses.reverse(student, teacher)
    torch.testing.assert_close(forward, F.kl_div(student, teacher, log_target=True, reduction="none").sum(-1))
    torch.testing.assert_close(reverse, F.kl_div(teacher, student, log_target=True, reduction="none").sum(-1))
    assert forward.numpy() == pytest.approx(entropy(teacher.exp().numpy(), student.exp().numpy(), axis=-1))
    assert reverse.numpy() == pytest.approx(entropy(student.exp().numpy(), teacher.exp().numpy(), axis=-1))
    assert (forward - reverse).abs().max() > 0.1


@pytest.mark.parametrize("beta", BETAS)
def test_value_and_gradient_are_those_of_both_trainers_of_trl(beta):
    student, teacher = logits(4)
    found = []
    for which in ("ours", "gkd", "stable"):
        x = student.clone().requires_grad_()
        if which == "ours":
            loss = losses.generalized(x.log_softmax(-1), teacher.log_softmax(-1), beta).mean()
        elif which == "gkd":
            loss = GKDTrainer.generalized_jsd_loss(x, teacher, beta=beta)
        else:  # identity as head: the hidden states are the logits
            head = torch.eye(x.shape[-1], dtype=x.dtype)
            loss, _, _ = _chunked_divergence_loss(x[None], teacher[None], head, head, torch.ones(1, len(x)), beta)
        loss.backward()
        found.append((loss.item(), x.grad))
    for value, grad in found[1:]:
        assert value == pytest.approx(found[0][0], abs=1e-5)
        torch.testing.assert_close(grad.double(), found[0][1], rtol=0, atol=1e-5)
    assert found[0][1].abs().sum() > 0


@pytest.mark.parametrize("beta", BETAS)
def test_gradients_are_finite_differences(beta):
    student, teacher = logits(5, 2, 5)
    run = lambda x: losses.generalized(x.log_softmax(-1), teacher.log_softmax(-1), beta).sum()  # noqa: E731
    assert torch.autograd.gradcheck(run, (student.requires_grad_(),), atol=1e-6)


def test_cross_entropies_are_pytorchs_and_differ_from_kl_by_what_the_teacher_does_not_know():
    student, teacher = pair(6)
    ids = torch.arange(6)
    torch.testing.assert_close(losses.hard(student, ids), F.cross_entropy(student, ids, reduction="none"))
    soft = losses.soft(student, teacher)
    torch.testing.assert_close(soft, F.cross_entropy(student, teacher.exp(), reduction="none"))
    unknown = torch.tensor(entropy(teacher.exp().numpy(), axis=-1))
    torch.testing.assert_close(soft - losses.forward(student, teacher), unknown)
    mask = torch.tensor([1, 1, 0, 0, 1, 0]).double()
    assert losses.mean(soft, mask).item() == pytest.approx(soft[mask.bool()].mean().item())


def test_the_sampled_advantage_has_reverse_kls_gradient_in_expectation():
    """The sum over all tokens that could have been sampled, each with its probability."""
    student, teacher = logits(7, 3, 5)
    x = student.clone().requires_grad_()
    q, p = x.log_softmax(-1), teacher.log_softmax(-1)
    weighed = sum((q[:, i].exp().detach() * losses.policy(q, p, torch.full((3,), i))).sum() for i in range(5))
    (sampled,) = torch.autograd.grad(weighed, x)
    y = student.clone().requires_grad_()
    (exact,) = torch.autograd.grad(losses.reverse(y.log_softmax(-1), p).sum(), y)
    torch.testing.assert_close(sampled, exact)
    assert exact.abs().max() > 0.1


@pytest.mark.parametrize("seed", range(4))
def test_which_gradient_each_recipe_follows(seed):
    """Chain rule by SciPy's entropy over whole replies; sampling without gradient loses what comes later."""
    student, teacher = replies.model(2 * seed), replies.model(2 * seed + 1)
    q, p = (losses.chosen(replies.tokens(m), replies.REPLIES).sum(1).exp() for m in (student, teacher))
    assert q.sum().item() == pytest.approx(1) == pytest.approx(p.sum().item())
    assert replies.by_token(student, teacher).item() == pytest.approx(entropy(q.numpy(), p.numpy()))
    assert replies.forward_by_token(student, teacher).item() == pytest.approx(entropy(p.numpy(), q.numpy()))
    grad = lambda loss, *more: replies.gradient(loss, student, teacher, *more)  # noqa: E731
    torch.testing.assert_close(grad(replies.forward_by_token), grad(replies.forward_whole))
    torch.testing.assert_close(grad(replies.sampled, 0.0), grad(replies.by_token))
    torch.testing.assert_close(grad(replies.sampled, 1.0), grad(replies.whole))
    assert replies.cosine(grad(replies.by_token), grad(replies.whole)) < 0.9999
    assert torch.autograd.gradcheck(lambda x: replies.whole(x, teacher), (student.requires_grad_(),))


def test_prefixes_have_numbers_of_their_own():
    seen = {}
    for reply, places in zip(replies.REPLIES.tolist(), replies.prefixes().tolist(), strict=True):
        for t in range(3):
            seen.setdefault(places[t], set()).add(tuple(reply[:t]))
    assert len(seen) == 13 and all(len(names) == 1 for names in seen.values())


def test_facts_about_gradients_are_those_of_whole_replies(capsys):
    replies.example_gradients()
    rows = {line[:28].strip(): line[28:].split() for line in capsys.readouterr().out.splitlines()[1:]}
    assert rows["forward, each token"][1] == rows["reverse, sampled, all gaps"][1] == "1.000"
    assert rows["reverse, each token"][0] == rows["reverse, whole replies"][0]
    x, y = replies.model(0).requires_grad_(), replies.model(1)
    q, p = x.log_softmax(-1)[replies.prefixes()], y.log_softmax(-1)[replies.prefixes()]
    both = losses.chosen(q, replies.REPLIES).sum(1), losses.chosen(p, replies.REPLIES).sum(1)
    (full,) = torch.autograd.grad(F.kl_div(both[1], both[0], log_target=True, reduction="sum"), x, retain_graph=True)
    token = F.kl_div(p, q, log_target=True, reduction="none").sum((1, 2))
    (local,) = torch.autograd.grad((both[0].exp().detach() * token).sum(), x)
    angle = torch.cosine_similarity(full.flatten(), local.flatten(), dim=0)
    facts = replies.facts()
    assert facts["token_cosine"] == f"{angle:.2f}" and 0.3 < float(facts["token_lowest"]) < 0.5


def test_the_teachers_habits_are_probabilities():
    p = starts.teacher().exp()
    assert p.sum().item() == pytest.approx(1)
    assert p[0].item() == pytest.approx(0.55 * 0.98**5 + 0.35 * (0.02 / 3) ** 5 + 0.1 / 4**5)
    twos = (starts.REPLIES == 2).all(1).nonzero().item()
    assert p[twos].item() == pytest.approx(0.9 * (0.02 / 3) ** 5 + 0.1 / 4**5)


@pytest.mark.parametrize("name", starts.STARTS)
def test_forward_kl_ends_at_the_teachers_marginals_from_each_start(name):
    p = starts.teacher().exp()
    wanted = torch.stack([torch.bincount(starts.REPLIES[:, t], p, 4) for t in range(5)])
    ends, paths = starts.run("forward", name)
    logits, path = ends[0], paths[:, 0]
    torch.testing.assert_close(logits.softmax(-1), wanted, rtol=0, atol=0.01)
    floor = sum(entropy(w.numpy()) for w in wanted) - entropy(p.numpy())
    assert path[-1].item() == pytest.approx(floor, abs=0.01) and path[0] > path[-1]


@pytest.mark.parametrize(
    ("name", "low", "high", "word"),
    [("untrained", 2.0, 2.2, None), ("SFT on the teacher", 0.5, 0.65, 0), ("SFT on others", 0.9, 1.1, 1)],
)
def test_reverse_kl_ends_in_another_place_from_each_start(name, low, high, word):
    """All are minima: SciPy, started where Adam ended, finds nothing lower nearby."""
    p = starts.teacher()
    for seed in (0, 4):
        ends, paths = starts.run("reverse", name)
        logits, value = ends[seed], starts.ended("reverse", name, seed)[0]
        assert low < value < high and value <= paths[0, seed]
        shares = logits.softmax(-1).mean(0)
        assert shares.max() < 0.4 if word is None else shares[word] > 0.9

    def loss(flat):
        x = torch.tensor(flat).view(5, 4).requires_grad_()
        q = x.log_softmax(-1)[torch.arange(5), starts.REPLIES].sum(1)
        found = F.kl_div(p, q, log_target=True, reduction="sum")
        (grad,) = torch.autograd.grad(found, x)
        return found.item(), grad.flatten().numpy()

    near = minimize(loss, logits.flatten().numpy(), jac=True, method="L-BFGS-B")
    assert near.fun == pytest.approx(value, abs=0.02)


def test_starts_are_what_they_are_called():
    assert starts.start("untrained").abs().max() < 0.3 and starts.start("untrained").std(0).min() > 0
    assert starts.start("SFT on others").softmax(-1)[:, :, 1].min() > 0.8
    assert starts.start("SFT on the teacher").softmax(-1)[1, :, 0].mean().item() == pytest.approx(0.57, abs=0.05)
    facts = starts.facts()
    assert [facts[k] for k in ("end_untrained", "end_taught", "end_others", "end_forward")] == [
        f"{starts.ended(kind, name, 0)[0]:.2f}"
        for kind, name in [("reverse", n) for n in starts.STARTS] + [("forward", "untrained")]
    ]
    labels = [t.get_text() for axes in starts.figure_starts().axes for t in axes.texts]
    assert f"all: {facts['end_forward']}" in labels and f"untrained: {facts['end_untrained']}" in labels


def test_beta_near_one_is_reverse_kl_times_what_is_left():
    """The field case, on TRL's function: a jump at both ends; divided by beta (1 - beta) there is none."""
    student, teacher = (m for m in betas.pair())
    theirs = {b: GKDTrainer.generalized_jsd_loss(student, teacher, beta=b).item() for b in betas.BETAS}
    for beta, value in theirs.items():
        assert betas.measured(beta)[0] == pytest.approx(value, abs=1e-9)
    assert theirs[0.999] < 0.002 * theirs[1.0] and theirs[0.001] < 0.002 * theirs[0.0]
    assert betas.norm_share(0.9) < 0.08 and betas.direction(0.9) > 0.95 and betas.direction(0.5) < 0.92
    for beta, end in ((1e-6, 0.0), (1 - 1e-6, 1.0)):
        assert betas.scaled_loss(beta) == pytest.approx(theirs[end], rel=1e-3)
        assert betas.scaled_norm(beta) == pytest.approx(betas.norm_share(end), rel=1e-3)
        assert betas.jump(beta) < 1e-3, "with the weights swapped there is no jump"
    assert betas.strength(0.9) == pytest.approx(0.09) and betas.strength(1.0) == 1.0
    assert betas.jump(0.9) > 0.1


def test_facts_about_beta_are_trls():
    student, teacher = betas.pair()
    grads = {}
    for beta in (0.5, 0.9, 0.999, 1.0):
        x = student.clone().requires_grad_()
        loss = GKDTrainer.generalized_jsd_loss(x, teacher, beta=beta)
        grads[beta] = (loss.item(), torch.autograd.grad(loss, x)[0].flatten())
    share = (grads[0.9][1].norm() / grads[1.0][1].norm()).item()
    angle = {b: torch.cosine_similarity(grads[b][1], grads[1.0][1], dim=0).item() for b in (0.5, 0.9)}
    assert betas.facts() == {
        "loss_one": f"{grads[1.0][0]:.2f}", "loss_near": f"{grads[0.999][0]:.4f}", "grad_09": f"{share:.0%}",
        "rate_09": f"{1 / share:.0f}", "cosine_09": f"{angle[0.9]:.2f}", "cosine_05": f"{angle[0.5]:.2f}",
    }  # fmt: skip
    labels = [t.get_text() for t in betas.figure_betas().axes[0].texts]
    assert f"β = 0.9: {share:.0%}" in labels


def test_few_probabilities_teach_another_distribution_unless_counts_are_used():
    p = sparse.teacher()
    rank = torch.arange(1, sparse.VOCABULARY + 1).double()
    torch.testing.assert_close(p, rank**-1.2 / (rank**-1.2).sum())
    kept = sparse.top(p, 32, torch.Generator())
    torch.testing.assert_close(kept[:32], p[:32] / p[:32].sum())
    assert kept[32:].sum() == 0 and sparse.tail(kept) == 0
    one = sparse.sampled_counts(p, 32, torch.Generator().manual_seed(3))
    same = sparse.sampled_set(p, 32, torch.Generator().manual_seed(3))
    assert one.sum().item() == pytest.approx(1) == pytest.approx(same.sum().item())
    assert ((one > 0) == (same > 0)).all() and (one * 32).frac().abs().max() < 1e-9
    assert same[0].item() == pytest.approx((p[0] / p[one > 0].sum()).item())
    mean = sparse.learned(sparse.sampled_counts)
    assert sparse.tail(mean) == pytest.approx(p[32:].sum().item(), abs=0.01)
    assert mean[0].item() == pytest.approx(p[0].item(), abs=0.01)
    assert sparse.tail(sparse.learned(sparse.sampled_set)) < 0.05
    facts = sparse.facts()
    assert facts["tail_true"] == f"{p[32:].sum():.0%}" and facts["best_true"] == f"{p[0]:.2f}"
    assert facts["best_top"] == f"{p[0] / p[:32].sum():.2f}" and facts["tail_top"] == "0%"
    assert facts["stored_all"] == f"{1e8 * 151_936 * 2 / 1e12:.1f} TB"
    assert facts["stored_few"] == f"{1e8 * 256 * 6 / 1e9:.1f} GB"
    assert facts["tail_counts"] == facts["tail_true"] and facts["tail_set"] == "2%"


def test_the_calculator_counts_bytes_and_passes():
    assert calculator.stored(10, 1000, 1000) == 20_000 and calculator.stored(10, 1000, 100) == 6_000
    assert calculator.flops(32, 8, 3, on_policy=False) == 2 * 32 + 3 * 6 * 8
    assert calculator.facts() == {"policy_once": f"{128 / 112:.2f}", "policy_thrice": f"{384 / 208:.2f}"}
    assert calculator.flops(32, 8, 3, on_policy=True) == 3 * (2 * 8 + 2 * 32 + 6 * 8)
    shown = calculator.signal()
    assert shown["all probabilities"] == "30.4 TB" and shown["256 of them"] == "153.6 GB"
    assert shown["the text alone"] == "400.0 MB" and shown["on-policy costs"] == f"{128 / 112:.2f}×"
    assert shown["FLOPs, the teacher writes"] == "1.12e+19" and shown["FLOPs, the student writes"] == "1.28e+19"
    assert "50 of them" in calculator.signal(vocabulary=100, kept=50)


def test_the_drawing_shows_the_likeliest_replies_and_what_is_said_of_them():
    (taught, away), (own, gaps) = figures.judged()
    drawn = figures.figure_writers()
    student, teacher = replies.model(0), replies.model(1)
    for ids, values, writer, forward in ((taught, away, teacher, True), (own, gaps, student, False)):
        place, likeliest = 0, 0.0
        for t, word in enumerate(ids):
            q, p = student.softmax(-1)[place], teacher.softmax(-1)[place]
            wanted = entropy(p.numpy(), q.numpy()) if forward else log(p[word] / q[word])
            assert values[t] == pytest.approx(wanted)
            likeliest += log(writer.softmax(-1)[place][word])
            place = place * 3 + word + 1
        assert likeliest == pytest.approx(losses.chosen(replies.tokens(writer), replies.REPLIES).sum(1).max().item())
        assert all((f"{v:+.2f}" if v < 0 else f"{v:.2f}") in drawn for v in values)
