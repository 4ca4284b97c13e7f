"""The Markdown extension: what it renders, and that whatever it cannot render ends the build with file and line."""

import json
import os
import re
import shutil
import subprocess
import sys
from html import unescape
from xml.etree import ElementTree

import pytest
from markdown import Markdown

from fieldguide.guide.project import ROOT
from fieldguide.guide.sources import Entry
from fieldguide.site import build as site
from fieldguide.site.markdown import BuildError, FieldGuide, citing, tex

HEAD = "---\ntitle: T\narea: inference\nlevel: core\nstatus: complete\nprerequisites: [inference/index, rl/ppo]\n---\n"
QUIZ = "```quiz\nquestion: Is `x` $x^2$?\nanswers:\n  - {text: more, correct: true, why: because}\n  - {text: less, why: never}\n```\n"

OPTIONS = {"pymdownx.arithmatex": {"generic": True}, "pymdownx.highlight": {"pygments_lang_class": True}}


@pytest.fixture
def project(tmp_path):
    """A project with the real curriculum and sources, and no page but the one under test."""
    (tmp_path / "docs/inference").mkdir(parents=True)
    for name in ("curriculum.yml", "references.bib"):
        shutil.copy(ROOT / "docs" / name, tmp_path / "docs" / name)
    (tmp_path / "docs/inference/index.md").write_text("---\ntitle: I\nstatus: planned\n---\n# I\n")
    (tmp_path / "node_modules").symlink_to(ROOT / "node_modules")
    (tmp_path / "snippets/inference").mkdir(parents=True)
    return tmp_path


def render(project, body, name="inference/kv-cache"):
    """Write the page, then render it as a generator does: without its name."""
    (project / f"docs/{name}.md").write_text(HEAD + body, encoding="utf-8")
    extensions = [
        FieldGuide(root=str(project)),
        "toc",
        "tables",
        "pymdownx.arithmatex",
        "pymdownx.details",
        "pymdownx.highlight",
        "pymdownx.superfences",
    ]
    return Markdown(extensions=extensions, extension_configs=OPTIONS).convert(body)


def test_citations_become_links_and_a_list_of_sources(project):
    html = render(project, "# T\n\nGQA [@ainslie2023gqa; @kwon2023vllm, §4].\n\n## Sources\n")
    assert '(<a href="#ref-ainslie2023gqa" title="GQA: ' in html
    assert "Kwon et al. 2023</a>, §4)" in html
    sources = html[html.index("fg-sources") :]
    assert sources.index("ref-ainslie2023gqa") < sources.index("ref-kwon2023vllm")
    assert 'href="https://arxiv.org/abs/2309.06180"' in sources and "Read 2026-11-21." in sources


def test_a_citation_in_code_is_left_alone(project):
    html = render(project, "# T\n\n`[@nobody]`\n\n```text\n[@nobody]\n```\n")
    assert html.count("[@nobody]") == 2


