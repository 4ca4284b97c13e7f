"""Settings of the whole suite: one thread, as snippets have, and property tests that draw the same examples every time."""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # threads of PyTorch that wait for each other cost most where others run

from hypothesis import Phase, settings

PHASES = [phase for phase in Phase if phase != Phase.explain]  # it takes half a minute where PyTorch is loaded
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=50, database=None, phases=PHASES)
settings.load_profile("suite")
