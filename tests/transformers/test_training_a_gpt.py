"""Training a GPT: model, loop and precision, held against `transformers`, PyTorch and torchao."""

import itertools
import lzma
import math
import statistics
from collections import Counter
from dataclasses import replace
from pathlib import Path

import pytest
import torch
import torch.nn.functional as F
from hypothesis import given
from hypothesis import strategies as st
from torchao.optim.quant_utils import _fp32_to_bf16_sr
from transformers import GPT2Config, GPT2LMHeadModel, get_cosine_with_min_lr_schedule_with_warmup
from transformers.generation import TemperatureLogitsWarper, TopKLogitsWarper
from transformers.loss.loss_utils import ForCausalLMLoss

from snippets.transformers.training_a_gpt import (
    accumulation,
    budget,
    calculator,
    drawing,
    faults,
    precision,
    resumption,
    run,
    sampling,
    text,
    training,
)
from snippets.transformers.training_a_gpt import model as model_code
from snippets.transformers.training_a_gpt.model import GPT, Config, deviation, excess, first_loss, initialize

PAGE = Path(__file__).parents[2] / "docs/transformers/training-a-gpt.md"
CONFIG = Config(layers=3, width=24, heads=4, context=20, vocab=50)


def twin(model: GPT) -> GPT2LMHeadModel:
    """The library's GPT-2 with the same weights."""
    c = model.c
    other = GPT2LMHeadModel(GPT2Config(
        vocab_size=c.vocab, n_positions=c.context, n_embd=c.width, n_layer=c.layers, n_head=c.heads,
        resid_pdrop=0, embd_pdrop=0, attn_pdrop=0, initializer_range=deviation(c.width), bos_token_id=0, eos_token_id=None,
    ))  # fmt: skip
    names = {
        "norm1": "ln_1",
        "norm2": "ln_2",
        "qkv": "attn.c_attn",
        "out": "attn.c_proj",
        "up": "mlp.c_fc",
        "down": "mlp.c_proj",
    }
    with torch.no_grad():
        other.transformer.wte.weight.copy_(model.tokens.weight)
        other.transformer.wpe.weight.copy_(model.positions.weight)
        for mine, theirs in zip(model.blocks, other.transformer.h, strict=True):
            for a, b in names.items():
                layer = theirs.get_submodule(b)
                weight = mine.get_submodule(a).weight
                layer.weight.copy_(weight.T if weight.dim() == 2 else weight)
                layer.bias.copy_(mine.get_submodule(a).bias)
        other.transformer.ln_f.load_state_dict(model.norm.state_dict())
    return other.eval()


