"""A page is read by line; here this reading is held against Python-Markdown's own."""

from __future__ import annotations

import re
from pathlib import Path

import markdown
import pytest
from markdown.extensions.toc import slugify

from fieldguide.guide import regions
from fieldguide.guide.page import Page
from fieldguide.guide.project import Project

TICKS = "`" * 3
SAMPLE = f"""# The *title* of `kv_cache`

Text with `{"## no heading"}` and a comment <!-- [dead](dead.md)

## Not a heading --> end.

## Twice
## Twice
## With an id {{#with-an-id}}
## A [link](other.md) and **bold_text** & more
## Größe, in GiB: 2·L·K·D

{TICKS}text
## in a fence
[dead](dead.md) [@nobody]
{TICKS}

~~~~markdown
{TICKS}python
## still in a fence
{TICKS}
~~~~

- a list

    {TICKS}python
    ## indented fence
    {TICKS}

Inline `[dead](dead.md)` and ``a ` b [@nobody]``, math $E[x](t)$ and $$
f[a](b)
$$ then <data value="one">1 &amp; 2</data> and [@one; @two, §3], costs $5 to [see @one2020] [a@b.org]
or `<data value="no">0</data>` and <data value='odd'>1</data> and <data value="a/b:two">2</data>.

{TICKS}quiz
question: How large [@three]?
numeric: {{fact: four}}
why: So, <data value="three">3</data>.
{TICKS}
"""


def page(text: str, body_line: int = 1) -> Page:
    return Page(Path("docs/a/b.md"), "a/b", text, {}, body_line)


def headings(page: Page) -> list[tuple[int, str]]:
    """Level and identifier, as Python-Markdown forms it, of every heading that we find."""
    return [(heading.level, slugify(heading.text, "-")) for heading in page.headings]


def rendered(text: str) -> list[tuple[int, str]]:
    """Level and identifier of every heading that Python-Markdown finds."""
    converter = markdown.Markdown(extensions=["toc", "attr_list", "pymdownx.superfences"])
    converter.convert(text)

    def flat(tokens):
        for token in tokens:
            yield token["level"], re.sub(r"_\d+$", "", token["id"])
            yield from flat(token["children"])

    return list(flat(converter.toc_tokens))


def test_headings_are_those_of_python_markdown():
    sample = SAMPLE.replace("<!-- [dead](dead.md)\n\n## Not a heading -->", "")
    expected = rendered(sample)
    assert headings(page(sample)) == expected
    assert len(expected) == 6


@pytest.mark.parametrize("name", [page.name for page in Project().pages])
def test_headings_of_every_page_are_those_of_python_markdown(name):
    real = Project().by_name[name]
    text = "\n" * (real.body_line - 1) + real.body
    # a heading in a block of raw HTML is rendered by another extension
    assert [heading for heading in rendered(text) if heading not in headings(page(text))] == []


def test_lines_are_those_of_the_file():
    read = page("---\ntitle: x\n---\n" + SAMPLE, 4)
    lines = read.text.split("\n")
    for heading in read.headings:
        assert heading.text.split()[0] in lines[heading.line - 1]


def test_citations_in_code_and_mathematics_are_not_citations():
    assert [citation.key for citation in page(SAMPLE).citations] == ["one", "two", "", "three"]


def test_facts_in_code_are_not_facts_and_those_of_quizzes_are():
    read = page(SAMPLE)
    assert [(f.owner, f.name, f.text) for f in read.facts if not f.problem] == [
        ("a/b", "one", "1 & 2"),
        ("a/b", "two", "2"),
        ("a/b", "three", "3"),
    ]
    assert all(read.text[f.start : f.end].startswith(f.text[0]) for f in read.facts)
    assert [f.problem for f in read.facts if f.problem] == ["is not written in the form that is compared"]
    assert [name for _, _, name in read.named_facts] == ["one", "two", "three", "four"]
    for line, _, name in read.named_facts:
        assert name in read.text.split("\n")[line - 1]


def test_fences_keep_their_lines_and_lose_their_indentation():
    fences = page(SAMPLE).fences
    assert [fence.language for fence in fences] == ["text", "markdown", "python", "quiz"]
    assert fences[2].body == ("## indented fence",)
    for fence in fences:
        assert SAMPLE.split("\n")[fence.line - 1].strip().startswith(("`", "~"))


@pytest.mark.parametrize(
    ("text", "names", "lines"),
    [
        ("# --8<-- [start:a]\nx\n# --8<-- [end:a]\n", {"a": ("x",)}, []),
        ("# --8<-- [start:a]\n# --8<-- [start:b]\nx\n# --8<-- [end:b]\ny\n# --8<-- [end:a]\n", {"a": ("x", "y"), "b": ("x",)}, []),
        ("# --8<-- [start:a]\n# --8<-- [start:b]\n# --8<-- [end:a]\n# --8<-- [end:b]\n", {"a": (), "b": ()}, [3]),
        ("# --8<-- [start:a]\n# --8<-- [end:b]\n", {}, [1, 2]),
        ("# --8<-- [begin:a]\n", {}, [1]),
    ],
)  # fmt: skip
def test_regions(text, names, lines):
    found, problems = regions.read(text)
    assert {name: region.lines for name, region in found.items()} == names
    assert [problem.line for problem in problems] == lines
