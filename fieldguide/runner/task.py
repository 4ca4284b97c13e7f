"""What one run of a snippet is: a task on its way, and what came of it."""

from dataclasses import dataclass, field
from pathlib import Path

from fieldguide.runner.child import Job
from fieldguide.runner.snippet import Head


@dataclass(frozen=True)
class Failure:
    """Why a snippet did not do what it should."""

    kind: str  # timeout, memory, output, exception, exit, leftover, network, write, binary, silent, needs, or head
    example: str | None
    message: str  # one plain sentence
    line: int | None = None
    detail: str = ""  # traceback and the end of standard error


@dataclass
class Run:
    """What one snippet did."""

    snippet: Path
    sections: dict[str, str] = field(default_factory=dict)  # what each example printed
    figures: dict[str, str] = field(default_factory=dict)  # the SVG of each figure
    facts: dict[str, str] = field(default_factory=dict)
    error: Failure | None = None
    seconds: float = 0.0
    peak_mb: float = 0.0
    light: bool = True


@dataclass
class Task:
    """One snippet on its way through the pool."""

    id: str
    run: Run
    head: Head
    job: Job
    kind: str
    seed: int
    folder: Path
    told: dict[str, int] = field(default_factory=dict)
