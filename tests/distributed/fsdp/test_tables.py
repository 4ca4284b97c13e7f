"""The page's tables, number by number, against the paper's formulas, one process, and each other."""

import math
import re
from itertools import accumulate
from pathlib import Path

import pytest
import torch
from torch.nn import functional as F

from fieldguide.guide.outputs import parse
from snippets.distributed.fsdp import breaks, calculator, cost
from snippets.distributed.fsdp.wire import batch, network

FOLDER = Path(cost.__file__).parent
WEIGHTS = sum(p.nbytes for p in network().parameters())  # fp32
LLAMA = 8_030_261_248  # parameters of Llama 3 8B


def numbers(file, section):
    """The numbers of each line, and the line."""
    lines = parse(FOLDER / f"{file}.out.txt")[section].splitlines()
    return [([float(x) for x in re.findall(r"-?\d+(?:\.\d+)?", line.replace(",", ""))], line) for line in lines]


def compared(ranks):
    """Gathered, reduced and held bytes of each way of training, by name."""
    found, here = {}, False
    for values, line in numbers("run", "compare"):
        if " ranks " in line:
            here = values[0] == ranks
        elif here:
            found[line[:19].strip()] = values[-3:]
    return found


def test_bytes_of_every_stage_are_the_papers():
    """Rajbhandari et al. 2020: 16 bytes a parameter, 12 of them the optimizer's; 2, 2, 2 and 3 times the weights."""
    states = [16, 2 + 2 + 12 / 8, 2 + (2 + 12) / 8, 16 / 8]
    for micros, column in ((1, -3), (4, -2), (16, -1)):
        sent = [2, 2, micros + 1, 3 * micros]  # times the weights and 7/8
        for (row, _), held, times in zip(numbers("cost", "sent")[1:], states, sent, strict=True):
            assert row[-4] == pytest.approx(held * LLAMA / 1e9, abs=0.06)
            assert row[column] == pytest.approx(times * 7 / 8 * 2 * LLAMA / 1e9, abs=0.06)


def test_tokens_are_a_rate_over_a_link():
    """2 bytes over 2 FLOPs, 4 over 4, and 6 over 4 in fp32 (Austin et al. 2025)."""
    links = [(989e12, 450), (989e12, 400), (2250e12, 900), (2250e12, 400)]
    for (rate, link), (row, _) in zip(links, numbers("cost", "tokens")[1:], strict=True):
        assert row[-4] == link
        assert row[-3:] == pytest.approx([rate / link / 1e9] * 2 + [1.5 * rate / link / 1e9], abs=0.51)


def test_facts_are_the_papers_formulas():
    gb = 1e-9 * LLAMA
    expected = {
        "states_1": 16 * gb, "states_8": 2 * gb, "states_70": 1120, "states_70_64": 1120 / 64,
        "sent_ddp": 2 * 7 / 8 * 2 * gb, "sent_fsdp": 3 * 7 / 8 * 2 * gb,
        "block": 2 * 218_112_000e-9, "ends": 2 * (LLAMA - 32 * 218_112_000) * 1e-9,
        "tokens_node": 989e3 / 450, "tokens_network": 989e3 / 400, "tokens_b200": 2250e3 / 400,
        "tokens_fp32": 1.5 * 989e3 / 400, "ratio_default": 3 / 2, "ratio_16": 3 * 16 / 2,
    }  # fmt: skip
    facts = cost.facts()
    assert facts.keys() == expected.keys()
    for name, text in facts.items():
        digits = len(text.split()[0].partition(".")[2])
        assert text.split()[0].replace(",", "") == f"{expected[name]:.{digits}f}", name


def padded(ranks):
    """Bytes of the weights if the rows of each are filled up to a multiple of the ranks."""
    return sum(4 * math.ceil(len(p) / ranks) * ranks * p[0].numel() for p in network().parameters())


@pytest.mark.parametrize("ranks", [2, 4])
def test_ways_of_training_differ_in_bytes_alone(ranks):
    held, share = compared(ranks), (ranks - 1) / ranks
    assert held["one process"] == [0, 0, 4 * WEIGHTS]  # weights, gradients, two moments
    assert held["DDP"] == [0, 2 * share * WEIGHTS, 4 * WEIGHTS]
    once, root = share * padded(ranks), share * 4 * 31 * ranks  # the head has 30 weights and a bias
    for name in ("mini-FSDP", "fully_shard"):
        assert held[name] == [2 * once - root, once, 4 * padded(ranks) / ranks]
    assert held["fully_shard, kept"] == [once, once, 4 * padded(ranks) / ranks]


