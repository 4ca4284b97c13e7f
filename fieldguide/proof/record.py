"""Holds what pages show against what snippets do: recorded outputs, figures and facts. And records them.

`verify` runs the snippets of some trios once and lists what differs. `record` runs them twice, in different
surroundings, and rewrites what is recorded, but only of snippets that came to their end and did the same both times.
"""

import difflib
import html
import textwrap
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

from fieldguide import runner
from fieldguide.calc.fence import FenceError, resolve
from fieldguide.guide import outputs
from fieldguide.guide.names import near
from fieldguide.guide.outputs import diff, first_difference, keep_measured, output_file, write_atomic
from fieldguide.guide.project import Breach, BreachError, Project, Trio
from fieldguide.runner import Failure, Run, Tolerance

OnDone = Callable[[Run], None]
Facts = dict[str, dict[str, tuple[str, Path]]]
"""Value of each fact, and the snippet that computes it, by page and name."""
FIGURE = Tolerance(rel=1e-3, abs=0.02, reason="a figure is compared to a hundredth of a unit")
UNSTABLE = "sort what comes from a set, seed every generator, and end lines with timings in `# measured`."
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
    """One file that has been rewritten."""

    path: Path
    before: str
    after: str

    @property
    def diff(self) -> str:
        """What changed, as a unified diff with little around it and without its two lines of names."""
        before, after = self.before.splitlines(), self.after.splitlines()
        return "\n".join(list(difflib.unified_diff(before, after, n=1, lineterm=""))[2:])


class Made(NamedTuple):
    """A text that a snippet made: what an example printed, a figure, or a fact."""

    what: str  # as messages call it: "example `table`"
    name: str  # as failures call it: `table`, `figure_growth`; empty for a fact
    line: int  # of its function in the snippet
    text: str
    recorded: str
    tolerance: Tolerance | None  # what was declared for it


def rewrite(path: Path, text: str) -> list[Change]:
    """Write a file at once, or not at all where it holds that text already."""
    before = path.read_bytes().decode("utf-8", errors="replace") if path.exists() else ""
    if text == before:
        return []
    write_atomic(path, text)
    return [Change(path, before, text)]


def run_trios(project: Project, trios: Iterable[Trio], *, done: OnDone | None = None) -> dict[str, list[Run]]:
    """Run the snippets of some trios, each once; `done` is called with each as it ends."""
    trios = list(trios)
    paths = [path for trio in trios for path in trio.snippets]
    runs = dict(zip(paths, runner.run(paths, project.root, on_done=done)))
    return {trio.name: [runs[path] for path in trio.snippets] for trio in trios}


def verify(project: Project, trios: Iterable[Trio], runs: Mapping[str, Sequence[Run]] | None = None) -> list[Breach]:
    """List where recorded outputs, figures or stated facts differ from what the snippets do.

    What is not recorded, or left over, is seen without running: that says the contract. `runs` is what `run_trios`
    returned, for these and perhaps more; without it, they run now.
    """
    trios = list(trios)
    runs = dict(runs if runs is not None else run_trios(project, trios))
    breaches = set(_fact_breaches(project, trios, runs))
    for run in (run for trio in trios for run in runs[trio.name]):
        breaches.update(failures(project, [run]) or _differences(project, run))
    return sorted(breaches)


def failures(project: Project, runs: Iterable[Run]) -> list[Breach]:
    """The runs that failed, as breaches: sentence, page that shows the example, and traceback."""
    return [_failed(project, run, run.error) for run in runs if run.error]


def _failed(project: Project, run: Run, error: Failure) -> Breach:
    name = error.example or ""
    what = f"`{name}`" if name.startswith("figure_") else f"example `{name}`" if name else "the snippet"
    message = f"{what} failed: {error.message}."
    if shown := _places(project).get((run.snippet, name)):
        message += " {}:{} shows it.".format(*shown)
    if error.detail.strip():
        message += _block(error.detail.strip())
    fix = FIXES.get(error.kind, "correct it, and look with `fieldguide run`.")
    known = runner.examples(run.snippet) | {f"figure_{n}": line for n, line in runner.figures(run.snippet).items()}
    line = error.line or known.get(name, 1)
    return Breach(project.relative(run.snippet), line, f"run-{error.kind}", message, fix)


