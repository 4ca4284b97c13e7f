"""Holds what pages show against what snippets do: recorded outputs and facts. And records them.

`verify` runs the snippets of some trios once and lists what differs. `record` runs them
twice, under two hash seeds, and rewrites outputs and facts, but only of snippets that came
to their end and did the same both times.
"""

from __future__ import annotations

import datetime
import difflib
import hashlib
import html
import importlib.metadata
import json
import platform
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from fieldguide import runner
from fieldguide.guide import outputs
from fieldguide.guide.names import near
from fieldguide.guide.outputs import output_file, write_atomic
from fieldguide.guide.page import Fact, Page
from fieldguide.guide.project import Breach, BreachError, Project, Trio
from fieldguide.runner import Failure, Run, Tolerance

PASSED = ".cache/fieldguide/passed.json"
OnDone = Callable[[Run], None]
FIXES = {
    "timeout": "do less, or raise `timeout_s` in the head of the snippet.",
    "memory": "hold less at once, or raise `memory_mb` in the head of the snippet.",
    "output": "print what a reader would read.",
    "leftover": "end every process, server and thread that the example starts, in a `finally` or a `with`.",
    "network": "generate the data with a seed, or read it from a package.",
    "write": "write to a relative path, or below `tempfile.mkdtemp()`.",
    "binary": "print text: decode bytes, and turn off colors and progress bars.",
    "silent": "print what the reader should see, or delete the example.",
    "needs": "install it as said above.",
    "head": "correct the block `# /// fieldguide` or the file; CONTRIBUTING.md lists what may stand there.",
}


@dataclass(frozen=True)
class Change:
    """One file that `record` has rewritten."""

    path: Path
    before: str
    after: str

    @property
    def diff(self) -> str:
        """What changed, as a unified diff with little around it and without its two lines of names."""
        before, after = self.before.splitlines(), self.after.splitlines()
        return "\n".join(list(difflib.unified_diff(before, after, n=1, lineterm=""))[2:])


def figure_file(snippet: Path, name: str) -> Path:
    """Where the recorded figure `figure_<name>` of a snippet lies."""
    return snippet.with_name(f"{name}.svg")


def run_trios(project: Project, trios: Iterable[Trio], *, done: OnDone | None = None) -> dict[str, list[Run]]:
    """Run the snippets of some trios, each once; `done` is called with each as it ends."""
    trios = list(trios)
    paths = [path for trio in trios for path in trio.snippets]
    runs = dict(zip(paths, runner.run(paths, project.root, on_done=done)))
    return {trio.name: [runs[path] for path in trio.snippets] for trio in trios}


def verify(project: Project, trios: Iterable[Trio], runs: Mapping[str, Sequence[Run]] | None = None) -> list[Breach]:
    """List where recorded outputs or stated facts differ from what the snippets do.

    Args:
        project: The checkout.
        trios: Which pages to hold against their snippets.
        runs: What `run_trios` returned, for these and perhaps more; without it, they run now.
    """
    trios = list(trios)
    runs = dict(runs if runs is not None else run_trios(project, trios))
    breaches = set(_fact_breaches(project, trios, runs))
    for trio in trios:
        for run in runs[trio.name]:
            breaches.update(_output_breaches(project, trio, run))
    return sorted(breaches)


def failures(project: Project, runs: Iterable[Run]) -> list[Breach]:
    """The runs that failed, as breaches."""
    return [_failed(project, run, run.error) for run in runs if run.error]


def _place(project: Project, snippet: Path, section: str) -> tuple[str, int]:
    """Page and line that show the output of an example; the recorded output itself where no page does."""
    path = output_file(snippet)
    page, line = _places(project).get(f"{path.relative_to(project.snippets).as_posix()}:{section}", (None, 1))
    return project.relative(page.path if page else path), line


@lru_cache(maxsize=4)
def _places(project: Project) -> dict[str, tuple[Page, int]]:
    """Page and line of the fence that shows each include, `inference/kv_cache/sizes.out.txt:models`."""
    places: dict[str, tuple[Page, int]] = {}
    for page in project.pages:
        for include in page.includes:
            places.setdefault(include.target, (page, include.line))
    return places


@lru_cache(maxsize=4)
def all_shown(project: Project) -> tuple[Fact, ...]:
    """Every fact that any page shows."""
    return tuple(fact for page in project.pages for fact in page.facts if not fact.problem)


