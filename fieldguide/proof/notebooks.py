"""Labs: a percent file is the source, an `.ipynb` beside it holds the recorded run.

`record` runs the source and writes the notebook; `verify` runs it again and compares. On the
site, mkdocs-jupyter publishes the recorded notebook, rendered by the same Markdown as every
other page, see `install`.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from fieldguide.guide.outputs import first_difference, keep_measured, write_atomic
from fieldguide.guide.project import Breach, Project

TIMEOUT_S = 300
THREADS = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS")
TEMPLATES = Path(__file__).parent.parent / "site/markdown/notebook"
PICTURE = "image/svg+xml"


class CellError(Exception):
    """A cell of a lab that did not run to its end."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index


def sources(project: Project, only: Sequence[str] | None = None) -> list[Path]:
    """Percent files of the labs, or of those named."""
    return [p for p in sorted((project.docs / "labs").glob("*.py")) if only is None or p.stem in only]


def read(source: Path) -> Any:
    """A percent file as a notebook without outputs; ids follow the order of the cells."""
    import jupytext

    notebook = jupytext.reads(source.read_text(encoding="utf-8"), fmt="py:percent")
    for index, cell in enumerate(notebook.cells):
        cell.id, cell.metadata = f"cell-{index}", {}
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return notebook


def execute(project: Project, source: Path) -> Any:
    """Run a lab in a process and a folder of its own, with one thread and a fixed hash seed.

    Raises:
        CellError: at the first cell that fails.
    """
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError

    notebook = read(source)
    env = {
        **os.environ,
        **dict.fromkeys(THREADS, "1"),
        "PYTHONHASHSEED": "0",
        "PYTHONPATH": str(project.root),
    }
    with tempfile.TemporaryDirectory(prefix="fieldguide-lab-") as folder:
        client = NotebookClient(
            notebook,
            timeout=TIMEOUT_S,
            kernel_name="python3",
            resources={"metadata": {"path": folder}},
            record_timing=False,
        )
        try:
            client.execute(env={**env, "IPYTHONDIR": folder, "MPLCONFIGDIR": folder})
        except CellExecutionError as error:
            raise CellError(_failed(notebook), f"it raised {error.ename}: {error.evalue}") from None
        except CellTimeoutError:
            raise CellError(_failed(notebook), f"it ran longer than {TIMEOUT_S} s") from None
    for cell in notebook.cells:
        cell.metadata = {}
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


def _failed(notebook: Any) -> int:
    """The cell that was running: the last one that was started."""
    started = [i for i, cell in enumerate(notebook.cells) if cell.get("execution_count")]
    return max(started, default=0)


def texts(cell: Any) -> str:
    """Everything a cell printed, as text."""
    return "".join(
        _joined(output.get("text", "")) or _joined(output.get("data", {}).get("text/plain", ""))
        for output in cell.get("outputs", ())
    )


def _joined(text: str | list[str]) -> str:
    return text if isinstance(text, str) else "".join(text)


def line_of(source: Path, index: int) -> int:
    """Line of the percent file on which a cell begins."""
    marks = [
        n
        for n, line in enumerate(source.read_text(encoding="utf-8").split("\n"), 1)
        if re.match(r"# %%", line)
    ]
    return marks[min(index, len(marks) - 1)] if marks else 1


def record(project: Project, only: Sequence[str] | None = None) -> tuple[list[Any], list[Breach]]:
    """Run labs and write their notebooks; one that fails leaves its notebook as it was.

    Returns:
        What changed, and what could not be recorded.
    """
    import nbformat

    from fieldguide.proof.record import Change

    changes: list[Any] = []
    refused: list[Breach] = []
    for source in sources(project, only):
        target = source.with_suffix(".ipynb")
        before = target.read_text(encoding="utf-8") if target.is_file() else ""
        try:
            notebook = execute(project, source)
        except CellError as error:
            refused.append(_failure(project, source, error))
            continue
        if before:
            _keep(nbformat.reads(before, as_version=4), notebook)
        after = nbformat.writes(notebook, version=4) + "\n"
        if after != before:
            write_atomic(target, after)
            changes.append(Change(target, before, after))
    return changes, refused


def _keep(old: Any, new: Any) -> None:
    """Leave measured lines, and the pictures drawn from them, as recorded where the cell is the same."""
    for before, after in zip(old.cells, new.cells, strict=False):
        if (
            before.source != after.source
            or before.cell_type != "code"
            or len(before.outputs) != len(after.outputs)
        ):
            continue
        for one, other in zip(before.outputs, after.outputs, strict=True):
            if "text" in one and "text" in other:
                other.text = keep_measured(_joined(one.text), _joined(other.text))
            elif PICTURE in one.get("data", {}) and PICTURE in other.get("data", {}):
                other.data = one.data