@pytest.mark.parametrize(
    ("body", "line", "message"),
    [
        ("# T\n\ntext\n\nA claim [@nobody2020].\n", 12, "no source is called 'nobody2020'"),
        ("# T\n\n$$\n\\frac{1}{\n$$\n", 11, "the formula"),
        ("# T\n\nInline $\\unknowncommand{x}$.\n", 10, "Undefined control sequence"),
        ("# T\n\n```quiz\nquestion: Q\nanswers:\n  - {text: a, correct: true, why: w}\n```\n", 11, "needs a right answer and a wrong one"),
        ("# T\n\n```quiz\nquestion: Q\nanswers:\n  - {text: a, correct: true}\n  - {text: b, why: w}\n```\n", 11, "has no `why`"),
        ("# T\n\n```quiz\nquestion: [\n```\n", 11, "the quiz is not YAML"),
        ("# T\n\n```quiz\nquestion: Q\nnumeric: {fact: nowhere}\nwhy: w\n```\n", 11, "the fact 'nowhere' stands on no page"),
        ("# T\n\n" + QUIZ.replace("because", '"[@nobody]"'), 13, "no source is called 'nobody'"),
        ("# T\n\n" + QUIZ.replace("$x^2$", "$x^$"), 11, "the formula 'x^' is wrong"),
        ("# T\n\n" + QUIZ.replace("because", '"[a](b.md)"'), 13, "the link [a](b.md) cannot stand"),
        ("# T\n\n" + QUIZ + "\n```quiz\nquestion: Open\n", 17, "a quiz fence is never closed"),
        ("# T\n\n```figure\nfigure: sizes:lost\ncaption: C\nalt: A\n```\n", 11, "there is no lost.svg beside it"),
        ("# T\n\n```coverage\n```\n".replace("coverage", "quiz"), 10, "the quiz is empty"),
        ("# T\n\n```calc\nfunction: missing:f\ntitle: T\n```\n", 11, "there is no snippets/inference/kv_cache/missing.py"),
    ],
)  # fmt: skip
def test_what_cannot_be_rendered_ends_the_build_with_file_and_line(project, body, line, message):
    with pytest.raises(BuildError) as caught:
        render(project, body)
    assert str(caught.value.message).startswith(f"docs/inference/kv-cache.md:{line}: ")
    assert message in caught.value.message


def test_a_page_that_cannot_be_read_ends_the_build(project):
    (project / "docs/inference/vllm.md").write_bytes(b"---\ntitle: V\n---\n# caf\xe9\n")
    with pytest.raises(BuildError, match=r"docs/inference/vllm.md:4: the page is not UTF-8"):
        render(project, "# T\n")


def test_formulas_are_rendered_with_mathml_beside_them(project):
    html = render(project, "# T\n\n$x^2$ costs \\$5.\n\n$$\ny = \\frac{1}{2}\n$$\n")
    assert html.count("<math") == 2 and 'class="fg-math-block" tabindex="0"' in html
    assert "arithmatex" not in html


def test_a_quiz_is_a_disclosure_with_a_reason_for_each_choice(project):
    html = render(project, "# T\n\n" + QUIZ)
    quiz = ElementTree.fromstring(html[html.index('<div class="fg-quiz">') : html.rindex("</div>") + 6])
    assert len(quiz.findall(".//ol[@class='fg-quiz-choices']/li")) == 2
    places = [li.get("data-place") for li in quiz.findall(".//ol[@class='fg-quiz-choices']/li")]
    marks = [li.get("class") for li in quiz.findall(".//details/ol/li")]
    assert dict(zip(places, marks, strict=True)) == {"0": "fg-right", "1": "fg-wrong"}


def test_a_fence_inside_a_fence_is_shown_not_rendered(project):
    html = render(project, "# T\n\n````text\n" + QUIZ + "````\n")
    assert "fg-quiz" not in html and "question: Is" in html


def test_a_numeric_quiz_takes_its_key_from_the_fact_on_the_page(project):
    body = '# T\n\nIt is <data value="n">1,234 GB</data>.\n\n```quiz\nquestion: How much?\nnumeric: {fact: n, tolerance: 0.05, unit: GB}\nwhy: So.\n```\n'
    html = render(project, body)
    assert 'data-answer="1234" data-tolerance="0.05" data-unit="GB"' in html


def test_the_line_under_the_title_is_computed(project):
    (project / ".cache/fieldguide").mkdir(parents=True)
    passed = {"inference/kv-cache": {"date": "2026-11-05", "digest": "", "versions": {}}}
    (project / ".cache/fieldguide/passed.json").write_text(json.dumps(passed))
    html = render(project, "# T\n\n" + "word " * 700)
    assert "Core</span> · <span>4 min</span> · <span>last passed November 5, 2026" in html
    assert '<a href="../">Inference and serving</a>, PPO' in html


def test_reading_takes_time_for_code(project):
    (project / "snippets/inference/kv_cache").mkdir()
    code = "# --8<-- [start:long]\n" + "x = 1\n" * 90 + "# --8<-- [end:long]\n"
    (project / "snippets/inference/kv_cache/sizes.py").write_text(code)
    html = render(project, '# T\n\n```python\n--8<-- "inference/kv_cache/sizes.py:long"\n```\n' + "word " * 600)
    assert "<span>6 min</span>" in html, "3 for the words, 3 for ninety lines"


