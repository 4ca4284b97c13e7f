"""Collectives: ranks for experiments, forked on this machine or started by torchrun on a cluster."""

from __future__ import annotations

import io
import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch
import torch.distributed as dist
from torch._C._distributed_c10d import FileStore
from torch.multiprocessing.spawn import start_processes

RANKS = 4
Work = Callable[[int, Path], None]  # gets its rank, and a folder that all ranks share


# --8<-- [start:launch]
def launch(work: Work, ranks: int = RANKS) -> Path:
    """Run `work` on several ranks. The folder holds what they have left."""
    if dist.is_torchelastic_launched():
        return join(work)
    folder = Path(tempfile.mkdtemp())
    start_processes(enter, (work, ranks, folder), nprocs=ranks, start_method="fork")
    return folder


def enter(rank: int, work: Work, ranks: int, folder: Path) -> None:
    """One forked rank: join the group, work, leave."""
    torch.set_num_threads(1)
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    store = FileStore(str(folder / "store"), ranks)
    dist.init_process_group("gloo", store=store, rank=rank, world_size=ranks)
    work(rank, folder)
    dist.destroy_process_group()


# --8<-- [end:launch]


# --8<-- [start:join]
def join(work: Work) -> Path:
    """One rank that torchrun has started: the launcher's environment says which one."""
    if not dist.is_initialized():
        backend = "gloo"
        if torch.cuda.is_available():
            backend = "cpu:gloo,cuda:nccl"  # by where a tensor is
            torch.cuda.set_device(int(os.environ["LOCAL_RANK"]))
            torch.set_default_device("cuda")
        dist.init_process_group(backend)
        if dist.get_rank():
            sys.stdout = io.StringIO()  # one rank prints for all
    folder = [tempfile.mkdtemp()]  # several nodes: TMPDIR on a disk they share
    dist.broadcast_object_list(folder)
    work(dist.get_rank(), Path(folder[0]))
    dist.barrier()
    return Path(folder[0])


# --8<-- [end:join]