def _block(text: str) -> str:
    return f"\n{textwrap.indent(text, '    ')}\n "


@lru_cache(maxsize=4)
def _places(project: Project) -> dict[tuple[Path, str], tuple[str, int]]:
    """Page and line that show each output and figure, by snippet and name."""
    places: dict[tuple[Path, str], tuple[str, int]] = {}
    for page in project.pages:
        shown = [(i.file.replace(".out.txt", ".py"), i.region, i.line) for i in page.includes if ".out." in i.file]
        for figure in page.figures:
            with suppress(FenceError):  # the contract says it
                file, name = resolve(figure.value.figure if figure.value else "", page.folder)
                shown.append((file, f"figure_{name}", figure.line("figure")))
        for file, name, line in shown:
            places.setdefault((project.snippets / file, name), (project.relative(page.path), line))
    return places


def _made(run: Run) -> Iterator[Made]:
    """Everything that a run made."""
    path, tolerance = run.snippet, runner.read_head(run.snippet).tolerance
    old = _sections(path)
    for name, text in run.sections.items():
        line = runner.examples(path).get(name, 1)
        yield Made(f"example `{name}`", name, line, text, old.get(name, ""), tolerance.get(name))
    for name, text in run.figures.items():
        file, line = path.with_name(f"{name}.svg"), runner.figures(path)[name]
        recorded = file.read_text(encoding="utf-8") if file.is_file() else ""
        yield Made(f"figure `{name}`", f"figure_{name}", line, text, recorded, FIGURE)
    for name, text in run.facts.items():
        yield Made(f"fact `{name}`", "", _fact_line(path, name), text, "", tolerance.get("facts"))


def _sections(snippet: Path) -> dict[str, str]:
    """What is recorded of a snippet; nothing where that is damaged, as the contract says."""
    try:
        return outputs.parse(output_file(snippet))
    except (OSError, BreachError):
        return {}


def _differences(project: Project, run: Run) -> Iterator[Breach]:
    """Outputs and figures that are not what is recorded."""
    for made in _made(run):
        tolerance = made.tolerance or outputs.DEFAULT
        if made.recorded and (line := first_difference(made.recorded, made.text, tolerance)):
            source, told = f"{made.what} of {project.relative(run.snippet)}", diff(made.recorded, made.text, line)
            message = f"{source} is not what is recorded (- recorded, + got):{_block(told)}"
            drawn = made.what.startswith("figure")
            file, line = (run.snippet, made.line) if drawn else (output_file(run.snippet), 1)
            place = _places(project).get((run.snippet, made.name), (project.relative(file), line))
            fix = f"look at it; if the new one is right: fieldguide record {project.page_of(run.snippet)}"
            yield Breach(*place, "figure" if drawn else "output", message, fix)


def _facts(project: Project, runs: Iterable[Run]) -> tuple[Facts, list[Breach]]:
    """Facts that runs computed, and those that a second snippet of a page gives again."""
    facts: Facts = {}
    twice = []
    for run in runs:
        page = project.page_of(run.snippet)
        for name, value in run.facts.items():
            _, first = facts.setdefault(page, {}).setdefault(name, (value, run.snippet))
            if first != run.snippet:
                where, line = project.relative(run.snippet), _fact_line(run.snippet, name)
                message = f"the fact `{name}` is already given by `{first.name}`."
                fix = "give it another name, or delete one of the two."
                twice.append(Breach(where, line, "fact", message, fix, page))
    return facts, twice


