"""Every lab runs again and prints what was recorded; a lab that changed is told apart from one that fails."""

import shutil

import nbformat
import pytest

from fieldguide.guide.project import Project
from fieldguide.proof import notebooks
from fieldguide.site import notebooks as pages

PROJECT = Project()


@pytest.mark.parametrize("source", notebooks.sources(PROJECT), ids=lambda source: source.stem)
def test_the_recorded_run_still_holds(source):
    breaches = notebooks.verify(PROJECT, [source.stem])
    assert not breaches, "\n" + "\n".join(map(str, breaches))


@pytest.fixture
def lab(tmp_path):
    """A project with one tiny lab, recorded."""
    (tmp_path / "docs/labs").mkdir(parents=True)
    (tmp_path / "docs/labs/tiny.py").write_text(
        "# %% [markdown]\n# # Tiny\n\n# %%\nn = 2\nprint(n, 'apples')\nprint(f'{n * 3.1} ms  # measured')\n"
    )
    project = Project(tmp_path)
    changes, refused = notebooks.record(project)
    assert [c.path.name for c in changes] == ["tiny.ipynb"] and not refused
    return project


def rewrite(lab, old, new):
    path = lab.docs / "labs/tiny.py"
    path.write_text(path.read_text().replace(old, new))


def test_an_unchanged_lab_is_verified_and_recorded_to_the_same_bytes(lab):
    before = (lab.docs / "labs/tiny.ipynb").read_bytes()
    assert notebooks.verify(lab) == []
    assert notebooks.record(lab) == ([], [])
    assert (lab.docs / "labs/tiny.ipynb").read_bytes() == before
    assert str(lab.root).encode() not in before


def test_another_output_is_found_with_cell_and_line(lab):
    target = lab.docs / "labs/tiny.ipynb"
    target.write_text(target.read_text().replace("2 apples", "3 apples").replace("6.2 ms", "9.9 ms"))
    (breach,) = notebooks.verify(lab)
    assert (breach.path, breach.line) == ("docs/labs/tiny.py", 4)
    assert "cell 2 printed another line 1" in breach.message and "expected  3 apples" in breach.message


def test_a_source_that_was_not_recorded_is_found(lab):
    rewrite(lab, "apples", "pears")
    (breach,) = notebooks.verify(lab)
    assert "cell 2 is not the one that was recorded" in breach.message


def test_a_lab_that_fails_is_named_and_loses_nothing(lab):
    before = (lab.docs / "labs/tiny.ipynb").read_bytes()
    rewrite(lab, "n = 2", "n = 1 / 0")
    changes, (breach,) = notebooks.record(lab)
    assert changes == [] and "cell 2 did not run: it raised ZeroDivisionError" in breach.message
    assert (lab.docs / "labs/tiny.ipynb").read_bytes() == before


def test_a_page_of_a_lab_renders_mathematics_figures_and_links():
    notebook = nbformat.v4.new_notebook(
        cells=[
            nbformat.v4.new_markdown_cell("# T\n\n$x^2$ and [a page](../inference/kv-cache.md#quantize-it)."),
            nbformat.v4.new_code_cell("f()", outputs=[nbformat.v4.new_output("stream", text="1\n")]),
            nbformat.v4.new_code_cell(
                "g()", outputs=[nbformat.v4.new_output("display_data", {"image/svg+xml": "<svg>\n\n<path/></svg>"})]
            ),
        ]
    )
    html = pages.render(notebook)
    assert '<span class="fg-math">' in html and 'href="../../inference/kv-cache/#quantize-it"' in html
    assert '<div class="fg-plot">\n<svg>\n<path/></svg>\n</div>' in html
    assert "fg-output" in html


def test_the_templates_are_found(tmp_path):
    pages.install()
    from mkdocs_jupyter.nbconvert2 import nb2html, nb2md

    target = tmp_path / "tiny.ipynb"
    shutil.copy(PROJECT.docs / "labs/decode-bandwidth.ipynb", target)
    html, text = nb2html(str(target)), nb2md(str(target))
    assert "jp-Notebook" not in html and "<h1" in html
    assert text.lstrip().startswith("# How fast can this machine decode?")