def test_a_docstring_is_shown_by_its_first_line(project):
    code = 'def f(a):  # fmt: skip\n    r"""Do it.\n\n    Args:\n        a: <It>.\n    """\n    b = """c\n    d"""\n'
    shown = unescape(re.sub("<[^>]+>", "", render(project, f"# T\n\n```python\n{code}```\n")))
    assert 'def f(a):  # fmt: skip\n    r"""Do it."""\n    b = """c\n    d"""' in shown


def test_a_complete_page_ends_with_takeaways_before_its_folded_sources(project):
    (project / "docs/labs").mkdir()
    (project / "docs/labs/probe.py").write_text(
        "# %% [markdown]\n# # Probe it\n#\n# See [it](../inference/kv-cache.md).\n"
    )
    rule = '!!! tip "Rule"\n    Keep 0.5 of $x$ [@kwon2023vllm]. Valid here.\n\n'
    html = render(project, f"# T\n\n{rule}## The `x`\n\n{rule.replace('Keep', 'Do not')}## Sources\n")
    end = html[html.index('<h2 id="takeaways">') :]
    assert end.count("<li>") == 2 and '<li><a href="#the-x">The x</a>: Do not 0.5 of' in end and "Valid here" not in end
    assert '<a href="../labs/probe.ipynb">Probe it</a> (a lab)' in end
    assert end.index('<h2 id="sources">') < end.index('<details class="fg-fold"><summary>1 source</summary>')
    assert "takeaways" not in render(project, "# T\n\n## Sources\n"), "it has no rules"


def test_the_curriculum_counts_pages_and_links_what_is_there(project):
    html = render(project, "# T\n\n```curriculum\n```\n\n```progress\n```\n")
    assert html.count('class="fg-card"') == 9
    assert '<a href="./">KV cache</a>' in html or '<a href="../kv-cache/">KV cache</a>' in html
    assert "1 of 11 pages" in html and "0 of 14 pages" in html
    assert 'class="fg-state fg-state-in-progress">in progress' in html and "not run here" in html


def test_recorded_outputs_are_kept_out_of_the_search_index(project):
    html = render(project, '# T\n\n```text title="Output"\n1\n```\n\n```text\nshown\n```\n')
    assert html.count('fg-output" data-search-exclude') == 1
    assert html.count("data-search-exclude") == 2, "the other is the line under the title"


def test_a_page_that_cannot_be_read_stops_the_build_before_it_starts(project, tmp_path):
    (project / "docs/inference/vllm.md").write_bytes(b"---\ntitle: [\n---\n# V\n")
    shutil.copy(ROOT / "package-lock.json", project)
    done = site.build(tmp_path / "out", project)
    assert done.returncode == 1
    assert done.stderr.startswith("docs/inference/vllm.md:3: the front matter is not YAML")


def test_two_sources_that_read_alike_get_letters_by_title(project):
    html = render(project, "# T\n\n[@vllm2026prefix], [@vllm2026kvquant].\n\n## Sources\n")
    assert re.findall(r"vLLM project \(?2026\w?", html) == [
        "vLLM project 2026a",  # Automatic Prefix Caching
        "vLLM project 2026b",  # Quantized KV Cache
        "vLLM project (2026a",
        "vLLM project (2026b",
    ]
    assert "vLLM project 2026<" in render(project, "# T\n\n[@vllm2026prefix].\n")


@pytest.mark.parametrize(
    ("authors", "label"),
    [
        (("Little, John",), "Little"),
        (("Dean, J.", "Barroso, L."), "Dean and Barroso"),
        (("A, a", "B, b", "C, c"), "A et al."),
        (("A, a", "others"), "A et al."),
        ((), "Title"),
    ],
)
def test_authors_are_abbreviated_as_in_print(authors, label):
    assert citing.short_authors(Entry("k", "misc", authors, "Title", "2024", "", "", "", "", "", 1)) == label