@pytest.fixture(autouse=True, scope="module")
def one_thread():
    """As the examples run; tiny matrices gain nothing from more."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture
def small() -> GPT:
    """A model whose parts all differ: no bias is zero, no gain is one."""
    torch.manual_seed(1)
    model = initialize(GPT(CONFIG), 0.3)
    with torch.no_grad():
        for p in model.parameters():
            p.add_(0.1 * torch.randn_like(p))
    return model


def tokens(rows=3, length=20, vocab=50):
    return torch.randint(vocab, (rows, length), generator=torch.Generator().manual_seed(2))


def test_logits_loss_and_gradients_equal_those_of_the_library(small):
    other, x = twin(small), tokens()
    torch.testing.assert_close(small(x), other(x).logits, rtol=1e-4, atol=1e-5)
    theirs = other(x, labels=x).loss
    theirs.backward()
    ours = training.accumulate(small, [(x[:, :-1], x[:, 1:])])
    assert ours == pytest.approx(theirs.item(), rel=1e-6)
    torch.testing.assert_close(small.tokens.weight.grad, other.transformer.wte.weight.grad, rtol=1e-4, atol=1e-6)
    torch.testing.assert_close(
        small.blocks[1].up.weight.grad.T, other.transformer.h[1].mlp.c_fc.weight.grad, rtol=1e-4, atol=1e-6
    )
    assert sum(p.numel() for p in small.parameters()) == sum(p.numel() for p in other.parameters())


def test_weights_begin_as_in_the_library():
    c = Config(layers=4, width=96, heads=4, context=80, vocab=300)
    torch.manual_seed(0)
    ours = initialize(GPT(c))
    theirs = GPT2LMHeadModel(twin(ours).config)  # fresh: its own initialization
    mine = dict(ours.named_parameters())
    pairs = {
        "tokens.weight": "transformer.wte.weight", "positions.weight": "transformer.wpe.weight", "norm.weight": "transformer.ln_f.weight",
        "blocks.2.qkv.weight": "transformer.h.2.attn.c_attn.weight", "blocks.2.out.weight": "transformer.h.2.attn.c_proj.weight",
        "blocks.3.up.weight": "transformer.h.3.mlp.c_fc.weight", "blocks.3.down.weight": "transformer.h.3.mlp.c_proj.weight",
        "blocks.0.up.bias": "transformer.h.0.mlp.c_fc.bias", "blocks.0.norm2.weight": "transformer.h.0.ln_2.weight",
    }  # fmt: skip
    for a, b in pairs.items():
        one, other = mine[a], theirs.get_parameter(b)
        assert one.std().item() == pytest.approx(other.std().item(), rel=0.05, abs=1e-9), a
        assert one.mean().item() == pytest.approx(other.mean().item(), abs=0.002), a
    assert deviation(768) == 0.02


def test_the_first_loss_is_that_of_a_guess():
    for width, std in ((48, 0.02), (48, 0.08), (192, 0.04)):
        loss = first_loss(Config(width=width), std)
        assert loss - math.log(256) == pytest.approx(excess(width, std), abs=0.03)
    logits = torch.randn(4000, 256, generator=torch.Generator().manual_seed(0)) * 0.08 * math.sqrt(48)
    measured = F.cross_entropy(logits, torch.arange(4000) % 256).item() - math.log(256)
    assert excess(48, 0.08) == pytest.approx(measured, abs=0.02)
    facts = model_code.facts()
    assert facts["level"] == f"{F.cross_entropy(torch.zeros(1, 256), torch.tensor([7])).item():.3f}"
    assert facts["gpt2_level"] == f"{-math.log(1 / 50257):.2f}"
    assert facts["excess"] == f"{(0.02 * math.sqrt(768)) ** 2 / 2:.2f}"
    assert facts["start"] == f"{first_loss(Config(), 0.02 * math.sqrt(12)):.2f}"
    torch.manual_seed(0)
    plain = GPT(Config())
    x = torch.randint(256, (512, 17))
    theirs = F.cross_entropy(twin(plain)(x[:, :-1]).logits.flatten(0, 1), x[:, 1:].flatten())
    assert float(facts["default_start"]) == pytest.approx(theirs.item(), abs=0.06)


@given(windows=st.integers(1, 60), epoch=st.integers(0, 5), seed=st.integers(0, 3))
def test_an_epoch_has_each_window_once(windows, epoch, seed):
    found = text.order(windows, epoch, seed)
    assert sorted(found.tolist()) == list(range(windows))
    assert torch.equal(found, text.order.__wrapped__(windows, epoch, seed))
    if windows > 20:
        assert not torch.equal(found, text.order(windows, epoch + 1, seed))
        assert not torch.equal(found, text.order(windows, epoch, seed + 1))


def test_batches_cover_the_text_and_targets_follow():
    source = torch.arange(101)
    for ahead in (0, 1, 2):
        seen = []
        for i in range(4):
            x, y = text.batch(source, i, 2, 10, ahead=ahead)
            assert torch.equal(y, x + ahead)
            assert torch.equal(x, x[:, :1] + torch.arange(10))
            seen += x.flatten().tolist()
        assert len(set(seen)) == 80
    first, _ = text.batch(source, 0, 2, 10)
    again, _ = text.batch(source, 5, 2, 10)  # the first batch of the second epoch
    assert not torch.equal(first, again)
    x, _ = text.batch(source, 4, 2, 10)
    assert not set(x.flatten().tolist()) & {
        i for k in range(4) for i in text.batch(source, k, 2, 10)[0].flatten().tolist()
    }


@given(st.text(min_size=1))
def test_bytes_of_a_text_whatever_its_language(words):
    raw = words.encode(errors="ignore")
    cut = [raw[i : i + 2] for i in range(0, len(raw), 2)]
    assert text.size(cut) == text.size([bytes([b]) for b in raw]) == len(raw)
    single = [bytes([b]) for b in raw]
    assert text.size_by_decoding(single) == sum(1 if b < 128 else len("\ufffd".encode()) for b in raw)


def test_bits_per_byte_and_the_audit():
    p = torch.tensor([0.5, 0.25, 0.125])
    assert text.bits_per_byte(-p.log().sum().item(), 3) == pytest.approx((1 + 2 + 3) / 3)
    train, held = (bytes(t.tolist()) for t in text.halves())
    pairs, first = Counter(itertools.pairwise(train)), Counter(train[:-1])
    bits = [math.log2((first[a] + 256) / (pairs[a, b] + 1)) for a, b in itertools.pairwise(held)]
    assert text.bigram_bits() == pytest.approx(statistics.mean(bits), rel=1e-4)
    assert len(train) == (len(train) + len(held)) * 9 // 10
    assert b"def " in held
    facts = text.facts()
    assert facts["bigram"] == f"{statistics.mean(bits):.2f}"
    assert len(lzma.compress(held, preset=9)) * 8 / len(held) == pytest.approx(float(facts["packed"]), abs=0.01)
    assert (facts["audit"], facts["audit_bits"], facts["audit_space"]) == ("4.13%", "1.1266", "16.71%")  # as published


def test_accumulation_equals_one_batch_and_the_library(small):
    pairs = accumulation.unequal()
    counted = [int((y != training.IGNORE).sum()) for _, y in pairs]
    assert counted == [8 * n for n in accumulation.LENGTHS]
    torch.manual_seed(0)
    model = initialize(GPT(Config()))
    total = torch.tensor(sum(counted))
    nats = sum(ForCausalLMLoss(model(x), y, 256, num_items_in_batch=total, shift_labels=y) for x, y in pairs)
    theirs = torch.autograd.grad(nats, list(model.parameters()))
    ours, _ = accumulation.gradient(training.accumulate, pairs)
    torch.testing.assert_close(ours, torch.cat([g.flatten() for g in theirs]), rtol=1e-4, atol=1e-6)
    whole, update = accumulation.gradient(training.accumulate, accumulation.joined(pairs))
    torch.testing.assert_close(ours, whole, rtol=1e-4, atol=1e-6)
    assert training.accumulate(model, pairs) == pytest.approx(nats.item(), rel=1e-5)
    means, turned = accumulation.gradient(accumulation.accumulate_means, pairs)
    assert F.cosine_similarity(means, whole, dim=0) < 0.97
    assert F.cosine_similarity(turned, update, dim=0) < 0.85
    sums, same = accumulation.gradient(accumulation.accumulate_sum, pairs)
    torch.testing.assert_close(sums, whole * sum(counted), rtol=1e-3, atol=1e-3)
    assert F.cosine_similarity(same, update, dim=0) > 0.999
    equal = [(x, y) for x, y in ((x[:, :4], y[:, :4]) for x, y in pairs[:2])]
    one, _ = accumulation.gradient(accumulation.accumulate_means, equal)
    other, _ = accumulation.gradient(training.accumulate, equal)
    torch.testing.assert_close(one, other, rtol=1e-4, atol=1e-6)  # where lengths agree, so do the rules


def test_a_token_weighs_more_in_a_short_micro_batch():
    lengths = accumulation.LENGTHS
    losses = [torch.zeros(n, requires_grad=True) for n in lengths]
    torch.stack([x.mean() for x in losses]).mean().backward()
    means = [x.grad[0].item() for x in losses]
    for i, weight in enumerate(means):
        assert accumulation.token_weight(lengths, i) == pytest.approx(weight * sum(lengths))


@pytest.mark.parametrize("limit", [0.05, 1.0, 1e6])
def test_clipping_equals_that_of_pytorch(small, limit):
    training.accumulate(small, [(tokens(), tokens())])
    before = [p.grad.clone() for p in small.parameters()]
    ours = training.clip(small.parameters(), limit)
    clipped = [p.grad.clone() for p in small.parameters()]
    for p, g in zip(small.parameters(), before, strict=True):
        p.grad = g.clone()
    theirs = torch.nn.utils.clip_grad_norm_(small.parameters(), limit)
    assert ours == pytest.approx(theirs.item(), rel=1e-5)
    torch.testing.assert_close(clipped, [p.grad for p in small.parameters()])
    if limit > 1e3:
        assert all(torch.equal(a, b) for a, b in zip(clipped, before, strict=True))


def test_adamw_equals_that_of_pytorch():
    settings = training.Settings(betas=(0.8, 0.97), decay=0.3, eps=1e-3)
    draws = torch.Generator().manual_seed(0)
    mine = [torch.randn(shape, generator=draws) for shape in ((3, 4), (5,))]
    theirs = [p.clone() for p in mine]
    groups = [{"params": [theirs[0]], "weight_decay": 0.3}, {"params": [theirs[1]], "weight_decay": 0.0}]
    optimizer = torch.optim.AdamW(groups, lr=0.05, betas=settings.betas, eps=settings.eps)
    moments = [(torch.zeros_like(p), torch.zeros_like(p)) for p in mine]
    for t in range(1, 8):
        optimizer.param_groups[0]["lr"] = optimizer.param_groups[1]["lr"] = 0.05 / t
        for p, q, (m, v) in zip(mine, theirs, moments, strict=True):
            p.grad = torch.randn(p.shape, generator=draws)
            q.grad = p.grad.clone()
            training.adamw(p, m, v, t, 0.05 / t, settings)
        optimizer.step()
        torch.testing.assert_close(mine, theirs, rtol=1e-5, atol=1e-6)


def test_the_schedule_equals_that_of_the_libraries():
    s = training.Settings(steps=50, warmup=8, rate=0.7)
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=s.rate)
    cosine = get_cosine_with_min_lr_schedule_with_warmup(optimizer, s.warmup, s.steps, min_lr_rate=0.1)
    for step in range(s.steps):
        if step >= s.warmup:
            assert s.rate_at(step) == pytest.approx(cosine.get_last_lr()[0], rel=1e-6), step
        optimizer.step()
        cosine.step()
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=s.rate)
    linear = torch.optim.lr_scheduler.LinearLR(optimizer, 1 / s.warmup, total_iters=s.warmup - 1)
    for step in range(s.warmup):
        assert s.rate_at(step) == pytest.approx(linear.get_last_lr()[0], rel=1e-6)
        optimizer.step()
        linear.step()


def test_a_step_is_one_of_pytorch():
    source = text.halves()[0]
    one, other = (training.Run(settings=training.Settings(micros=m, limit=0.5, warmup=1)) for m in (1, 4))
    copy = initialize(GPT(one.config))
    copy.load_state_dict(one.model.state_dict())
    groups = [[p for p in copy.parameters() if p.dim() > 1], [p for p in copy.parameters() if p.dim() == 1]]
    optimizer = torch.optim.AdamW(
        [{"params": groups[0]}, {"params": groups[1], "weight_decay": 0.0}],
        lr=one.settings.rate,
        betas=(0.9, 0.95),
        weight_decay=0.1,
    )
    for i in range(3):
        loss, norm = one.advance(source)
        assert other.advance(source)[0] == pytest.approx(loss, rel=1e-5)
        x, y = text.batch(source, i, one.settings.rows, one.config.context)
        optimizer.zero_grad()
        theirs = F.cross_entropy(copy(x).flatten(0, 1), y.flatten())
        theirs.backward()
        length = torch.nn.utils.clip_grad_norm_(copy.parameters(), 0.5)
        for group in optimizer.param_groups:
            group["lr"] = one.settings.rate_at(i)
        optimizer.step()
        assert loss == pytest.approx(theirs.item(), rel=1e-5)
        assert norm == pytest.approx(length.item(), rel=1e-4)
    assert one.step == one.seen == 3
    torch.testing.assert_close(list(one.model.parameters()), list(copy.parameters()), rtol=1e-3, atol=1e-4)


def test_the_gauge_reads_one_and_nothing_else_if_all_is_right():
    found = {loop: faults.lead(faults.fresh(loop).model, ahead) for loop, (ahead, _) in faults.LOOPS.items()}
    assert found == {"right": 1, "shifted twice": 2, "not shifted": 0, "no mask": 1 - Config().context // 2}

    class Library(torch.nn.Module):
        """The library's model behind our signature."""

        def __init__(self, model):
            super().__init__()
            self.c, self.inner = model.c, twin(model)

        def forward(self, x):
            return self.inner(x).logits

    assert faults.lead(Library(initialize(GPT(Config()))), 1) == 1