def _failure(project: Project, source: Path, error: CellError) -> Breach:
    where, line = project.relative(source), line_of(source, error.index)
    return Breach(
        where, line, "notebook", f"cell {error.index + 1} did not run: {error}.", "correct the cell."
    )


def verify(project: Project, only: Sequence[str] | None = None) -> list[Breach]:
    """Run labs again and compare with their recorded notebooks, cell by cell."""
    breaches: list[Breach] = []
    for source in sources(project, only):
        target = source.with_suffix(".ipynb")
        fix = f"`fieldguide record labs/{source.stem}`"
        if not target.is_file():
            breaches.append(
                Breach(project.relative(source), 1, "notebook", "there is no recorded run.", f"{fix}.")
            )
            continue
        recorded = json.loads(target.read_text(encoding="utf-8"))["cells"]
        try:
            fresh = execute(project, source).cells
        except CellError as error:
            breaches.append(_failure(project, source, error))
            continue
        breaches += _compare(project, source, recorded, fresh, fix)
    return breaches


def _compare(
    project: Project, source: Path, recorded: list[Any], fresh: list[Any], fix: str
) -> Iterator[Breach]:
    where = project.relative(source)
    if [_joined(cell["source"]) for cell in recorded] != [cell.source for cell in fresh]:
        index = next(
            (
                i
                for i, (a, b) in enumerate(zip(recorded, fresh, strict=False))
                if _joined(a["source"]) != b.source
            ),
            0,
        )
        message = f"cell {index + 1} is not the one that was recorded."
        yield Breach(where, line_of(source, index), "notebook", message, f"{fix}.")
        return
    for index, (old, new) in enumerate(zip(recorded, fresh, strict=True)):
        before, after = texts(old), texts(new)
        line = first_difference(before, after)
        if line:
            expected, got = ((text.split("\n") + [""] * line)[line - 1] for text in (before, after))
            message = f"cell {index + 1} printed another line {line}:\n    expected  {expected}\n    got       {got}\n "
            yield Breach(
                where, line_of(source, index), "notebook", message, f"look at it; if it is right, {fix}."
            )
        pictures = [sum(PICTURE in o.get("data", {}) for o in cell.get("outputs", ())) for cell in (old, new)]
        if pictures[0] != pictures[1]:
            message = f"cell {index + 1} drew {pictures[1]} pictures; {pictures[0]} are recorded."
            yield Breach(where, line_of(source, index), "notebook", message, f"{fix}.")


def to_markdown(notebook: Any) -> str:
    """The notebook as one Markdown document: text as it is, code as fences, outputs below them."""
    parts: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code":
            parts.append(f"`````python\n{cell.source}\n`````")
            printed = texts(cell).rstrip("\n")
            if printed:
                parts.append(f'`````text title="Output"\n{printed}\n`````')
            for output in cell.outputs:
                if PICTURE in output.get("data", {}):
                    parts.append(_figure(_joined(output["data"][PICTURE])))
    return "\n\n".join(parts) + "\n"


def _figure(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.S)
    lines = "\n".join(
        line for line in svg.split("\n") if line.strip()
    )  # a blank line would end the HTML block
    return f'<div class="fg-plot">\n{lines}\n</div>'


def render(notebook: Any) -> str:
    """The notebook as HTML, by the Markdown that renders every other page."""
    from markdown import Markdown

    html = Markdown(
        extensions=["fieldguide.site.markdown", "admonition", "attr_list", "tables", "toc", "pymdownx.arithmatex", "pymdownx.details",
                    "pymdownx.highlight", "pymdownx.superfences"],
        extension_configs={
            "toc": {"permalink": "#", "permalink_title": "Link to this section"},
            "pymdownx.arithmatex": {"generic": True},
            "pymdownx.highlight": {"anchor_linenums": False, "pygments_lang_class": True},
        },
    ).convert(to_markdown(notebook))  # fmt: skip
    # A link to a page names its file, from `docs/labs/`; its address starts one folder deeper.
    return re.sub(r'href="((?:\.\./|[\w-]+/)*)([\w-]+)\.md(#[\w-]+)?"', _address, html)


def _address(match: re.Match[str]) -> str:
    folder, name, anchor = match.group(1), match.group(2), match.group(3) or ""
    return f'href="../{folder}{"" if name == "index" else name + "/"}{anchor}"'


def install() -> None:
    """Let mkdocs-jupyter render through `render`.

    Its own template inlines half a megabyte of JupyterLab's styles, asks two other hosts for scripts and leaves
    mathematics to the browser. Both things used here are module-level settings of the two libraries: the folder
    of templates, and nbconvert's table of filters.
    """
    try:
        from mkdocs_jupyter.config import settings
        from nbconvert.exporters.templateexporter import default_filters
    except ImportError:
        return
    settings.templates_dir = str(TEMPLATES)
    default_filters["fieldguide"] = render
