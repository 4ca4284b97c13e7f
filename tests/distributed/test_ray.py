"""The killed job's recorded curve against plain PyTorch on the rows of Ray Data; what processes lose; what groups hold."""

import os
import re
import shutil
import signal
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import ray
import torch
from hypothesis import given
from hypothesis import strategies as st
from ray.util import placement_group, remove_placement_group

from snippets.distributed.ray import calculator, feed, groups, session
from snippets.distributed.ray import core as ray_core
from snippets.distributed.ray import replay as ray_replay
from snippets.distributed.ray import training as ray_training

ROOT = Path(__file__).parents[2]
RECORD = (ROOT / "snippets/distributed/ray/cluster.out.txt").read_text()
CURVE = {
    int(step): (float(whole), float(killed), int(times))
    for step, whole, killed, times in re.findall(
        r"step +(\d+)  never killed ([\d.]+)  killed ([\d.]+)  ran (\d)x", RECORD
    )
}


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    session.session()
    yield tmp_path_factory.mktemp("ray")
    ray.shutdown()
    session.session.cache_clear()


@pytest.fixture(scope="module")
def epochs(cluster):
    """What two workers read in two epochs, [worker][epoch][row]."""
    return feed.workers_read((0, 1))


def order(epochs, steps):
    """Rows of the given steps, counted from 0, as the training takes them."""
    size, each = ray_training.BATCH, ray_training.STEPS
    rows = []
    for step in steps:
        first = step % each * size
        rows.append([worker[step // each][first : first + size] for worker in epochs])
    return rows


def test_each_epoch_has_every_row_once_and_an_order_of_its_own(epochs):
    for epoch in (0, 1):
        assert sorted(epochs[0][epoch] + epochs[1][epoch]) == list(range(feed.ROWS))
    assert epochs[0][0] != epochs[0][1]
    assert set(epochs[0][0]) == set(epochs[0][1])  # blocks go to the same worker


def test_a_shuffle_before_the_split_moves_rows_between_workers(cluster):
    """One plan for each epoch, seeded with its number; the same again in a new job."""

    def dealt(epoch):
        shards = feed.dataset().random_shuffle(seed=epoch).streaming_split(2, equal=True)
        return ray.get([feed.read.remote(shard, (epoch,)) for shard in shards])

    first, second = dealt(0), dealt(1)
    assert set(first[0][0]) != set(second[0][0])
    assert sorted(second[0][0] + second[1][0]) == list(range(feed.ROWS))
    assert dealt(1) == second


def test_a_new_job_gets_the_order_of_the_epoch_that_it_asks_for(epochs):
    assert feed.workers_read((1,)) == [[worker[1]] for worker in epochs]


def test_the_recorded_jobs_computed_what_plain_pytorch_computes(epochs):
    """The job that was killed, and the one that was not: the losses of one process without Ray Train."""
    losses = ray_replay.replay(order(epochs, range(24)))
    assert sorted(CURVE) == [1, 2, 15, 16, 17, 18, 24]
    for step, (whole, killed, times) in CURVE.items():
        assert whole == killed == pytest.approx(losses[step - 1], abs=2e-6)
        assert times == (2 if step in (16, 17) else 1)
    assert "largest difference in 24 steps: 0\n" in RECORD


def test_the_recorded_symptom_of_a_forgotten_place(epochs):
    losses = ray_replay.replay(order(epochs, [*range(15), *range(12, 21)]))
    recorded = re.findall(r"step +(\d+)  never killed ([\d.]+)  forgotten ([\d.]+)", RECORD)
    assert [int(step) for step, *_ in recorded] == [15, 16, 18, 21, 24]
    for step, whole, wrong in recorded:
        assert float(wrong) == pytest.approx(losses[int(step) - 1], abs=1e-4)
        assert (whole == wrong) == (int(step) == 15)


def test_the_replay_averages_gradients_like_one_large_batch():
    """Without dropout two halves of a batch have the mean gradient of the whole; PyTorch takes the step."""
    ids = list(range(8))
    model, optimizer = ray_training.network()
    model.eval()
    rows = {k: torch.tensor(v) for k, v in feed.features({"id": np.array(ids)}).items()}
    expected = []
    for _ in range(3):
        loss = torch.nn.functional.mse_loss(model(rows["x"])[:, 0], rows["y"])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        expected.append(loss.item())
    with pytest.MonkeyPatch.context() as patch:
        fresh, steps = ray_training.network()
        patch.setattr(ray_replay, "network", lambda: (fresh.eval(), steps))
        found = ray_replay.replay([[ids[:4], ids[4:]]] * 3)
    assert found == pytest.approx(expected, rel=1e-5)


class Killed(Exception):
    """What happens to the run below."""


class Controller:
    """One rank of Ray Train without Ray: keeps the latest checkpoint of any start."""

    def __init__(self, folder, rank=0):
        self.folder, self.rank, self.count, self.seeds = folder, rank, 0, []

    def get_context(self):
        return self

    def get_world_rank(self):
        return self.rank

    def get_dataset_shard(self, name):
        return self

    def iter_torch_batches(self, batch_size, local_shuffle_buffer_size, local_shuffle_seed):
        self.seeds.append(local_shuffle_seed)
        ids = np.random.default_rng(local_shuffle_seed).permutation(ray_training.STEPS * batch_size)
        for part in ids.reshape(-1, batch_size):
            yield {k: torch.tensor(v) for k, v in feed.features({"id": part}).items()}

    def report(self, metrics, checkpoint):
        shutil.copytree(checkpoint.path, self.folder, dirs_exist_ok=True)
        self.count += 1

    def get_checkpoint(self):
        return ray.train.Checkpoint.from_directory(self.folder) if self.count else None


def run_without_ray(patch, folder, kill_at=0):
    """The page's `train` on one rank. Losses as saved at the end, every step that ran with its rows."""
    controller, seen = Controller(folder), []

    def log(_, rank, step, ids):
        seen.append((step, ids))
        if step == kill_at and len(seen) == kill_at:
            raise Killed

    for name in ("get_context", "get_dataset_shard", "report", "get_checkpoint"):
        patch.setattr(ray.train, name, getattr(controller, name))
    patch.setattr(ray_training, "prepare_model", lambda model: model)
    patch.setattr(ray_training, "all_reduce", lambda *_: None)
    patch.setattr(ray_training, "log", log)
    config = {"kill_at": -1, "log": ""}
    if kill_at:
        with pytest.raises(Killed):
            ray_training.train(config)
        torch.manual_seed(99)  # a new process knows nothing of the old one's random state
    ray_training.train(config)
    return torch.load(folder / "state.pt")[2], seen, controller.seeds


def test_a_killed_run_goes_on_as_if_nothing_had_happened(tmp_path, monkeypatch):
    """The page's loop and checkpoint with Ray Train replaced: bit for bit the run that was not killed."""
    losses, seen, seeds = run_without_ray(monkeypatch, tmp_path / "whole")
    assert len(losses) == len(set(losses)) == 24
    assert seeds == [0, 1]
    for kill_at in (3, 10, 12, 17):
        again, ran, epochs = run_without_ray(monkeypatch, tmp_path / str(kill_at), kill_at)
        assert again == losses
        saved = (kill_at - 1) // 5 * 5  # lost before it saves
        assert [step for step, _ in ran] == [*range(1, kill_at + 1), *range(saved + 1, 25)]
        assert all(ids == seen[step - 1][1] for step, ids in ran)
        assert epochs == [*range((kill_at - 1) // 12 + 1), *range(saved // 12, 2)]


def test_every_rank_gets_its_own_random_state_back(tmp_path, monkeypatch):
    controller = Controller(tmp_path / "kept")
    monkeypatch.setattr(ray.train, "report", controller.report)
    monkeypatch.setattr(ray.train, "get_checkpoint", controller.get_checkpoint)
    expected = []
    for rank in (0, 1):
        model, optimizer = ray_training.network()
        torch.manual_seed(100 + rank)
        ray_training.save(model, optimizer, rank, [1.0, 2.0])
        expected.append(torch.rand(1).item())
    for rank in (1, 0):
        assert ray_training.restore(*ray_training.network(), rank) == [1.0, 2.0]
        assert torch.rand(1).item() == expected[rank]


def test_the_gpus_random_state_comes_back_too(tmp_path, monkeypatch):
    """The calls that a GPU would get; the state itself is a stand-in."""
    controller, state, got = Controller(tmp_path / "kept"), torch.arange(16, dtype=torch.uint8), []
    monkeypatch.setattr(ray.train, "report", controller.report)
    monkeypatch.setattr(ray.train, "get_checkpoint", controller.get_checkpoint)
    parts = ray_training.network()
    for name, stand_in in (("is_available", lambda: True), ("get_rng_state", lambda: state)):
        monkeypatch.setattr(torch.cuda, name, stand_in)
    monkeypatch.setattr(torch.cuda, "set_rng_state", got.append)
    ray_training.save(*parts, 0, [1.0])
    ray_training.restore(*parts, 0)
    assert len(got) == 1
    assert torch.equal(got[0], state)


def test_momenta_are_loaded_where_the_weights_have_been_moved_to(tmp_path, monkeypatch):
    """Else they stay behind: load_state_dict casts them to the weights of that moment, here in another type."""
    run_without_ray(monkeypatch, tmp_path / "kept", kill_at=10)
    controller, made = Controller(tmp_path / "kept"), []
    controller.count = 1
    monkeypatch.setattr(ray.train, "get_checkpoint", controller.get_checkpoint)

    def network():
        made.extend(ray_training_network())
        return tuple(made)

    ray_training_network = ray_training.network
    monkeypatch.setattr(ray_training, "network", network)
    monkeypatch.setattr(ray_training, "prepare_model", lambda model: model.double())
    ray_training.train({"kill_at": -1, "log": ""})  # from the end: nothing left to train
    kept = made[1].state_dict()["state"].values()
    assert [momenta["momentum_buffer"].dtype for momenta in kept] == [torch.float64] * 4


def test_the_kill_waits_for_the_checkpoint_and_happens_once(tmp_path, monkeypatch):
    calls = []
    monkeypatch.setattr(ray.train, "get_all_reported_checkpoints", calls.append)
    monkeypatch.setattr(ray_training.os, "kill", lambda *who: calls.append(who))
    ray_training.die_once(str(tmp_path))
    ray_training.die_once(str(tmp_path))
    assert calls == [ray.train.CheckpointConsistencyMode.COMMITTED, (os.getpid(), signal.SIGKILL)]


def test_a_count_of_executions_starts_again_with_the_job(cluster):
    first, second = feed.reseeded(2)
    assert first != second
    assert feed.reseeded(1) == [first]


def test_one_copy_for_all_processes_and_nobody_may_write(cluster):
    found = ray_core.shared()
    assert len({one.process for one in found}) == 3
    assert len({one.place for one in found}) == 1
    array = ray.get(ray.put(np.ones(100_000)))
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 2
    one, other = np.ones(100_000), np.ones(100_000)  # and the measure can tell two copies apart
    assert ray_core.seen(one).place != ray_core.seen(other).place


@pytest.mark.parametrize(
    ("saves", "options", "answers"),
    [
        (False, {}, ["10", "ActorDiedError", "ActorDiedError"]),
        (False, {"max_restarts": 1}, ["10", "ActorUnavailableError", "1"]),
        (False, {"max_restarts": 1, "max_task_retries": 1}, ["10", "5", "6"]),
        (True, {"max_restarts": 1, "max_task_retries": 1}, ["10", "20", "21"]),
    ],
)
def test_what_a_killed_actor_remembers(cluster, tmp_path, saves, options, answers):
    assert ray_core.after_loss(tmp_path, saves, **options) == answers


def test_a_killed_task_runs_again(cluster, tmp_path):
    assert ray.get(ray_core.square.remote(7, str(tmp_path / "fuse"))) == 49
    assert (tmp_path / "fuse").exists()


def test_a_group_takes_all_or_nothing(cluster):
    group = placement_group([{"CPU": 1}] * (session.CPUS + 1))
    assert not groups.granted(group, 0.5)
    whole = placement_group([{"CPU": 1}] * session.CPUS)  # the one that waits holds nothing of it
    assert groups.granted(whole, 30)
    remove_placement_group(whole)
    remove_placement_group(group)
    assert groups.gangs() == [
        "first: True, second: False",
        "a task finds the third CPU free",
        "first is done, second: True",
    ]


def test_production_waits_for_the_reader(cluster):
    first, second = feed.ahead(cluster / "ahead", 20e6)
    assert 1 <= first <= 8  # 20 MB are five blocks
    assert first < second <= 16
    assert all(16 < made <= 24 for made in feed.ahead(cluster / "far", 200e6))  # the limit holds all 24


def test_the_same_file_joins_a_session_by_its_address(cluster):
    code = (
        "import ray; from snippets.distributed.ray.session import session; session();"
        "print(ray.get_runtime_context().get_node_id(), int(ray.cluster_resources()['CPU']))"
    )
    address = ray.get_runtime_context().gcs_address
    joined = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT, env={**os.environ, "RAY_ADDRESS": address}, capture_output=True, text=True, timeout=120,
    )  # fmt: skip
    assert joined.stdout.split() == [ray.get_runtime_context().get_node_id(), str(session.CPUS)]


@given(task=st.floats(1e-4, 10), cores=st.integers(1, 300), driver=st.floats(1e-6, 1e-3), worker=st.floats(1e-6, 1e-2))
def test_the_useful_share_is_that_of_a_queue(task, cores, driver, worker):
    """Tasks handed out one after another: after the start, the share of busy cores is the formula's."""
    free = [0.0] * cores
    count = 6 * cores
    for number in range(count):
        core = number % cores  # equal tasks: the core that is free first is the next in turn
        free[core] = max(free[core], (number + 1) * driver) + worker + task
    rounds = max(free) - (cores * driver + worker + task)  # without the first round, which fills the cores
    share = (count - cores) * task / cores / rounds
    formula = calculator.useful(task, cores, driver, worker)
    assert abs(share - formula) <= (0.02 + 1 / cores) * formula  # the last round of a few cores is not full


def test_known_answers_of_the_calculators():
    found = calculator.granularity()
    assert found["cores that one driver can feed"] == "220"
    assert found["useful share of the cores"] == "90.9%"
    assert found["shortest task for a share of 90%"] == "9 ms"
    many = calculator.granularity(cores=1024)
    assert many["limited by"] == "the driver"
    assert many["tasks per second"] == "20,000"
    share = calculator.useful(0.0460800001, 1024, 50e-6, 1e-3)
    assert share == pytest.approx(0.9)


@given(steps=st.integers(2, 200), every=st.integers(1, 200), killed=st.integers(1, 199), restart=st.floats(0, 50))
def test_lost_work_is_what_a_walk_through_the_run_loses(steps, every, killed, restart):
    if killed >= steps:
        with pytest.raises(ValueError, match="over"):
            calculator.lost_worker(steps, every, killed, restart)
        return
    saved = done = time = 0
    lost = False
    while done < steps:
        if done == killed and not lost:
            time, done, lost = time + restart, saved, True
            continue
        time, done = time + 1, done + 1
        saved = done if done % every == 0 else saved
    found = calculator.lost_worker(steps, every, killed, restart)
    assert found["time of the run"] == f"{time:g} steps instead of {steps}"
    assert found["steps that run twice"] == str(killed - killed // every * every)
    for spans in found["timeline"]["lanes"].values():
        assert spans[-1][1] == pytest.approx(time)
        assert all(one[1] == pytest.approx(two[0]) for one, two in pairwise(spans))
