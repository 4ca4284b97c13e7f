"""Our checkpointer against PyTorch's DCP and a curve that was never broken, formulas against SciPy, a die and Daly's figures."""

import os
import signal
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.distributed.checkpoint as dcp
from hypothesis import given
from hypothesis import strategies as st
from scipy.optimize import minimize_scalar
from scipy.special import lambertw
from torch.distributed.checkpoint.api import CheckpointException
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.launcher.api import LaunchConfig, elastic_launch
from torch.distributed.tensor import Replicate, Shard, distribute_tensor
from torch.distributed.tensor._utils import compute_local_shape_and_global_offset
from torch.multiprocessing.spawn import ProcessExitedException

from snippets.distributed.checkpointing import background, breaks, calculator, engine, interval, loading, size
from snippets.distributed.checkpointing import kills as killed
from snippets.distributed.checkpointing import omissions as forget
from snippets.distributed.checkpointing import saving as ckpt
from snippets.distributed.checkpointing import training as run
from snippets.distributed.collectives.ranks import launch

SECONDS = st.floats(1e-2, 1e4)


@pytest.fixture(scope="module")
def counted(tmp_path_factory):
    return engine.counted(tmp_path_factory.mktemp("both"))


@pytest.fixture(scope="module")
def curves():
    return killed.compared()


# ---- the same state by PyTorch's DCP


def test_values_equal_dcps_after_resharding(counted):
    for ranks in (2, 3):
        assert [same for _, same in counted[f"load {ranks}"]] == [True] * ranks


def test_bytes_on_disk_are_those_of_the_tensors(counted):
    """By DCP's own description of the shapes; its files have an archive's overhead on top."""
    ours, theirs = counted["files"]
    assert ours == counted["tensors"]
    assert ours < theirs < 1.02 * ours