def test_a_missing_mask_shows_on_random_bytes_after_training_only():
    facts = {name: float(value) for name, value in faults.facts().items()}
    x = torch.randint(256, (512, 16), generator=torch.Generator().manual_seed(1))
    torch.manual_seed(0)
    config = replace(Config(), layers=1)
    copied = F.cross_entropy(twin(initialize(GPT(config)))(x).logits.flatten(0, 1), x.flatten())
    assert facts["copied_start"] == pytest.approx(copied.item(), abs=0.03)
    assert facts["copied_start"] < math.log(256) - 0.5 and facts["leaky_start"] > math.log(256)
    assert facts["leaky_start"] == pytest.approx(first_loss(config), abs=0.03)
    assert math.log(256) - 0.02 < facts["noise"] < math.log(256) + 0.1
    assert facts["leaky_noise"] < 2


@pytest.fixture(scope="module")
def ended():
    """One seed of each loop, trained as on the page."""
    return {loop: run.trained(loop, 0) for loop in faults.LOOPS}


def test_broken_loops_log_a_falling_loss(ended):
    held = text.halves()[1]
    told = {loop: faults.logged(r, held) for loop, (r, _) in ended.items()}
    real = {loop: faults.next_byte(r, held) for loop, (r, _) in ended.items()}
    for _, curve in ended.values():
        assert statistics.mean(curve[-10:]) < curve[0] - 3
    assert told["not shifted"] < 0.5
    assert real["not shifted"] > 8
    assert told["no mask"] < told["right"] - 0.3
    assert real["no mask"] > real["right"] + 0.2
    assert real["shifted twice"] > real["right"] + 0.2
    assert abs(real["right"] - told["right"]) < 0.2