def _output_breaches(project: Project, trio: Trio, run: Run) -> Iterator[Breach]:
    name = project.relative(run.snippet)
    record = f"fieldguide record {trio.name}"
    path = output_file(run.snippet)
    if run.error:
        yield _failed(project, run, run.error)
        return
    yield from _figure_breaches(project, trio, run)
    if not path.is_file():
        if run.sections:
            yield Breach(name, 1, "output", f"nothing has been recorded: there is no `{path.name}`.", record)
        return
    try:
        expected = outputs.parse(path, project.relative(path))
    except BreachError as error:
        yield error.breach
        return
    for difference in outputs.compare(expected, run.sections, runner.read_head(run.snippet).tolerance):
        section = difference.section
        if difference.got is None:
            message = f"`{path.name}` has a section `{section}`, but {name} has no such example."
        elif difference.expected is None:
            message = f"the output of example `{section}` in {name} has not been recorded."
        else:
            diff = textwrap.indent(difference.diff, "    ")
            message = f"example `{section}` in {name} does not print what is recorded (- expected, + got):\n{diff}\n "
        yield Breach(*_place(project, run.snippet, section), "output", message, f"if the new output is right: {record}")


def _figure_breaches(project: Project, trio: Trio, run: Run) -> Iterator[Breach]:
    """Figures that are not recorded, or that are drawn otherwise than recorded."""
    for name, drawn in run.figures.items():
        path = figure_file(run.snippet, name)
        source = f"figure `{name}` of {project.relative(run.snippet)}"
        fix = f"look at it; if the new one is right: fieldguide record {trio.name}"
        recorded = path.read_text(encoding="utf-8") if path.is_file() else ""
        line = outputs.first_difference(recorded, drawn, FIGURE) if recorded else 1
        if not recorded:
            message = f"{source} has not been recorded: there is no `{path.name}`."
        elif line:
            diff = outputs.Difference(name, line, recorded, drawn).diff
            message = (
                f"{source} is drawn otherwise than recorded (- recorded, + drawn):\n{textwrap.indent(diff, '    ')}\n "
            )
        else:
            continue
        yield Breach(*_figure_place(project, trio, run.snippet, name), "figure", message, fix)


FIGURE = Tolerance(rel=1e-3, abs=0.02, reason="a figure is compared to a hundredth of a unit")


def _figure_place(project: Project, trio: Trio, snippet: Path, name: str) -> tuple[str, int]:
    """Page and line of the fence that shows a figure; the snippet where none does."""
    wanted = f"{snippet.stem}:{name}"
    lines = (f.line("figure") for f in trio.page.figures if f.value and f.value.figure == wanted)
    if line := next(lines, 0):
        return project.relative(trio.page.path), line
    return project.relative(snippet), runner.figures(snippet)[name]


def _failed(project: Project, run: Run, error: Failure) -> Breach:
    """A failed run as a breach: sentence, page that shows the example, and traceback."""
    known = runner.examples(run.snippet) | {
        f"figure_{name}": line for name, line in runner.figures(run.snippet).items()
    }
    line = error.line or known.get(error.example or "", 1)
    subject = f"example `{error.example}` failed" if error.example else "the snippet failed"
    if (error.example or "").startswith("figure_"):
        subject = f"`{error.example}` failed"
    shown = "{}:{}".format(*_place(project, run.snippet, error.example)) if error.example else ""
    message = f"{subject}: {error.message}."
    if shown.startswith("docs/"):
        message += f" {shown} shows its output."
    if error.detail.strip():
        message += "\n" + textwrap.indent(error.detail.strip(), "    ") + "\n "
    fix = FIXES.get(error.kind, "correct it, and look with `fieldguide run`.")
    return Breach(project.relative(run.snippet), line, f"run-{error.kind}", message, fix)