def test_no_rank_makes_a_whole_tensor(counted):
    """The largest, 20,001 rows, is split over 4, 2 and 3 ranks; nobody makes more than its share."""
    row = counted["largest"] // engine.HIDDEN
    for saved, _ in counted["save"]:
        assert max(largest for largest, _ in saved) <= -(-engine.HIDDEN // 4) * row
    for ranks in (2, 3):
        share = -(-16 // ranks) * engine.HIDDEN * 4  # the other layer has 16 long rows
        for seen, _ in counted[f"load {ranks}"]:
            assert max(largest for largest, _, _ in seen) <= max(share, counted["largest"] // ranks + row)


def test_no_tensor_is_sent_and_each_byte_is_read_once(counted):
    for i in (0, 1):
        assert sum(seen[i][1] for seen, _ in counted["save"]) < 0.05 * counted["tensors"]
    for ranks in (2, 3):
        ours, theirs = (sum(seen[i][2] for seen, _ in counted[f"load {ranks}"]) for i in (0, 1))
        assert counted["tensors"] <= ours < 1.02 * counted["tensors"]  # and the manifest on each rank
        assert theirs > 1.2 * ours
        assert all(seen[0][1] == 0 for seen, _ in counted[f"load {ranks}"])


def small(home, rank, folder):
    """Corners, offsets and refusals, on three ranks."""
    mesh = init_device_mesh("cpu", (3,))
    found = []
    for rows in (1, 2, 3, 4, 7, 10):
        whole = torch.arange(rows * 2, dtype=torch.float64).reshape(rows, 2)
        tensor = distribute_tensor(whole, mesh, [Shard(0)])
        shape, offset = compute_local_shape_and_global_offset(whole.shape, mesh, [Shard(0)])
        part, ours = ckpt.local(tensor)
        found.append((tuple(part.shape), tuple(ours)) == (tuple(shape), tuple(offset)) or not part.numel())
        state = {"x": tensor, "half": tensor.bfloat16(), "n": torch.tensor(7)}
        ckpt.save(home / str(rows), state, {"rows": rows})
        back = {name: torch.zeros_like(t) for name, t in state.items()}
        found.append(loading.load(home / str(rows), back) == {"rows": rows})
        found.append(all(torch.equal(ckpt.local(back[n])[0], ckpt.local(state[n])[0]) for n in state))
    errors = []
    for refused in (
        lambda: ckpt.save(home / "10", {}, None),
        lambda: loading.load(home / "10", {"x": torch.zeros(9, 2, dtype=torch.float64)}),
        lambda: loading.load(home / "10", {"x": torch.zeros(10, 2)}),
        lambda: loading.load(home / "10", {"y": torch.zeros(1)}),
        lambda: ckpt.local(distribute_tensor(torch.ones(2), mesh, [Replicate()])),
    ):
        try:
            refused()
        except (ValueError, FileExistsError) as error:
            errors.append(str(error))
    torch.save((found, errors), folder / f"{rank}.pt")


def test_corners_as_pytorch_has_them_and_what_is_refused(tmp_path):
    folder = launch(partial(small, tmp_path), 3)
    for rank in range(3):
        found, errors = torch.load(folder / f"{rank}.pt")
        assert found == [True] * 18
        assert "is a checkpoint; save to a new folder" in errors[0]
        assert errors[1] == errors[2] == "x: saved as torch.float64 of [10, 2]"
        assert errors[3] == "y: 0 of 1 numbers are saved"
        assert "only rows" in errors[4]
    loading.retain(tmp_path, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["10", "7"]
    (tmp_path / "10" / "1.bin").write_bytes(b"")
    with pytest.raises(ValueError, match=r"x: 1\.bin ends too early"):
        loading.load(tmp_path / "10", {"x": torch.zeros(10, 2, dtype=torch.float64)})
    (tmp_path / "10" / ckpt.MANIFEST).unlink()  # what a crash leaves
    assert loading.latest(tmp_path) == tmp_path / "7"
    assert loading.latest(tmp_path / "7") is None


def astray(home, rank, folder):
    """Each rank lists another newest folder, as on a file system with cached listings."""
    for step in (4, 8)[: rank + 1]:
        (home / str(rank) / str(step)).mkdir(parents=True)
        (home / str(rank) / str(step) / ckpt.MANIFEST).touch()
    torch.save(str(run.agreed(home / str(rank))), folder / f"{rank}.pt")


def test_all_ranks_start_from_the_step_that_rank_0_sees(tmp_path):
    folder = launch(partial(astray, tmp_path), 2)
    assert [torch.load(folder / f"{rank}.pt") for rank in (0, 1)] == [str(tmp_path / "0" / "4")] * 2


def test_names_are_synced_after_they_changed_and_before_data_goes(tmp_path, monkeypatch):
    """Seen from the calls of the system: what a power cut could not undo at each of them."""
    seen = []

    def fsync(descriptor):
        path = Path(f"/proc/self/fd/{descriptor}").readlink()
        seen.append((os.path.relpath(path, tmp_path), sorted(p.name for p in (tmp_path / "4").iterdir())))

    monkeypatch.setattr(os, "fsync", fsync)
    (tmp_path / "4").mkdir()
    (tmp_path / "4" / "0.bin").touch()
    ckpt.commit(tmp_path / "4", {})
    after = ["0.bin", ckpt.MANIFEST]
    assert seen == [("4/unfinished", ["0.bin", "unfinished"]), ("4", after), (".", after)]
    (tmp_path / "8").mkdir()
    (tmp_path / "8" / ckpt.MANIFEST).touch()
    loading.retain(tmp_path, 1)
    assert seen[3:] == [("4", ["0.bin"])]  # without a manifest, with its data
    assert not (tmp_path / "4").exists()


def test_a_ranks_file_has_its_name_on_disk_before_the_manifest_is_written(tmp_path, monkeypatch):
    """One rank, its calls to the others and to the system in their order."""
    seen = []

    def fsync(descriptor):
        seen.append(os.path.relpath(Path(f"/proc/self/fd/{descriptor}").readlink(), tmp_path))

    def gather(gathered, pieces):
        seen.append("gather")
        gathered[0] = pieces

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(ckpt.dist, "get_rank", lambda: 0)
    monkeypatch.setattr(ckpt.dist, "get_world_size", lambda: 1)
    monkeypatch.setattr(ckpt.dist, "all_gather_object", gather)
    monkeypatch.setattr(ckpt.dist, "barrier", lambda: None)
    ckpt.save(tmp_path / "4", {"x": torch.ones(3)}, None)
    assert seen == ["4/0.bin", "4", "gather", "4/unfinished", "4", "."]


def counted_state(rank, folder):
    """Bytes for each parameter that a run's own tensors take, without its random state."""
    state = run.Run().tensors()
    weights = sum(t.numel() for name, t in state.items() if name.startswith("model."))
    steps = sum(t.nbytes for name, t in state.items() if name.endswith(".step"))
    held = sum(t.numel() * t.itemsize for name, t in state.items() if name != "random")
    torch.save((held - steps) / weights, folder / "each.pt")


def drawn(rank, folder):
    """As under torchrun on GPUs, the default device is not the CPU; here one without numbers stands for it."""
    calm, other = run.Run(), run.Run()
    part, whole = torch.zeros(4, 3), torch.arange(12.0).reshape(4, 3)
    (folder / "x").write_bytes(whole.numpy().tobytes())
    here = run.batch(calm)
    torch.set_default_device("meta")
    there = run.batch(other)
    piece = ckpt.Piece("x", "torch.float32", [4, 3], [0, 0], [4, 3], "x", 0)
    loading.read(folder, piece, [(0, 4), (0, 3)], part, [0, 0])
    same = [torch.equal(a, b) for a, b in zip(here, there, strict=True)]
    torch.set_default_device("cpu")
    torch.save([*same, torch.equal(part, whole)], folder / "same.pt")


def test_draws_and_reads_are_the_same_with_another_default_device():
    assert torch.load(launch(drawn, 1) / "same.pt") == [True, True, True]


BOX = st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), min_size=1, max_size=3)


@given(data=st.data(), first=BOX)
def test_overlap_and_read_are_numpys_slices(tmp_path_factory, data, first):
    second = data.draw(
        st.lists(st.tuples(st.integers(0, 5), st.integers(1, 5)), min_size=len(first), max_size=len(first))
    )
    whole = np.arange(10 ** len(first), dtype=np.float32).reshape([10] * len(first))
    mine, saved = (np.zeros(whole.shape, bool) for _ in range(2))
    here, there = (tuple(slice(o, o + n) for o, n in box) for box in (first, second))
    mine[here], saved[there] = True, True
    (offset, shape), (corner, extent) = (list(zip(*box, strict=True)) for box in (first, second))
    both = loading.overlap(offset, shape, corner, extent)
    if both is None:
        assert not (mine & saved).any()
        return
    folder = tmp_path_factory.getbasetemp()
    (folder / "box").write_bytes(b"before" + whole[there].tobytes())
    piece = ckpt.Piece("x", "torch.float32", [10] * len(first), corner, list(extent), "box", 6)
    part = torch.full(shape, -1.0)
    assert loading.read(folder, piece, both, part, offset) == (mine & saved).sum()
    assert np.array_equal(part.numpy(), np.where(saved, whole, -1)[here])


# ---- killed


def test_killed_in_a_step_and_in_a_save_and_the_curve_is_the_same(curves):
    became, losses = curves
    assert became == {"calm": ["finished"], "killed": ["rank 2: SIGKILL"] * 2 + ["finished"], "half": ["finished"]}
    calm = {step: loss for step, _, loss in losses["calm"]}
    assert list(calm) == list(range(1, 13))
    steps = [step for step, _, _ in losses["killed"]]
    assert steps == [1, 2, 3, 4, 5, 6, 5, 6, 7, 8, *range(5, 13)]  # 8 was never complete the first time
    for step, _, loss in losses["killed"]:
        assert loss == calm[step]  # bit for bit, whenever it was made
    assert len(set(calm.values())) == 12


def test_on_half_of_the_ranks_the_curve_differs_in_last_bits_only(curves):
    _, losses = curves
    calm = {step: loss for step, _, loss in losses["calm"]}
    assert [(step, ranks) for step, ranks, _ in losses["half"]] == [(s, 2) for s in range(9, 13)]
    for step, _, loss in losses["half"]:
        assert loss == pytest.approx(calm[step], rel=1e-6)


def under_agent(home):
    """A rank as torchrun starts it; the first start is struck down."""
    torch.set_num_threads(1)
    first = os.environ["TORCHELASTIC_RESTART_COUNT"] == "0"
    killed.attempt(home, partial(killed.kill, 6, "") if first else run.peace)


def test_torchruns_agent_restarts_and_the_curve_is_the_same(tmp_path, curves, monkeypatch):
    monkeypatch.setenv("TORCH_DISABLE_SHARE_RDZV_TCP_STORE", "1")
    monkeypatch.setenv("GLOO_SOCKET_IFNAME", "lo")
    handlers = {s: signal.getsignal(s) for s in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGQUIT)}
    config = LaunchConfig(
        min_nodes=1, max_nodes=1, nproc_per_node=4, max_restarts=1, start_method="fork",
        rdzv_backend="c10d", rdzv_endpoint="127.0.0.1:0", monitor_interval=0.05,
    )  # fmt: skip
    try:
        elastic_launch(config, under_agent)(tmp_path)
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
    calm = {step: loss for step, _, loss in curves[1]["calm"]}
    made = killed.losses(tmp_path)
    assert [step for step, _, _ in made] == [*range(1, 7), *range(5, 13)]
    assert all(loss == calm[step] for step, _, loss in made)


# ---- what breaks


def test_dcp_over_its_last_checkpoint_tears_it_and_says_nothing():
    ended, rows = breaks.crash(ours=False)
    assert ended == "SIGKILL"
    assert rows == [20] * 4 + [10] * 2 + [20] * 2


def test_ours_keeps_the_last_one():
    assert breaks.crash(ours=True) == ("SIGKILL", [10] * 8)


def fresh(home, rank, folder):
    """DCP, in a new folder, and a death."""
    dcp.save(breaks.weights(20), storage_writer=breaks.Dies(home))


def test_dcp_in_a_new_folder_leaves_no_metadata(tmp_path):
    with pytest.raises(ProcessExitedException, match="SIGKILL"):
        launch(partial(fresh, tmp_path))
    assert (tmp_path / "__0_0.distcp").exists()
    assert not (tmp_path / ".metadata").exists()
    with pytest.raises(CheckpointException, match="metadata"):
        dcp.load({"weights": torch.zeros(8, 3)}, checkpoint_id=tmp_path, no_dist=True)


def test_each_part_that_is_forgotten_changes_the_curve():
    found = forget.forgotten()
    calm = found.pop("never stopped")
    assert found.pop("nothing") == calm
    at_once = {name: curve[0] != calm[0] for name, curve in found.items()}
    assert at_once == {
        "Adam's moments": False, "random state": True, "data position": True, "learning rate": False,
    }  # fmt: skip
    assert all(abs(curve[-1] - calm[-1]) > 1e-4 for curve in found.values())


def test_in_the_background_only_a_copy_is_of_one_step(tmp_path):
    found = background.outcomes()
    assert found["thread, no copy"] == {1: 500, 2: 500}
    assert found["thread, copy first"] == found["dcp.async_save"] == {1: 1000}
    weights = torch.ones(4, 4)
    assert background.engine(weights, tmp_path / "async") == (False, True)
    assert weights[0, 0] == 2


# ---- how often


@given(save=SECONDS, mtbf=SECONDS, restart=SECONDS)
def test_the_optimum_is_lamberts(save, mtbf, restart):
    exact = (1 + lambertw(-np.exp(-1 - save / mtbf)).real) * mtbf
    assert interval.optimum(save, mtbf) == pytest.approx(exact, rel=1e-6, abs=1e-6 * mtbf)


@pytest.mark.parametrize(("save", "mtbf"), [(30, 86_400), (30, 10_800), (30, 900), (300, 900), (100, 120)])
@pytest.mark.parametrize("restart", [0, 120, 600])
def test_the_optimum_is_where_scipy_finds_it_whatever_the_restart(save, mtbf, restart):
    def lost(tau):
        return mtbf * np.exp(restart / mtbf) * (np.exp((tau + save) / mtbf) - 1) / tau

    found = minimize_scalar(lost, bounds=(1e-3, 3 * mtbf), method="bounded", options={"xatol": 1e-6})
    assert interval.optimum(save, mtbf) == pytest.approx(found.x, rel=1e-3)
    assert interval.goodput(found.x, save, mtbf, restart) == pytest.approx(1 / found.fun)


@pytest.mark.parametrize(("mtbf", "minutes", "digits"), [(24 * 60, 117, 0), (6 * 60, 57, 0), (15, 9.1, 1)])
def test_dalys_own_figures(mtbf, minutes, digits):
    """Captions of figures 3 to 5: a save of five minutes."""
    assert round(interval.daly(5, mtbf), digits) == minutes


@given(ratio=st.floats(1e-6, 2))
def test_where_the_estimates_hold(ratio):
    """Daly's series is within a percent up to saves of a third of the time between failures; beyond, it still is no disaster."""
    exact = interval.optimum(ratio, 1.0)
    if ratio < 0.33:
        assert interval.daly(ratio, 1.0) == pytest.approx(exact, rel=0.01)
    assert interval.young(ratio, 1.0) > exact
    if ratio < 1e-3:
        assert interval.goodput(interval.young(ratio, 1.0), ratio, 1.0, 0) > 0.9995 * interval.goodput(
            exact, ratio, 1.0, 0
        )
        least = 1 - interval.goodput(exact, ratio, 1.0, 0)
        assert least == pytest.approx((2 * ratio) ** 0.5, rel=0.05)  # the rule on the page


@pytest.mark.parametrize(
    ("tau", "save", "mtbf", "restart"), [(785, 30, 10_800, 600), (213, 30, 900, 120), (40, 30, 120, 120)]
)
def test_the_die_agrees(tau, save, mtbf, restart):
    assert interval.simulate(tau, save, mtbf, restart) == pytest.approx(
        interval.goodput(tau, save, mtbf, restart), rel=0.02
    )


def test_a_series_fails_with_its_first_part():
    parts = [(40, 1000.0), (5, 300.0), (2, 77.0)]
    dice = np.random.default_rng(0)
    lives = np.concatenate([dice.exponential(hours, (20_000, count)) for count, hours in parts], axis=1)
    assert interval.mtbf_series(parts) == pytest.approx(lives.min(axis=1).mean(), rel=0.02)


def test_llama_3s_table_and_its_first_row():
    counts = {name: count for name, (count, _) in interval.LLAMA3_CAUSES.items()}
    assert sum(counts.values()) == 419
    wrong = [
        name for name, (count, printed) in interval.LLAMA3_CAUSES.items() if abs(100 * count / 419 - printed) > 0.15
    ]
    assert wrong == ["faulty GPU"]
    gpu = ("faulty GPU", "HBM3 memory", "GPU SRAM", "GPU system processor", "silent data corruption", "GPU sensor")
    assert sum(interval.LLAMA3_CAUSES[name][1] for name in gpu) == pytest.approx(58.7)


def test_bytes_are_those_of_a_real_optimizers_state():
    """Of the run's own tensors, fp32 weights and AdamW's two moments; mixed precision adds 16-bit weights."""
    each = torch.load(launch(counted_state, 1) / "each.pt")
    assert size.checkpoint_bytes(1, "fp32 throughout") == each
    assert size.checkpoint_bytes(1) == each + torch.bfloat16.itemsize


# ---- the calculators


def test_calculators():
    shown = calculator.interval()
    assert shown["time between failures"] == "3.09 hours"
    kept = "time that ends up in the model (goodput)"
    shares = [float(shown[k].rstrip("%")) for k in (kept, "saving", "work done again", "restarting")]
    assert sum(shares) == pytest.approx(100, abs=0.2)
    assert calculator.interval(every=13.3)[kept] == shown["goodput at the best interval"]
    with pytest.raises(ValueError, match="hardly any interval"):
        calculator.interval(gpus=1_000_000, restart=120)
    read = calculator.reshard()
    assert read["timeline"]["lanes"]["rank 0"] == [(0, 3, "S0"), (3, 5, "S1")]
    assert read["timeline"]["lanes"]["rank 1"] == [(5, 6, "S1"), (6, 9, "S2"), (9, 10, "S3")]


@given(rows=st.integers(1, 50), saved=st.integers(1, 16), loaded=st.integers(1, 16))
def test_rows_are_read_once_by_those_that_have_them(rows, saved, loaded):
    lanes = calculator.reshard(rows, saved, loaded)["timeline"]["lanes"]
    read = [span for name, lane in lanes.items() if name != "saved" for span in lane]
    assert all(a[1] == b[0] for a, b in pairwise(read))
    assert (read[0][0], read[-1][1]) == (0, rows)
    parts = torch.empty(rows).chunk(loaded)
    lengths = [sum(b - a for a, b, _ in lane) for name, lane in lanes.items() if name != "saved"]
    assert [n for n in lengths if n] == [len(part) for part in parts]
