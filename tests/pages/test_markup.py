"""The contract reads Markdown by line; here its reading is held against Python-Markdown's own."""

from __future__ import annotations

import ast
from pathlib import Path

import markdown
import pytest

from fieldguide.guide import regions as code
from fieldguide.guide.markup import Markup
from fieldguide.guide.project import Page, Project
from fieldguide.proof.rules.citations import CITATION
from fieldguide.proof.rules.links import _links

TICKS = "`" * 3
SAMPLE = f"""# The *title* of `kv_cache`

Text with `{"## no heading"}` and a comment <!-- [dead](dead.md)

## Not a heading --> end.

## Twice
## Twice
## With an id {{#own}}
## A [link](other.md) and **bold_text** & more
## Größe, in GiB: 2·L·K·D

Setext
------

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
$$ then [alive](other.md#x "title") and [@one; @two, §3], costs $5 to [here](<a b.md>).

[ref]: third.md
<a href='fourth.md'>raw</a> ![figure](fifth.svg) [![image](sixth.svg)](seventh.md)
"""


def page(text: str, body_line: int = 1) -> Page:
    return Page(Path("docs/a/b.md"), "a/b", text, {}, body_line)


def rendered(text: str) -> list[tuple[int, str]]:
    """Level and identifier of every heading that Python-Markdown finds."""
    converter = markdown.Markdown(extensions=["toc", "attr_list", "pymdownx.superfences"])
    converter.convert(text)

    def flat(tokens):
        for token in tokens:
            yield token["level"], token["id"]
            yield from flat(token["children"])

    return list(flat(converter.toc_tokens))


def test_headings_are_those_of_python_markdown():
    sample = SAMPLE.replace("<!-- [dead](dead.md)\n\n## Not a heading -->", "")
    expected = rendered(sample)
    assert [(h.level, h.id) for h in Markup(page(sample)).headings] == expected
    assert len(expected) == 7


@pytest.mark.parametrize("name", [page.name for page in Project().pages])
def test_headings_of_every_page_are_those_of_python_markdown(name):
    real = Project().by_name[name]
    text = "\n" * (real.body_line - 1) + real.body
    found = [(h.level, h.id) for h in Markup(page(text)).headings]
    # a heading in a block of raw HTML is rendered by another extension
    assert [h for h in rendered(text) if h not in found] == []


def test_lines_are_those_of_the_file():
    markup = Markup(page("---\ntitle: x\n---\n" + SAMPLE, 4))
    lines = markup.page.text.split("\n")
    for heading in markup.headings:
        assert heading.text.split()[0] in lines[heading.line - 1]


def test_links_in_code_comments_and_mathematics_are_not_links():
    targets = [target for _, target, _ in _links(Markup(page(SAMPLE)))]
    assert sorted(targets) == sorted(
        ["other.md", "other.md#x", "a b.md", "third.md", "fourth.md", "fifth.svg", "sixth.svg", "seventh.md"]
    )
    assert [t for _, t, loaded in _links(Markup(page(SAMPLE))) if loaded] == ["fifth.svg", "sixth.svg"]


def test_citations_in_code_are_not_citations():
    assert [found["inside"] for found in CITATION.finditer(Markup(page(SAMPLE)).plain)] == ["@one; @two, §3"]


def test_fences_keep_their_lines_and_lose_their_indentation():
    fences = Markup(page(SAMPLE)).fences
    assert [fence.language for fence in fences] == ["text", "markdown", "python"]
    assert fences[2].body == ("## indented fence",)
    for fence in fences:
        assert SAMPLE.split("\n")[fence.line - 1].strip().startswith(("`", "~"))


@pytest.mark.parametrize(
    ("body", "names"),
    [
        ('return {"a": "1", "b": "2"}', "ab"),
        ('x = {"a": "1"}\n    x["b"] = "2"\n    return x', "ab"),
        ('x = {}\n    x.update(a="1")\n    x.update({"b": "2"})\n    x |= {"c": "3"}\n    return x', "abc"),
        ('return {**more(), "b": "2"}', "mb"),
        ('return more() | dict(b="2")', "mb"),
        ('sizes = {"hidden": 1}\n    return {"a": str(sizes)}', "a"),
    ],
)
def test_names_of_facts_are_read_without_running(body, names):
    source = f'def more():\n    return {{"m": "0"}}\n\n\ndef facts():\n    {body}\n'
    found, problems = code.fact_names(ast.parse(source))
    assert ("".join(name for name, _ in found), problems) == (names, [])


@pytest.mark.parametrize(
    "body",
    [
        'return {f"a{n}": "1" for n in range(3)}',
        "return compute()",
        'x = {}\n    x[key()] = "1"\n    return x',
    ],
)
def test_names_that_only_running_tells_are_refused(body):
    assert code.fact_names(ast.parse(f"def facts():\n    {body}\n"))[1]