def _fact_breaches(project: Project, trios: list[Trio], runs: Mapping[str, Sequence[Run]]) -> Iterator[Breach]:
    """Facts that the selected pages rest on, and facts of theirs that other pages rest on, or that none does."""
    selected = {trio.name for trio in trios}
    named = [(page, *fact) for page in project.pages for fact in page.named_facts]
    owners = {owner for page, _, owner, _ in named if {page.name, owner} & selected}
    missing = [trio for trio in project.trios if trio.name in owners - runs.keys()]
    more = runner.run([p for trio in missing for p in trio.snippets], project.root, examples=False)
    by_path = {run.snippet: run for run in [*more, *(run for each in runs.values() for run in each)]}
    facts: dict[str, dict[str, tuple[str, Path]]] = {}
    failed = set()
    for trio in [t for t in project.trios if t.name in runs or t in missing]:
        facts[trio.name] = {}
        for run in (by_path[path] for path in trio.snippets):
            if run.error:
                failed.add(trio.name)
            for name, value in run.facts.items():
                if name in facts[trio.name]:
                    yield _twice(project, run.snippet, name, facts[trio.name][name][1])
                facts[trio.name].setdefault(name, (value, run.snippet))
    unknown = set()
    for page, line, owner, name in named:
        if {page.name, owner} & selected and name not in facts.get(owner, {}) and owner not in failed:
            message = f"no snippet of `{owner}` computes the fact `{name}`. {near(name, facts.get(owner, {}))}"
            fix = "correct the name, or compute the number in `facts()`."
            unknown.add(owner)
            yield Breach(project.relative(page.path), line, "fact", message, fix, page.name)
    used = {(owner, name) for _, _, owner, name in named}
    for owner in sorted(selected & facts.keys() - unknown):  # a misspelled fact is not unused as well
        for name, (_, path) in facts[owner].items():
            if (owner, name) not in used:
                fix = f'write `<data value="{name}">…</data>` on `docs/{owner}.md`, or delete it.'
                where, message = project.relative(path), f"no page uses the fact `{name}`."
                yield Breach(where, _fact_line(path, name), "fact", message, fix, owner)
    for fact in all_shown(project):
        if not {fact.page.name, fact.owner} & selected or fact.name not in facts.get(fact.owner, {}):
            continue
        value, path = facts[fact.owner][fact.name]
        tolerance = runner.read_head(path).tolerance.get("facts", outputs.DEFAULT)
        if not outputs.same_line(fact.text, value, tolerance):
            message = (
                f"the page says `{fact.text}` for the fact `{fact.name}`; {project.relative(path)} computes `{value}`."
            )
            fix = f"if that is right: fieldguide record {fact.owner}"
            yield Breach(project.relative(fact.page.path), fact.line, "fact", message, fix, fact.page.name)


def _twice(project: Project, path: Path, name: str, first: Path) -> Breach:
    return Breach(
        project.relative(path), _fact_line(path, name), "fact", f"the fact `{name}` is already given by `{first.name}`.",
        "give it another name, or delete one of the two.", project.page_of(path),
    )  # fmt: skip


def _fact_line(path: Path, name: str) -> int:
    """Where a snippet names a fact; the first line where the name is computed."""
    lines = enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
    return next((number for number, line in lines if f'"{name}"' in line), 1)


def record(
    project: Project, trios: Iterable[Trio], *, measured: bool = False, done: OnDone | None = None
) -> tuple[list[Change], list[Breach]]:
    """Rewrite outputs and facts of `trios` from two runs of each snippet.

    Nothing is written for a snippet that failed, or that did not do the same twice.

    Args:
        project: The checkout.
        trios: Which pages.
        measured: Also rewrite the numbers in `# measured` lines, which otherwise stay.
        done: Called with each run as it ends, twice for a snippet.

    Returns:
        What was rewritten, and why the rest was not.
    """
    trios = list(trios)
    paths = [path for trio in trios for path in trio.snippets]
    pairs = dict(zip(paths, runner.record_runs(paths, project.root, on_done=done)))
    changes: list[Change] = []
    refused: list[Breach] = []
    facts: dict[str, dict[str, tuple[str, Path]]] = {}
    for trio in trios:
        facts[trio.name] = {}
        for path in trio.snippets:
            first, second = pairs[path]
            if found := _unrecordable(project, trio, first, second):
                refused += found
                continue
            if first.sections:
                changes += _rewrite(project, output_file(path), _new_output(path, first, measured))
            for name, drawn in first.figures.items():
                if not _same_drawing(figure_file(path, name), drawn):
                    changes += _rewrite(project, figure_file(path, name), drawn)
            for name, value in first.facts.items():
                if name in facts[trio.name]:
                    refused.append(_twice(project, path, name, facts[trio.name][name][1]))
                facts[trio.name].setdefault(name, (value, path))
    for page in project.pages:
        text = page.text
        for fact in reversed([fact for fact in all_shown(project) if fact.page is page]):
            value, _ = facts.get(fact.owner, {}).get(fact.name, (fact.text, None))
            if value != fact.text:
                text = text[: fact.start] + html.escape(value, quote=False) + text[fact.end :]
        changes += _rewrite(project, page.path, text)
    return changes, sorted(set(refused))