def _fact_breaches(project: Project, trios: list[Trio], runs: Mapping[str, Sequence[Run]]) -> Iterator[Breach]:
    """Facts that the selected pages rest on, and facts of theirs that other pages rest on, or that none does."""
    selected = {trio.name for trio in trios}
    named = [(page, *fact) for page in project.pages for fact in page.named_facts if {page.name, fact[1]} & selected]
    owners = {owner for _, _, owner, _ in named} - runs.keys()
    missing = [path for trio in project.trios if trio.name in owners for path in trio.snippets]
    done = [*runner.run(missing, project.root, examples=False), *(run for each in runs.values() for run in each)]
    facts, twice = _facts(project, done)
    yield from twice
    failed = {project.page_of(run.snippet) for run in done if run.error}
    unknown = set()
    for page, line, owner, name in named:
        if name not in facts.get(owner, {}) and owner not in failed:
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
    for fact in (fact for page in project.pages for fact in page.facts if not fact.problem):
        if {fact.page.name, fact.owner} & selected and fact.name in facts.get(fact.owner, {}):
            value, path = facts[fact.owner][fact.name]
            if not outputs.same_line(fact.text, value, runner.read_head(path).tolerance.get("facts", outputs.DEFAULT)):
                source = f"{project.relative(path)} computes `{value}`"
                message = f"the page says `{fact.text}` for the fact `{fact.name}`; {source}."
                fix = f"if that is right: fieldguide record {fact.owner}"
                yield Breach(project.relative(fact.page.path), fact.line, "fact", message, fix, fact.page.name)


def _fact_line(path: Path, name: str) -> int:
    """Where a snippet names a fact; the first line where the name is computed."""
    lines = enumerate(path.read_text(encoding="utf-8").split("\n"), 1)
    return next((number for number, line in lines if f'"{name}"' in line), 1)


def record(project: Project, trios: Iterable[Trio], *, measured: bool = False, again: bool = True,
           done: OnDone | None = None) -> tuple[list[Change], list[Breach]]:  # fmt: skip
    """Rewrite outputs, figures and facts from two runs of each snippet, or from one; what changed, and why not the rest.

    Nothing is written for a snippet that failed, or that did not do the same twice. With `measured`, the
    numbers in `# measured` lines are rewritten as well. `done` is called with each run as it ends.
    """
    paths = [path for trio in trios for path in trio.snippets]
    changes: list[Change] = []
    refused: list[Breach] = []
    sound = []
    if again:
        runs = runner.record_runs(paths, project.root, on_done=done)
    else:
        runs = [(run, run) for run in runner.run(paths, project.root, on_done=done)]
    for first, second in runs:
        if found := failures(project, [first, second])[:1] or list(_unstable(project, first, second)):
            refused += found
            continue
        sound.append(first)
        for path, text in _files(first, measured):
            changes += rewrite(path, text)
    facts, twice = _facts(project, sound)
    for page in project.pages:
        text = page.text
        for fact in reversed([fact for fact in page.facts if not fact.problem]):
            value, _ = facts.get(fact.owner, {}).get(fact.name, (fact.text, None))
            if value != fact.text:
                text = text[: fact.start] + html.escape(value, quote=False) + text[fact.end :]
        changes += rewrite(page.path, text)
    return changes, sorted({*refused, *twice})


def _unstable(project: Project, first: Run, second: Run) -> Iterator[Breach]:
    """What changed between two runs of the same code: nothing may, unless it is declared."""
    again = {made.what: made.text for made in _made(second)}
    for made in _made(first):
        other = keep_measured(made.text, again.get(made.what, ""))
        line = first_difference(made.text, other, made.tolerance) if made.tolerance else int(made.text != other)
        if line:
            message = f"{made.what} changes from run to run:{_block(diff(made.text, other, line))}"
            yield Breach(project.relative(first.snippet), made.line, "unstable", message, UNSTABLE)


def _files(run: Run, measured: bool) -> Iterator[tuple[Path, str]]:
    """What is to be recorded of a run: all but figures that differ as little as they may."""
    old = {} if measured else _sections(run.snippet)
    if run.sections:
        sections = {name: keep_measured(old.get(name, ""), text) for name, text in run.sections.items()}
        yield output_file(run.snippet), outputs.render(sections)
    for made in _made(run):
        if made.what.startswith("figure") and (not made.recorded or first_difference(made.recorded, made.text, FIGURE)):
            yield run.snippet.with_name(f"{made.name.removeprefix('figure_')}.svg"), made.text
