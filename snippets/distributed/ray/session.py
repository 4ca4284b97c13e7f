"""Ray: one session on this machine for everything that the page runs, or a cluster by its address."""

# /// fieldguide
# timeout_s = 120
# ///

from __future__ import annotations

import logging
import os
from functools import cache

os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
# No node of this cluster is taken away with notice; a training job need not watch for it.
os.environ.setdefault("RAY_TRAIN_ENABLE_PREEMPTION_WATCHER", "0")
# A training job looks after its workers every two seconds; these workers live that long.
os.environ.setdefault("RAY_TRAIN_HEALTH_CHECK_INTERVAL_S", "0.1")
# Ray gives its workers the lowest priority but four; on a busy machine they would start late.
os.environ.setdefault("RAY_worker_niceness", "0")

import ray

# Counted, not enforced: two for the workers of a training job, one for the data that feeds them.
CPUS = 3


# --8<-- [start:session]
@cache
def session() -> None:
    """Join the cluster of RAY_ADDRESS, or start one of a single node."""
    if "RAY_ADDRESS" in os.environ:
        ray.init(log_to_driver=False)
        return
    for left in (2, 1, 0):
        try:
            ray.init(
                num_cpus=CPUS,
                object_store_memory=256 * 1024**2,
                include_dashboard=False,
                log_to_driver=False,
                logging_level=logging.ERROR,
            )
            return
        except Exception:
            # Ray gives its node 30 s to report, a constant in its code. The node
            # first waits for two Python processes, which need longer on a busy
            # machine with cold disks. The next try finds their files in memory.
            ray.shutdown()
            if not left:
                raise


# --8<-- [end:session]