def test_scores_are_means_of_the_right_targets(ended):
    held, (r, _) = text.halves()[1], ended["shifted twice"]
    nats, last = [], []
    whole = bytes(held.tolist())
    for i in range(4):
        x, _ = text.batch(held, i, 128, Config().context)
        starts = [16 * w for w in text.order((len(held) - 2) // 16, 0, 0)[128 * i : 128 * i + 128].tolist()]
        assert all(whole[a : a + 16] == bytes(row.tolist()) for a, row in zip(starts, x, strict=True))
        logits = r.model(x).log_softmax(-1)
        for row, start in enumerate(starts):
            nats += [-logits[row, t, held[start + t + 2]].item() for t in range(len(x[0]))]
            last.append(-logits[row, -1, held[start + len(x[0])]].item())
    assert faults.logged(r, held) == pytest.approx(statistics.mean(nats) / math.log(2), rel=1e-4)
    assert faults.next_byte(r, held) == pytest.approx(statistics.mean(last) / math.log(2), rel=1e-4)


def test_a_resumed_run_is_the_same_bit_for_bit():
    losses, calm = resumption.calm()
    again, other = resumption.resumed()
    assert again == losses
    assert resumption.same_weights(calm, other)
    for part in calm.state():
        found, other = resumption.resumed(part)
        assert not resumption.same_weights(calm, other), part
        assert (found[0] == losses[0]) is (part in ("moments", "updates")), part
    assert all(
        torch.equal(m, n) and torch.equal(v, w)
        for (m, v), (n, w) in zip(calm.moments, resumption.resumed()[1].moments, strict=True)
    )


def test_rounding_equals_that_of_torchao():
    x = torch.randn(1000, generator=torch.Generator().manual_seed(0))
    assert torch.equal(precision.nearest(x), x.to(torch.bfloat16).to(torch.float32))
    draws, low, high = torch.Generator().manual_seed(0), torch.full_like(x, 1e9), torch.full_like(x, -1e9)
    total = torch.zeros(1000, dtype=torch.double)
    theirs_low, theirs_high = low.clone(), high.clone()
    for _ in range(300):
        ours, theirs = precision.stochastic(x, draws), _fp32_to_bf16_sr(x).float()
        total += ours
        low, high = torch.minimum(low, ours), torch.maximum(high, ours)
        theirs_low, theirs_high = torch.minimum(theirs_low, theirs), torch.maximum(theirs_high, theirs)
    assert ((low != theirs_low) | (high != theirs_high)).double().mean() < 0.05  # a rare neighbor may not be drawn
    assert ((total / 300 - x).abs() / x.abs()).mean() < 0.03 * 2**-7


@given(st.floats(1e-3, 1e3))
def test_half_a_spacing_is_lost(number):
    kept = precision.nearest(torch.tensor(number))
    below = torch.nextafter(kept.bfloat16(), torch.tensor(-math.inf, dtype=torch.bfloat16)).float()
    assert precision.spacing_below(kept.item()) == pytest.approx((kept - below).item())
    limit = precision.stuck_rate(kept.item())
    assert precision.nearest(kept - 0.99 * limit) == kept
    assert precision.nearest(kept - 1.01 * limit) < kept


def test_bf16_weights_stall_as_in_pytorch():
    for rate in (1e-3, 1e-4):
        matrix, gain, exact = precision.moved(rate)
        torch.manual_seed(0)
        model = initialize(GPT(Config())).bfloat16()
        x, y = text.batch(text.halves()[0], 0, training.Settings.rows, Config().context)
        F.cross_entropy(model(x).float().flatten(0, 1), y.flatten()).backward()
        before = {n: p.detach().clone() for n, p in model.named_parameters()}
        torch.optim.AdamW(model.parameters(), lr=rate, betas=(0.9, 0.95), weight_decay=0).step()
        changed = {n: (p != before[n]).flatten().float() for n, p in model.named_parameters()}
        weights = torch.cat([c for n, c in changed.items() if "norm" not in n and not n.endswith("bias")])
        assert weights.mean().item() == pytest.approx(matrix, abs=0.05)
        assert torch.cat([c for n, c in changed.items() if "norm" in n and n.endswith("weight")]).sum() == gain == 0
        assert exact > 0.99
    facts = precision.facts()
    assert facts["stuck_rate"] == f"{2.0**-9:.5f}"
    assert (facts["drift_stuck"], facts["drift_master"]) == ("1.0", f"{1 - 100 * 1e-3:.1f}")
    assert facts["moved_gain"] == "0%"
    assert facts["moved_matrix"] == f"{precision.moved(1e-4)[0]:.0%}"
    assert precision.drift("stochastic")[-1] == pytest.approx(0.9, abs=0.02)


def test_greedy_sampling_equals_generate(small):
    prompt = tokens(rows=2, length=5)
    ours = sampling.sample(small, prompt, 14, temperature=0)
    theirs = twin(small).generate(prompt, max_new_tokens=14, do_sample=False, pad_token_id=0)
    assert torch.equal(ours, theirs)
    longer = sampling.sample(small, prompt, 30, temperature=0)
    assert longer.shape == (2, 35)
    cropped = small(longer[:, 14:34])[:, -1].argmax(-1)
    assert torch.equal(longer[:, -1], cropped)


def test_sharpening_equals_that_of_the_library():
    logits = torch.randn(3, 50, generator=torch.Generator().manual_seed(0))
    theirs = TopKLogitsWarper(7)(None, TemperatureLogitsWarper(0.6)(None, logits))
    torch.testing.assert_close(sampling.sharpen(logits, 0.6, 7), theirs)


def test_samples_follow_the_probabilities(small):
    prompt = tokens(rows=1, length=6).expand(4000, 6)
    draws = torch.Generator().manual_seed(0)
    found = sampling.sample(small, prompt, 1, 1.5, 8, draws)[:, -1]
    p = sampling.sharpen(small(prompt[:1])[:, -1], 1.5, 8).softmax(-1)[0]
    share = torch.bincount(found, minlength=50) / 4000
    assert (share - p).abs().max() < 0.03


def test_budget_and_calculator():
    flops = 6 * 124e6 * 10e9
    took = budget.hours(flops, 8, 312e12, 0.5)
    assert took * 3600 * 8 * 312e12 * 0.5 == pytest.approx(flops)
    facts = budget.facts()
    assert facts["nanochat_share"] == f"{4.330784131228946e19 / (10949.46713 * 8 * 989e12):.0%}"
    assert facts["nanochat_dollars"] == f"${10949.46713 / 3600 * 24:.0f}"
    assert facts["fastest_dollars"] == f"${1.65 * 24:.0f}"
    assert facts["gpt2_dollars"] == f"${32 * 168 * 8:,}"
    assert facts["core_mean"] == f"{statistics.mean(budget.CORES):.4f}"
    assert facts["core_width"] == "0.0165"
    rate = 256 * 989e12 * 0.4
    assert facts["interview_hours"] == f"{6 * 8e9 * 160e9 / rate / 3600:.0f}"
    assert facts["interview_dollars"] == f"${6 * 8e9 * 160e9 / rate / 3600 * 256 * 3:,.0f}"
    assert facts["core_passed"] == "4"
    shown = calculator.run(params=1.0, tokens=20.0, gpus=4, share=50.0, price=2.0, peak=1000.0)
    seconds = 6 * 1e9 * 20e9 / (4 * 1000e12 * 0.5)
    assert shown["time"] == f"{seconds / 3600:.1f} hours"
    assert shown["cost of the run"] == f"${seconds / 3600 * 4 * 2:,.0f}"
    assert shown["tokens per second"] == f"{20e9 / seconds:,.0f}"
    assert shown["training FLOPs"] == "1.2e+20"
    assert shown["at half of this utilization"] == f"${seconds / 3600 * 4 * 2 * 2:,.0f}"
    assert shown["lines"]["points"]["yours"] == (50.0, pytest.approx(seconds / 3600))
    assert calculator.run(params=10.0)["time"].endswith("days")


def test_drawings():
    loop = drawing.figure_loop()
    assert f"ln V = {math.log(256):.2f}" in loop
    assert loop.count("<rect") == 6
    lines = precision.figure_drift().axes[0].lines
    assert [round(line.get_ydata()[-1], 1) for line in lines] == [1.0, 0.9, 0.9]
