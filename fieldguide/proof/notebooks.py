"""Labs: a percent file is the source, an `.ipynb` beside it holds the recorded run.

`record` runs the source and writes the notebook; `verify` runs it again and compares.
"""

import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fieldguide.guide.outputs import first_difference, keep_measured
from fieldguide.guide.project import Breach, BreachError, Project
from fieldguide.proof.record import Change, rewrite

TIMEOUT_S = 300
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
PICTURE = "image/svg+xml"


def sources(project: Project, only: Sequence[str] | None = None) -> list[Path]:
    """Percent files of the labs, or of those named."""
    return [p for p in sorted((project.docs / "labs").glob("*.py")) if only is None or p.stem in only]


def execute(project: Project, source: Path) -> Any:
    """Run a lab, with one thread and a fixed hash seed, in a folder of its own; a `BreachError` names a failing cell."""
    import jupytext
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    notebook = jupytext.read(source, fmt="py:percent")
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    notebook.metadata = {"kernelspec": kernel, "language_info": {"name": "python"}}
    env = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONHASHSEED": "0", "PYTHONPATH": str(project.root)}
    with tempfile.TemporaryDirectory(prefix="fieldguide-lab-") as folder:
        resources = {"metadata": {"path": folder}}
        client = NotebookClient(notebook, timeout=TIMEOUT_S, resources=resources, record_timing=False)
        try:
            client.execute(env={**env, "IPYTHONDIR": folder, "MPLCONFIGDIR": folder})
        except (CellExecutionError, CellTimeoutError) as error:
            why = f"it ran longer than {TIMEOUT_S} s"
            if isinstance(error, CellExecutionError):
                why = f"it raised {error.ename}: {error.evalue}"
            last = max((n for n, cell in enumerate(notebook.cells) if cell.get("execution_count")), default=0)
            raise BreachError(_breach(project, source, last, f"did not run: {why}", "correct the cell.")) from None
    for index, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{index}", {}
        if cell.cell_type == "code":
            cell.outputs = _tidied(cell.outputs)
    return notebook


def _tidied(outputs: list[Any]) -> list[Any]:
    """Outputs without what differs from run to run: how a stream was cut, and the text beside a picture."""
    tidied: list[Any] = []
    for output in outputs:
        if output.output_type == "stream" and tidied and tidied[-1].get("name") == output.name:
            tidied[-1].text += output.text
            continue
        if PICTURE in output.get("data", {}):
            output.data, output.metadata = {PICTURE: output.data[PICTURE]}, {}
        tidied.append(output)
    return tidied


def texts(cell: Any) -> str:
    """Everything a cell printed, as text."""
    return "".join(o.get("text") or o.get("data", {}).get("text/plain", "") for o in cell.get("outputs", ()))


def record(project: Project, only: Sequence[str] | None = None) -> tuple[list[Change], list[Breach]]:
    """Run labs and write their notebooks; what changed, and which cells failed and left their notebook as it was."""
    import nbformat

    changes: list[Change] = []
    refused: list[Breach] = []
    for source in sources(project, only):
        target = source.with_suffix(".ipynb")
        try:
            notebook = execute(project, source)
        except BreachError as error:
            refused.append(error.breach)
            continue
        if target.is_file():
            _keep(nbformat.read(target, as_version=4), notebook)
        changes += rewrite(target, nbformat.writes(notebook, version=4) + "\n")
    return changes, refused


def _keep(old: Any, new: Any) -> None:
    """Leave measured lines, and the pictures drawn from them, as recorded where the cell is the same."""
    for before, after in zip(old.cells, new.cells, strict=False):
        outputs = before.get("outputs", ()), after.get("outputs", ())
        if before.source != after.source or len(outputs[0]) != len(outputs[1]):
            continue
        for one, other in zip(*outputs, strict=True):
            if "text" in one and "text" in other:
                other.text = keep_measured(one.text, other.text)
            elif PICTURE in one.get("data", {}) and PICTURE in other.get("data", {}):
                other.data = one.data


def verify(project: Project, only: Sequence[str] | None = None) -> list[Breach]:
    """Run labs again and compare with their recorded notebooks, cell by cell."""
    import nbformat

    breaches: list[Breach] = []
    for source in sources(project, only):
        target = source.with_suffix(".ipynb")
        fix = f"look at it; if it is right, `fieldguide record labs/{source.stem}`."
        if not target.is_file():
            breaches.append(_breach(project, source, 0, "has no recorded run", fix))
            continue
        try:
            found = _differences(nbformat.read(target, as_version=4).cells, execute(project, source).cells)
            breaches += [_breach(project, source, index, message, fix) for index, message in found]
        except BreachError as error:
            breaches.append(error.breach)
    return breaches


def _differences(recorded: list[Any], fresh: list[Any]) -> Iterator[tuple[int, str]]:
    """Index of each cell that is not what was recorded, and how it differs."""
    for index, (old, new) in enumerate(zip(recorded, fresh, strict=False)):
        if old.source != new.source:
            yield index, "is not the one that was recorded"
            return
        before, after = texts(old), texts(new)
        if line := first_difference(before, after):
            expected, got = ((text.split("\n") + [""] * line)[line - 1] for text in (before, after))
            yield index, f"printed another line {line}:\n    expected  {expected}\n    got       {got}\n "
        drawn = [sum(PICTURE in o.get("data", {}) for o in cell.get("outputs", ())) for cell in (old, new)]
        if drawn[0] != drawn[1]:
            yield index, f"drew {drawn[1]} pictures; {drawn[0]} are recorded"
    if len(recorded) != len(fresh):
        yield min(len(recorded), len(fresh)) - 1, f"is one of {len(fresh)}; {len(recorded)} were recorded"


def _breach(project: Project, source: Path, index: int, message: str, fix: str) -> Breach:
    """What is wrong with a cell, at the line of the percent file on which it begins."""
    lines = source.read_text(encoding="utf-8").split("\n")
    marks = [number for number, line in enumerate(lines, 1) if re.match(r"# %%", line)] or [1]
    line = marks[min(index, len(marks) - 1)]
    return Breach(project.relative(source), line, "notebook", f"cell {index + 1} {message}.", fix)
