"""Runs snippets in isolation and says exactly what they printed, or why they did not.

A *light* snippet (NumPy, PyTorch, `transformers`) is forked from a process that has imported these, so that hundreds
take seconds. Anything else, and everything where fork is missing or unsafe, gets a fresh interpreter. Either way a
*warden* process stands above the snippet: it holds the limits, and nothing that the snippet starts outlives it.

    schedule   runs many, in the order asked               (the caller's process)
    plan       what a snippet asks for and gets            (the same)
    pool       keeps as many going as there are cores      (the same)
    result     what a snippet left behind                  (the same)
    zygote     imports once, forks one warden per snippet  (one for each kind of import)
    warden     limits, leftovers, the end of everything    (one per snippet)
    child      seeds, imports, runs the examples           (one per snippet)
    drawing    turns a figure into SVG for both palettes   (inside the child)
    guard      refuses network and writes elsewhere        (inside the child)
    snippet    what a file declares and imports            (reads, never runs)

The whole package needs only the standard library, because it also runs inside the environments of engines.
"""

from fieldguide.runner.pool import ROOT
from fieldguide.runner.schedule import record_runs, run
from fieldguide.runner.snippet import Head, HeadError, Tolerance, examples, figures, is_light, reach, read_head
from fieldguide.runner.task import Failure, Run

__all__ = [
    "ROOT", "Failure", "Head", "HeadError", "Run", "Tolerance",
    "examples", "figures", "is_light", "reach", "read_head", "record_runs", "run",
]  # fmt: skip
