"""Settings of the whole suite: property tests draw the same examples every time."""

from hypothesis import settings

settings.register_profile("suite", derandomize=True, deadline=None, max_examples=50, database=None)
settings.load_profile("suite")
