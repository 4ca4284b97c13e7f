"""Rules on code blocks: what a page shows is a region of a file that runs, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fieldguide.guide import regions as code
from fieldguide.guide.markup import Fence
from fieldguide.guide.project import Page
from fieldguide.proof.rules.guide import Finding, Guide, near, output_of, rule

INCLUDE = re.compile(r"""^[ \t>]*-+8<-+[ \t]+(["'])(?P<target>.+?)\1[ \t]*$""")
BLOCK = re.compile(r"^[ \t>]*-+8<-+[ \t]*$")
LINES = re.compile(r"[\d:,-]*")
PYTHON = frozenset({"python", "py", "python3", "py3", "pycon", "pyi", "ipython", "ipython3", "python-repl"})
MAX_REGION = 40
MAX_SNIPPET = 150


@dataclass(frozen=True)
class Include:
    """One `--8<-- "file:region"` line of a page."""

    line: int
    target: str

    @property
    def file(self) -> str:
        """Path below `snippets/`."""
        return self.target.partition(":")[0]

    @property
    def region(self) -> str:
        """What follows the first colon."""
        return self.target.partition(":")[2]


def includes(page: Page) -> list[Include]:
    """Every include of a page, in fences or not: the Snippets extension looks everywhere."""
    return [
        Include(number, found["target"])
        for number, line in enumerate(page.text.split("\n"), 1)
        if number >= page.body_line and (found := INCLUDE.match(line))
    ]


@rule("include", "A Python fence is exactly one include; so is a recorded output.")
def one_include(guide: Guide) -> Iterator[Finding]:
    """Code that is written on the page instead of shown from a file that runs."""
    for page in guide.pages:
        for fence in guide.markup[page.name].fences:
            if not fence.closed:
                yield (
                    page.path,
                    fence.line,
                    "the fence is never closed.",
                    "end it with a line of the same marks.",
                )
            elif fence.language in PYTHON:
                yield from _must_include(page, fence, ".py", "a Python fence")
            elif fence.title.lower() == "output":
                yield from _must_include(page, fence, ".out.txt", "an output")
        if page.area in guide.area_slugs:
            markup = guide.markup[page.name]
            for tag in re.finditer(r"<pre\b", markup.prose, re.I):
                yield (
                    page.path,
                    markup.line(tag.start()),
                    "a raw `<pre>` block is code that no test runs.",
                    "show a region of a snippet; pseudo-code goes in a `text` fence.",
                )


def _must_include(page: Page, fence: Fence, suffix: str, what: str) -> Iterator[Finding]:
    lines = [line for line in fence.body if line.strip()]
    found = INCLUDE.match(lines[0]) if len(lines) == 1 else None
    if found is None:
        why = "holds code of its own" if suffix == ".py" else "is typed by hand"
        why = why if lines else "is empty"
        yield (
            page.path,
            fence.line,
            f"{what} must be exactly one include; this one {why}.",
            f'write one line `--8<-- "area/page/name{suffix}:region"`; pseudo-code goes in a `text` fence.',
        )
        return
    include = Include(fence.line + 1, found["target"])
    if not include.file.endswith(suffix) or not include.region:
        yield (
            page.path,
            fence.line,
            f"{what} must include a region of a `{suffix}` file, not `{include.target}`.",
            f'write `--8<-- "area/page/name{suffix}:region"`.',
        )
    elif fence.language in PYTHON and fence.title:
        yield (
            page.path,
            fence.line,
            "the title of a block of code is set by the site: the path of what it shows.",
            "delete `title=…`.",
        )


@rule("region", "Every include names a file and a region that exist, by name and not by line.")
def known_region(guide: Guide) -> Iterator[Finding]:
    """Includes of what is not there."""
    base = guide.project.snippets
    files = [path.relative_to(base).as_posix() for path in (*guide.project.snippet_files, *guide.outputs)]
    for page in guide.pages:
        for number, line in enumerate(page.text.split("\n"), 1):
            if number >= page.body_line and BLOCK.match(line):
                yield (
                    page.path,
                    number,
                    "an include of several files at once cannot be followed.",
                    'write one line `--8<-- "area/page/name.py:region"` for each.',
                )
        for include in includes(page):
            if found := _missing(guide, include, files):
                yield page.path, include.line, *found


def _missing(guide: Guide, include: Include, files: list[str]) -> tuple[str, str] | None:
    """Why an include shows nothing, and what to do; None where it shows a region."""
    path = guide.project.snippets / include.file
    known = guide.regions(path)[0] if path.is_file() else {}
    if include.region in known or (path.is_file() and not include.region):
        return None
    if include.region and LINES.fullmatch(include.region):
        return (
            f"`{include.target}` includes by line number, which moves with every edit.",
            "mark a region `# --8<-- [start:name]` … `[end:name]` and name it.",
        )
    snippet = path.with_name(path.name.removesuffix(".out.txt") + ".py")
    tree = guide.tree(snippet) if snippet != path and snippet.is_file() else None
    if tree is not None and include.region in code.examples(tree):
        return f"the output of `example_{include.region}` is not recorded yet.", "run `fieldguide record`."
    if not path.is_file():
        return (
            f"there is no file `snippets/{include.file}`. {near(include.file, files)}",
            "correct the path, which is taken from `snippets/`.",
        )
    return (
        f"`{include.file}` has no region `{include.region}`. {near(include.region, known)}",
        "correct the name, or mark the region in the file.",
    )


@rule("region-markers", "Region markers are balanced, readable and unique in their file.")
def balanced_markers(guide: Guide) -> Iterator[Finding]:
    """Markers that start without end, end without start, overlap, repeat or are misspelled."""
    for path in (*guide.project.snippet_files, *guide.outputs):
        for line, message, fix in guide.regions(path)[1]:
            yield path, line, message, fix


@rule("unshown-region", "Every region is shown by some page.")
def shown(guide: Guide) -> Iterator[Finding]:
    """Regions that nobody reads."""
    base = guide.project.snippets
    seen = {(base / include.file, include.region) for page in guide.pages for include in includes(page)}
    for path in (*guide.project.snippet_files, *guide.outputs):
        for region in guide.regions(path)[0].values():
            if (path, region.name) not in seen:
                yield (
                    path,
                    region.line,
                    f"no page shows the region `{region.name}`.",
                    "show it on the page, or delete its markers or the code.",
                )


@rule("length", f"A region has at most {MAX_REGION} lines, a snippet at most {MAX_SNIPPET}.")
def length(guide: Guide) -> Iterator[Finding]:
    """Code that does not fit a sitting."""
    for path in guide.project.snippet_files:
        for region in guide.regions(path)[0].values():
            if region.length > MAX_REGION:
                yield (
                    path,
                    region.line,
                    f"the region `{region.name}` has {region.length} lines; {MAX_REGION} are allowed.",
                    "split it at its natural joints, and show the parts one after another.",
                )
        lines = guide.text(path).rstrip("\n").count("\n") + 1
        if lines > MAX_SNIPPET:
            yield (
                path,
                MAX_SNIPPET + 1,
                f"the snippet has {lines} lines; {MAX_SNIPPET} are allowed.",
                "split it by aspect, one noun a file, in the same folder.",
            )


@rule(
    "recorded",
    "Every example has one section in the recorded output, in the same order, and no section is left over.",
)
def recorded(guide: Guide) -> Iterator[Finding]:
    """Outputs that do not belong to the examples of their snippet."""
    for path in guide.project.snippet_files:
        tree, output = guide.tree(path), output_of(path)
        if tree is None:
            continue
        owner = guide.owners.get(path)
        fix = f"run `fieldguide record {owner.name if owner else path.parent.name}`."
        examples = code.examples(tree)
        sections = guide.regions(output)[0] if output.is_file() else {}
        for name, line in examples.items():
            if name not in sections:
                yield path, line, f"`example_{name}` has no section `{name}` in `{output.name}`.", fix
        for name, section in sections.items():
            if name not in examples:
                yield (
                    output,
                    section.line,
                    f"`{path.name}` has no `example_{name}` that prints this section. {near(name, examples)}",
                    fix,
                )
        shared = [name for name in examples if name in sections]
        order = sorted(shared, key=lambda name: sections[name].line)
        if shared != order:
            wrong = next(got for got, expected in zip(order, shared) if got != expected)
            yield output, sections[wrong].line, f"the section `{wrong}` is out of order.", fix
        yield from _loose_lines(guide, output, fix)
    for output in guide.outputs:
        if not output.with_name(output.name.removesuffix(".out.txt") + ".py").is_file():
            yield (
                output,
                1,
                "recorded output of a snippet that does not exist.",
                "delete it, or restore the snippet.",
            )


def _loose_lines(guide: Guide, output: Path, fix: str) -> Iterator[Finding]:
    if not output.is_file():
        return
    inside = 0
    for number, line in enumerate(guide.text(output).split("\n"), 1):
        if found := code.MARKER.search(line):
            inside += 1 if found[1] == "start" else -1
        elif inside == 0 and line.strip():
            yield output, number, f"a line outside every section: `{line.strip()[:40]}`.", fix
            return