def test_ways_of_training_have_the_losses_of_one_process():
    rows = [line for _, line in numbers("run", "compare") if " ranks " not in line]
    model = network()
    optimizer, (x, y), losses = torch.optim.AdamW(model.parameters(), lr=1e-2), batch(), []
    for _ in range(5):
        loss = F.mse_loss(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(f"{loss:.4f}")
    assert len(rows) == 10
    assert all(re.findall(r"\d\.\d{4}", row) == [losses[0], losses[-1]] and "< 1e-6" in row for row in rows)


def test_accumulation_takes_its_bytes_from_one_step():
    gathered, reduced, _ = compared(4)["fully_shard"]
    rows = [row[-3:] for row, _ in numbers("accumulation", "accumulate")[1:]]
    assert rows == [[4 * gathered, 4 * reduced, 0], [4 * gathered, reduced, WEIGHTS], [reduced, reduced, WEIGHTS]]


def test_squares_of_norms_add_up_to_that_of_one_process():
    *ranks, ((single,), _) = numbers("accumulation", "norms")
    assert [row[0] for row, _ in ranks] == [0, 1, 2, 3]
    assert math.hypot(*(row[1] for row, _ in ranks)) == pytest.approx(single, abs=2e-4)
    assert all(row[2:] == [single, single] for row, _ in ranks)


def test_meshes_and_policies_take_their_bytes_from_one_step():
    (gathered, reduced, most), pair = compared(4)["fully_shard"], compared(2)["fully_shard"]
    sharded, hybrid, replicated = (row[-3:] for row, _ in numbers("mesh", "mesh")[1:])
    assert sharded == [gathered + reduced, 0, most / 4]
    assert hybrid == [pair[0] + pair[1], pair[1], padded(2) / 2]
    assert replicated == [0, compared(4)["DDP"][1], WEIGHTS]
    rows = [line.split()[-3:] for _, line in numbers("mesh", "policy")[1:]]
    sent = [[float(x.replace(",", "")) for x in row[:2]] for row in rows]
    assert sent == [[gathered, reduced], [gathered / 2, reduced], [gathered / 2, reduced / 2]]
    errors = [float(row[2].rstrip("%")) for row in rows]
    assert errors[0] == 0 < errors[1] < errors[2] < 2


@pytest.mark.parametrize("line", range(1, 5))
def test_noise_loses_what_bf16_rounds_away(line):
    """Row after row in PyTorch's own bf16, against an exact sum of the same rows."""
    (ranks, ones, *_), text = numbers("mesh", "stall")[line]
    assert (ranks, ones) == ((4, 64, 256, 1024)[line - 1], min(ranks, 256))
    generator = torch.Generator().manual_seed(0)
    noise = torch.randn(int(ranks), 1000, generator=generator).bfloat16()
    exact = noise.double().sum(0)
    rounded, single = ([*accumulate(rows)][-1].double() for rows in (noise, noise.float()))
    error, small = (float((total - exact).norm() / exact.norm()) for total in (rounded, single))
    assert text.split()[-2:] == [f"{error:.1%}", f"{small:.0e}"]


def test_buckets_hold_every_gradient_once_and_leave_when_they_are_full():
    whole, *parts = ([row for row, line in rows if "all-reduce" in line] for rows in split_buckets())
    assert whole == [[0, 26, WEIGHTS, 26, 26]]
    for rows in parts:
        assert [row[0] for row in rows] == [*range(len(rows))]
        assert sum(row[2] for row in rows) == WEIGHTS
        assert [row[3] for row in rows] == [*accumulate(row[1] for row in rows)]
        assert rows[-1][3] == rows[-1][4] == 26


def split_buckets():
    """The lines of each size of bucket."""
    rows = numbers("order", "buckets")
    second = max(n for n, (_, line) in enumerate(rows) if line.startswith("bucket_cap_mb"))
    return rows[:second], rows[second:]


def test_an_early_optimizer_leaves_the_loss_of_the_first_step():
    """The other one trains as one process does, seen on rank 0's quarter of the samples."""
    (after, late), (before, early) = numbers("breaks", "early")
    assert "after" in late and "before" in early
    assert before == [before[0]] * 5 + [0]
    model = network()
    optimizer, (x, y), losses = torch.optim.AdamW(model.parameters(), lr=1e-2), batch(), []
    for _ in range(5):
        losses.append(F.mse_loss(model(x[:4]), y[:4]).item())
        optimizer.zero_grad()
        F.mse_loss(model(x), y).backward()
        optimizer.step()
    assert after == [*(pytest.approx(loss, abs=1e-4) for loss in losses), 26]


def test_rows_by_rank_are_torch_chunks():
    rows = numbers("breaks", "uneven")[1:]
    assert [row[0] for row, _ in rows] == [shape[0] for shape in breaks.UNEVEN]
    for row, line in rows:
        sizes = [len(part) for part in torch.arange(int(row[0])).chunk(4)]
        assert row[1:6] == [*sizes, *[0] * (4 - len(sizes)), pytest.approx(4 * max(sizes) / row[0], abs=0.006)]
        assert ("Expected reduction dim" in line) is (len(sizes) < 4)


def test_units_are_gathered_twice_but_for_the_root():
    rows = numbers("memory", "units")[1:]
    assert [row[:2] for row, _ in rows] == [[1, 1], [7, 13], [14, 27]]


def test_the_calculator_of_a_step():
    """Nothing ahead: all in turn. One ahead and short messages: only the first gather and the last reduction show."""
    turns = calculator.overlap(units=5, gather=0.8, compute=1.0, ahead=0)
    assert turns["time of a step"] == f"{5 * 3 * (0.8 + 1):.1f} ms"
    assert turns["accelerator waits"] == f"{0.8 / 1.8:.0%}"
    assert (turns["units in memory at once"], turns["time of all messages"]) == ("1 of 5", "12.0 ms")
    ahead = calculator.overlap(units=5, gather=0.5, compute=1.0, ahead=1)
    assert (ahead["time of a step"], ahead["accelerator waits"]) == ("16.0 ms", f"{1 / 16:.0%}")
    assert ahead["units in memory at once"] == "2 of 5"
    kept = calculator.overlap(units=5, gather=0.5, compute=1.0, ahead=1, keep=True)
    assert (kept["units in memory at once"], kept["time of all messages"]) == ("5 of 5", "5.0 ms")
    assert kept["time of a step"] == "16.0 ms"


CLUSTERS = [  # inputs; bytes among shards and among copies for each parameter; GB/s of both; whether at the same time
    ({"gpus": 8, "shards": 8, "keep": True}, 7 / 8 * (2 + 4), 0, (450, 450), False),
    ({"gpus": 64, "shards": 64, "reduce": "bf16", "unit": "whole model"}, 63 / 64 * (2 + 2), 0, (400, 50), False),
    ({"gpus": 16, "shards": 4}, 3 / 4 * (2 + 2 + 4), 2 * 3 / 4 * 4 / 4, (450, 50), True),
    ({"gpus": 8, "shards": 2, "micros": 3}, 3 / 2 * 8, 3 * 2 * 3 / 4 * 4 / 2, (450, 450), False),
    ({"gpus": 32, "shards": 16}, 15 / 16 * 8, 2 * 1 / 2 * 4 / 16, (400, 50), False),
    ({"gpus": 4, "shards": 1, "node": 2}, 0, 2 * 3 / 4 * 4, (450, 50), True),
]  # fmt: skip


@pytest.mark.parametrize(("given", "inner", "outer", "rates", "together"), CLUSTERS)
def test_the_calculator_of_a_cluster(given, inner, outer, rates, together):
    shown = calculator.fsdp(**given, params=2.0, layers=10, tokens=1000)
    wide, micros = 2 if given.get("reduce") else 4, given.get("micros", 1)
    seconds = [2e9 * size / rate / 1e9 for size, rate in zip((inner, outer), rates, strict=True)]
    slowest, work = max(seconds) if together else sum(seconds), 6 * 2e9 * 1000 * micros / 989e12
    assert shown["sent among shards"] == f"{2 * inner:,.1f} GB"
    assert shown["sent among copies"] == f"{2 * outer:,.2f} GB"
    said = f"{1e3 * work:,.0f} ms of arithmetic, {1e3 * slowest:,.0f} ms of messages"
    assert shown["the limit is"] == ("links: " if slowest > work else "arithmetic: ") + said
    least = (2 + wide) * 989e12 / (4 * rates[0] * 1e9) if given["shards"] > 1 else 0
    assert (
        shown["tokens that hide the shards"]
        == f"{max(least, 989e3 / rates[0] if least else 0):,.0f} per GPU and micro-batch"
    )
    unit = 2.0 if given.get("unit") else 0.2  # billion parameters
    ahead = 2.0 if given.get("keep") else min(2 * unit, 2.0 - unit)
    held = {
        "fp32 weights": 8 / given["shards"], "fp32 gradients": 8 / given["shards"], "moments": 16 / given["shards"],
        "gathered weights": 2 * ahead, "whole gradients": (2 + wide) * unit,
    }  # fmt: skip
    assert shown["bars"] == {"unit": "GB", "values": pytest.approx(held)}
    assert shown["memory of a GPU, before activations"] == f"{sum(held.values()):,.1f} GB"
    assert shown["unused"] == (["layers"] if given.get("unit") else [])