def test_a_quiz_may_cite_and_state_facts(project):
    why = "\"**See** [@kwon2023vllm]: <data value='n'>3 GB</data>.\"".replace("value='n'", 'value=\\"n\\"')
    html = render(project, "# T\n\n" + QUIZ.replace("because", why) + "\n## Sources\n")
    assert '<strong>See</strong> <span class="fg-cite">(<a href="#ref-kwon2023vllm"' in html
    assert '<data value="n">3 GB</data>.' in html
    assert '<li id="ref-kwon2023vllm">' in html, "what a quiz cites is listed"


def test_a_quiz_may_stand_in_a_disclosure(project):
    body = '# T\n\n??? question "Ready?"\n\n' + "".join(f"    {line}\n" for line in QUIZ.splitlines())
    html = render(project, body)
    assert re.search(r'<details class="question">.*fg-quiz-choices.*</fg-quiz></div>\s*</details>$', html, re.S)


def test_a_fact_of_another_page_is_not_taken_for_ones_own(project):
    (project / "docs/inference/vllm.md").write_text('# V\n\n<data value="n">9 GB</data>\n')
    body = "# T\n\n```quiz\nquestion: How much?\nnumeric: {fact: NAME}\nwhy: So.\n```\n"
    with pytest.raises(BuildError, match="the fact 'n' stands on no page"):
        render(project, body.replace("NAME", "n"))
    assert "9 GB" in render(project, body.replace("NAME", "inference/vllm:n"))


def test_an_error_in_a_text_that_is_no_page_is_found_where_it_stands(project):
    (project / "docs/labs").mkdir()
    (project / "docs/labs/lab.py").write_text("# %% [markdown]\n# As [@nobody] says.\n")
    with pytest.raises(BuildError, match=r"docs/labs/lab.py:2: no source"):
        Markdown(extensions=[FieldGuide(root=str(project))]).convert("As [@nobody] says.")


def test_one_process_serves_all_formulas_and_the_disk_saves_it(project, monkeypatch):
    renderer = tex.Renderer(project)
    first, process = renderer("a"), renderer.process
    renderer("b", True)
    assert renderer.process is process
    process.kill()
    process.wait()
    assert "katex" in renderer("c"), "a process that died is started again"
    renderer.process.kill()
    renderer.process.wait()
    fresh = tex.Renderer(project)
    monkeypatch.setattr(fresh, "_ask", lambda *_: pytest.fail("asked again"))
    assert fresh("a") == first
    assert len(list((project / ".cache/fieldguide/katex").iterdir())) == 3, "no part of a file is left"


def test_a_broken_page_ends_the_strict_build_in_one_line(project):
    """MkDocs prints the message without a traceback, and exits with 1."""
    (project / "docs/inference/kv-cache.md").write_text("# T\n\nAs [@nobody] says.\n")
    (project / "theme").mkdir()
    (project / "theme/main.html").write_text("{{ page.content }}")
    (project / "mkdocs.yml").write_text(
        "site_name: G\ntheme: {name: null, custom_dir: theme}\nplugins: []\n"
        f"markdown_extensions: [{{fieldguide.site.markdown: {{root: {json.dumps(str(project))}}}}}]\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(project / "site")],
        cwd=project, env={**os.environ, "PYTHONPATH": str(ROOT)}, text=True, capture_output=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 1
    assert "docs/inference/kv-cache.md:3: no source is called 'nobody'" in done.stderr
    assert "Traceback" not in done.stderr


def test_squeezing_a_page_leaves_code_and_words_alone():
    page = "<p>a\n   b <b>c</b>\n\n d</p>\n  <pre><code>x\n    y\n\nz</code></pre>\n\n\n<p>e</p>"
    assert site.squeezed(page) == "<p>a\nb <b>c</b>\nd</p>\n<pre><code>x\n    y\n\nz</code></pre>\n<p>e</p>"