def _unrecordable(project: Project, trio: Trio, first: Run, second: Run) -> list[Breach]:
    """Why nothing may be written for a snippet."""
    for run in (first, second):
        if run.error:
            return list(_output_breaches(project, trio, run))
    head = runner.read_head(first.snippet)
    exact = Tolerance(rel=0)
    name = project.relative(first.snippet)
    breaches = []
    for section, one in first.sections.items():
        other = second.sections.get(section, "")
        line = _first_change(one, other, head.tolerance.get(section, exact))
        if line:
            diff = textwrap.indent(outputs.Difference(section, line, one, other).diff, "    ")
            message = f"output changes from run to run: example {section}, line {line}:\n{diff}\n "
            at = runner.examples(first.snippet)[section]
            breaches.append(Breach(name, at, "unstable", message, UNSTABLE))
    for figure, drawn in first.figures.items():
        other = second.figures.get(figure, "")
        if line := outputs.first_difference(drawn, other, Tolerance(rel=0)):
            diff = textwrap.indent(outputs.Difference(figure, line, drawn, other).diff, "    ")
            message = f"figure `{figure}` changes from run to run:\n{diff}\n "
            breaches.append(Breach(name, runner.figures(first.snippet)[figure], "unstable", message, UNSTABLE))
    for fact, value in first.facts.items():
        other = second.facts.get(fact, "")
        if _first_change(value, other, head.tolerance.get("facts", exact)):
            message = f"a fact changes from run to run: `{fact}` is `{value}`, then `{other}`."
            breaches.append(Breach(name, 1, "unstable", message, UNSTABLE))
    return breaches


UNSTABLE = "sort what comes from a set, seed every generator, and end lines with timings in `# measured`."


def _first_change(one: str, other: str, tolerance: Tolerance) -> int:
    """First line that changed between two runs of the same code: nothing may, unless it is declared."""
    if tolerance.rel or tolerance.abs:
        return outputs.first_difference(one, other, tolerance)
    before, after = one.split("\n"), other.split("\n")
    for number, (a, b) in enumerate(zip(before, after), 1):
        if a != b and not (outputs.is_measured(a) and outputs.same_line(a, b)):
            return number
    return 0 if len(before) == len(after) else min(len(before), len(after)) + 1


def _same_drawing(path: Path, drawn: str) -> bool:
    """Whether the recorded figure may stay as it is."""
    return path.is_file() and not outputs.first_difference(path.read_text(encoding="utf-8"), drawn, FIGURE)


def _new_output(snippet: Path, run: Run, measured: bool) -> str:
    try:
        old = outputs.parse(output_file(snippet))
    except (OSError, BreachError):
        old = {}
    if measured:
        return outputs.render(run.sections)
    return outputs.render({name: outputs.keep_measured(old.get(name, ""), text) for name, text in run.sections.items()})


def _rewrite(project: Project, path: Path, text: str) -> list[Change]:
    before = path.read_bytes().decode("utf-8", errors="replace") if path.exists() else ""
    if text == before:
        return []
    write_atomic(path, text)
    return [Change(path, before, text)]


def digest(project: Project, trio: Trio) -> str:
    """A hash of all that a trio's result depends on: page, snippets, outputs, tests, what they import."""
    files = {trio.page.path, *trio.snippets, *trio.tests, *map(output_file, trio.snippets)}
    files |= {figure_file(path, name) for path in trio.snippets for name in runner.figures(path)}
    for path in (*trio.snippets, *trio.tests):
        files |= runner.reach(path, project.root)[0]
    content = hashlib.sha256()
    for path in sorted(files):
        if path.is_file():
            content.update(project.relative(path).encode() + b"\0" + path.read_bytes() + b"\0")
    return content.hexdigest()


def mark_passed(project: Project, names: Iterable[str]) -> None:
    """Remember that these trios passed today, as they are now, and with which versions."""
    passed = _passed(project)
    trios = {trio.name: trio for trio in project.trios}
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    for name in names:
        trio = trios[name]
        libraries = {lib for p in trio.snippets for lib in runner.reach(p, project.root)[1]}
        passed[name] = {"date": today, "digest": digest(project, trio), "versions": _versions(libraries)}
    path = project.root / PASSED
    path.parent.mkdir(parents=True, exist_ok=True)
    write_atomic(path, json.dumps(passed, indent=1, sort_keys=True) + "\n")


def last_passed(project: Project, name: str) -> tuple[datetime.date, bool] | None:
    """Day on which a trio last passed on this machine, and whether it is unchanged since; None if never."""
    entry = _passed(project).get(name)
    trio = next((trio for trio in project.trios if trio.name == name), None)
    if entry is None or trio is None:
        return None
    return datetime.date.fromisoformat(entry["date"]), entry["digest"] == digest(project, trio)


def _passed(project: Project) -> dict[str, Any]:
    try:
        found = json.loads((project.root / PASSED).read_text(encoding="utf-8"))
    except (OSError, ValueError):  # a cache: what cannot be read counts as never passed
        return {}
    return found if isinstance(found, dict) else {}


def _versions(libraries: Iterable[str]) -> dict[str, str]:
    versions = {"python": platform.python_version()}
    for name in sorted(libraries):
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return versions
