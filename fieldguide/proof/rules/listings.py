"""Rules on code: what a page shows is a region of a file that runs, and each of those is shown."""

import re
from collections.abc import Iterator

from fieldguide import runner
from fieldguide.guide import drills, outputs
from fieldguide.guide.names import near
from fieldguide.guide.outputs import output_file
from fieldguide.guide.page import Fence, Include
from fieldguide.guide.project import BreachError, Project
from fieldguide.proof.rules.rule import Finding, rule

LINES = re.compile(r"[\d:,-]+")
PYTHON = frozenset({"python", "py", "python3", "py3", "pycon", "pyi", "ipython", "ipython3", "python-repl"})
MAX_REGION = 40
MAX_SNIPPET = 150


@rule("include", "A Python fence is exactly one include, without a title; so is a recorded output.")
def one_include(project: Project) -> Iterator[Finding]:
    """Code that is written on the page instead of shown from a file that runs."""
    for page in project.every_page:
        for fence in page.fences:
            python, output = fence.language in PYTHON, fence.title.lower() == "output"
            if not fence.closed:
                fix = "end it with a line of the same marks."
                yield Finding(page.path, fence.line, "the fence is never closed.", fix)
            elif python or output:
                found = _held("a Python fence", ".py", fence) if python else _held("an output", ".out.txt", fence)
                yield from (Finding(page.path, line, message, fix) for line, message, fix in found)
            if python and fence.title:
                yield Finding(page.path, fence.line, "the title of code is set by the site.", "delete `title=…`.")
        if page.area in project.area_slugs:
            for tag in re.finditer(r"<pre\b", page.prose, re.I):
                message = "a raw `<pre>` block is code that no test runs."
                fix = "show a region of a snippet; pseudo-code goes in a `text` fence."
                yield Finding(page.path, page.line(tag.start()), message, fix)


def _held(what: str, suffix: str, fence: Fence) -> Iterator[tuple[int, str, str]]:
    fix = f'write one line `--8<-- "area/page/name{suffix}:region"`; pseudo-code goes in a `text` fence.'
    if fence.include is None:
        why = "holds code of its own" if suffix == ".py" else "is typed by hand"
        why = why if fence.text.strip() else "is empty"
        yield fence.line, f"{what} must be exactly one include; this one {why}.", fix
    elif not fence.include.file.endswith(suffix):
        yield fence.include.line, f"{what} must show a `{suffix}` file, not `{fence.include.file}`.", fix
    elif not fence.include.region:
        yield fence.include.line, f"`{fence.include.target}` shows a whole file.", fix


@rule("region", "Region markers are balanced; an include names a region that exists; each region is shown by a page.")
def regions(project: Project) -> Iterator[Finding]:
    """Malformed markers, includes of what is not there, and regions that nobody reads."""
    base = project.snippets
    files = [path.relative_to(base).as_posix() for path in (*project.snippet_files, *project.outputs)]
    shown = set()
    for page in project.every_page:
        for drill in drills.load(project, page)[0]:
            shown.add((base / page.folder / drill.place[0], drill.place[1]))
        for include in page.includes:
            shown.add((base / include.file, include.region))
            if missing := _missing(project, include, files):
                yield Finding(page.path, include.line, *missing)
            elif ".out." in include.file and page.area in project.area_slugs and page.folder not in include.file:
                fix = "link to that page, or print what is needed in a snippet of this one."
                yield Finding(page.path, include.line, f"`{include.target}` is the output of another page.", fix)
    for path in project.snippet_files:
        yield from (Finding.of(path, problem) for problem in project.regions(path)[1])
    for path in (*project.snippet_files, *project.outputs):
        for region in project.regions(path)[0].values():
            if (path, region.name) not in shown:
                message = f"no page shows the region `{region.name}`."
                fix = "show it on the page, or delete its markers or the code."
                yield Finding(path, region.line, message, fix)


def _missing(project: Project, include: Include, files: list[str]) -> tuple[str, str] | None:
    """Why an include shows nothing, and what to do; None where it shows a region."""
    path = project.snippets / include.file
    known = project.regions(path)[0] if path.is_file() else {}
    if include.region in known or (path.is_file() and not include.region):
        return None
    if LINES.fullmatch(include.region):
        message = f"`{include.target}` includes by line number, which moves with every edit."
        return message, "mark a region `# --8<-- [start:name]` … `[end:name]` and name it."
    snippet = path.with_name(path.name.replace(".out.txt", ".py"))
    if snippet != path and snippet.is_file() and include.region in runner.examples(snippet):
        return None  # it is not recorded yet, says the rule `recorded`
    if not path.is_file():
        message = f"there is no file `snippets/{include.file}`. {near(include.file, files)}"
        return message, "correct the path, which is taken from `snippets/`."
    message = f"`{include.file}` has no region `{include.region}`. {near(include.region, known)}"
    return message, "correct the name, or mark the region in the file."


@rule("length", f"A region has at most {MAX_REGION} lines, a snippet at most {MAX_SNIPPET}.")
def length(project: Project) -> Iterator[Finding]:
    """Code that does not fit a sitting."""
    for path in project.snippet_files:
        for region in project.regions(path)[0].values():
            if len(region.lines) > MAX_REGION:
                message = f"the region `{region.name}` has {len(region.lines)} lines; {MAX_REGION} are allowed."
                fix = "split it at its natural joints, and show the parts one after another."
                yield Finding(path, region.line, message, fix)
        lines = path.read_text(encoding="utf-8", errors="replace").rstrip("\n").count("\n") + 1
        if lines > MAX_SNIPPET:
            message = f"the snippet has {lines} lines; {MAX_SNIPPET} are allowed."
            fix = "split it by aspect, one noun a file, in the same folder."
            yield Finding(path, MAX_SNIPPET + 1, message, fix)


@rule("recorded", "Every example has one section in the recorded output, and none is left over.")
def recorded(project: Project) -> Iterator[Finding]:
    """Outputs that do not belong to the examples of their snippet."""
    for snippet in project.snippet_files:
        examples, output = runner.examples(snippet), output_file(snippet)
        fix = f"run `fieldguide record {project.page_of(snippet) or snippet.parent.name}`."
        if not output.is_file():
            if examples:
                message = f"nothing has been recorded: there is no `{output.name}`."
                yield Finding(snippet, next(iter(examples.values())), message, fix)
            continue
        try:
            sections = outputs.parse(output).keys()
        except BreachError as error:
            yield Finding(output, error.breach.line, error.breach.message, error.breach.fix)
            continue
        lines = {name: region.line for name, region in project.regions(output)[0].items()}
        for name in examples.keys() - sections:
            message = f"`example_{name}` has no section `{name}` in `{output.name}`."
            yield Finding(snippet, examples[name], message, fix)
        for name in sections - examples.keys():
            message = f"`{snippet.name}` has no `example_{name}` that prints this section. {near(name, examples)}"
            yield Finding(output, lines[name], message, fix)
    for output in project.outputs:
        if not output.with_name(output.name.replace(".out.txt", ".py")).is_file():
            message = "recorded output of a snippet that does not exist."
            yield Finding(output, 1, message, "delete it, or restore the snippet.")
