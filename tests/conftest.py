"""Settings of the whole suite: property tests draw the same examples every time."""

from hypothesis import Phase, settings

PHASES = [phase for phase in Phase if phase != Phase.explain]  # it takes half a minute where PyTorch is loaded
settings.register_profile("suite", derandomize=True, deadline=None, max_examples=50, database=None, phases=PHASES)
settings.load_profile("suite")
