"""Exercises, as a reader does them: told, hinted, graded, remembered; and as an author gets them wrong."""

import json
import re
import subprocess
import sys
import time

import pytest
from markdown import Markdown
from typer.testing import CliRunner

from fieldguide.commands import cli, console, drill
from fieldguide.guide import drills
from fieldguide.guide.project import ROOT, Project
from fieldguide.proof import rules as contract
from fieldguide.site.markdown import BuildError, FieldGuide
from tests.small_guide import make_guide

FILE = "snippets/inference/demo/drills.yml"
EXERCISES = """\
- name: twice
  kind: build
  title: Twice a number
  task: Write `double`.
  blank: double.py:double
  tests: [test_double_is_a_sum]
  hints: [Add it to itself., Or multiply.]
- name: wrong
  kind: debug
  title: Too large
  task: Bills are half as large again.
  change: {file: double.py, before: return 2 * n, after: return 3 * n}
  hints: [Look at the factor., It is three.]
- name: table
  kind: diagnose
  title: What is printed
  task: A table was printed.
  evidence: double.out.txt:table
  hints: [Count the rows., Count again.]
  questions:
    - question: Who has printed it?
      answers:
        - {text: Double, correct: true, why: It says so.}
        - {text: Nobody, why: Somebody has.}
    - question: What is twice ten?
      numeric: {fact: twice_ten}
      why: Ten and ten.
"""
FENCE = "\n```drills\n```\n"
COPY = "drills/inference/demo/twice/snippets/inference/demo/double.py"


@pytest.fixture
def guide(tmp_path, monkeypatch):
    guide = make_guide(tmp_path, demo=True)
    guide.write(FILE, EXERCISES)
    guide.write("docs/inference/demo.md", guide.read("docs/inference/demo.md") + FENCE)
    monkeypatch.setattr(console, "ROOT", guide.root)
    monkeypatch.chdir(guide.root)
    return guide


def call(*arguments):
    found = CliRunner().invoke(cli.app, ["drill", "inference/demo", *arguments], catch_exceptions=False)
    return found.exit_code, found.output


def states(guide):
    return {name.split()[1]: kept["state"] for name, kept in json.loads(guide.read("drills/state.json")).items()}


def test_a_blank_function_is_written_and_nothing_else_is_touched(guide):
    before = guide.files()
    assert "twice  " in call()[1] and " open " in call()[1]
    code, told = call("twice")
    assert code == 0 and "Write `double`." in told and COPY in told
    assert "test_demo.py::test_double_is_a_sum" in told
    blank = guide.read(COPY)
    assert "    raise NotImplementedError\n" in blank and '"""Twice a number."""' in blank and "2 * n" not in blank
    code, told = call("twice")
    assert code == 1 and "`test_double_is_a_sum` failed: NotImplementedError" in told
    guide.replace(COPY, "raise NotImplementedError", "return n + n")
    code, told = call("twice")
    assert (code, states(guide)["twice"]) == (0, "solved") and "solved" in told
    after = {name: text for name, text in guide.files().items() if "__pycache__" not in name}
    assert before == {name: text for name, text in after.items() if not name.startswith("drills/")}


def test_hints_come_one_by_one_and_the_solution_is_remembered(guide):
    assert call("wrong", "--hint")[1].strip() == "1. Look at the factor."
    for _ in range(2):
        assert call("wrong", "--hint")[1].strip() == "1. Look at the factor.\n2. It is three."
    told = call("wrong", "--show")[1]
    assert told.startswith("double.py\n") and "-    return 3 * n\n+    return 2 * n" in told
    assert "3 * n" not in call("wrong")[1]
    path = "drills/inference/demo/wrong/snippets/inference/demo/double.py"
    assert "return 3 * n" in guide.read(path)
    assert call("wrong")[0] == 1
    guide.replace(path, "3 * n", "2 * n")
    assert call("wrong")[0] == 0
    assert states(guide)["wrong"] == "shown"
    code, _ = call("wrong", "--reset")
    assert (code, states(guide)["wrong"]) == (0, "open")
    assert "return 3 * n" in guide.read(path)


def test_answers_are_checked(guide):
    code, told = call("table")
    assert code == 1 and "10   20 3.333" in told and "--answer 1=…" in told
    right = "ab"[told.index("b) Double") > 0] if "b) Double" in told else "a"
    code, told = call("table", "--answer", f"1={right}", "--answer", "2=21")
    assert code == 1 and told.count("✓ right") == told.count("✗ no") == 1
    assert "✓ right. It says so." in told and "Ten and ten" not in told
    code, told = call("table", "--answer", f"1={right}")
    assert code == 1 and "--answer 1=… --answer 2=…" in told
    assert call("table", "--answer", "b")[0] == 2
    code, told = call("table", "--answer", f"1={right}", "--answer", "2=20")
    assert (code, states(guide)["table"]) == (0, "solved")
    assert "Double: It says so." in call("table", "--show")[1]
    assert states(guide)["table"] == "solved"


def test_it_is_graded_at_each_save(guide):
    guide.write(
        "watching.py",
        f"""\
        from pathlib import Path
        from fieldguide.commands import cli, console
        console.ROOT = Path({str(guide.root)!r})
        cli.app(["drill", "inference/demo", "twice", "--watch"])
        """,
    )
    with subprocess.Popen(
        [sys.executable, "watching.py"], stdout=subprocess.PIPE, text=True, cwd=guide.root
    ) as watching:
        try:
            while not (guide.path(COPY).is_file() and "NotImplementedError" in guide.read(COPY)):
                time.sleep(0.1)
            time.sleep(2)
            guide.replace(COPY, "raise NotImplementedError", "return 3 * n")
            assert any("failed" in line for line in watching.stdout)
            guide.replace(COPY, "3 * n", "2 * n")
            assert watching.wait(90) == 0
        finally:
            watching.kill()


def test_tests_that_wait_are_ended_with_all_that_they_started(guide, monkeypatch):
    monkeypatch.setattr(drill, "LIMIT", 5.0)
    call("twice")
    guide.replace(COPY, "raise NotImplementedError", "import subprocess; return subprocess.call(['sleep', '98765'])")
    began = time.monotonic()
    code, told = call("twice")
    assert code == 1 and "did not end within 5 s" in told and time.monotonic() - began < 10
    assert "98765" not in subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True).stdout


def test_an_unknown_exercise_is_told(guide):
    assert "begin: python3 -m fieldguide drill inference/demo twice" in call()[1]
    assert call("twise") == (2, "✗ inference/demo has no exercise 'twise'. Did you mean `twice`?\n")


@pytest.mark.parametrize(
    ("old", "new", "line", "message"),
    [
        ("double.py:double", "double.py:doubled", 5, "`twice` names `double.py:doubled`, which is not there."),
        ("double.py:double", "double.py:table", 5, ""),
        ("double.py:double", "twice.py:double", 5, "`twice` names `twice.py:double`, which is not there."),
        ("test_double_is_a_sum", "test_double", 6, "no test of the page. Did you mean `test_double_is_a_sum`?"),
        ("before: return 2 * n", "before: n", 12, "occurs 18 times in `double.py`, not once."),
        ("after: return 3 * n", "after: return 2 * n", 12, "`wrong` changes nothing."),
        ("double.out.txt:table", "double.out.txt:tables", 18, "names `double.out.txt:tables`"),
        ("fact: twice_ten", "fact: twice", 20, "asks for the fact `twice`, which no page states."),
        ("name: wrong", "name: twice", 8, "`twice` is given twice."),
        ("kind: debug", "kind: build", 8, "the build exercise `wrong` needs blank, and has change."),
        ("hints: [Add it to itself., Or multiply.]", "hints: [Add.]", 7, "must have at least 2 items"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_an_exercise_is_told_at_its_line(guide, old, new, line, message):
    guide.replace(FILE, old, new)
    found = [breach for breach in contract.check(guide.project) if breach.rule == "drill"]
    if not message:
        assert not found
        return
    assert [(breach.path, breach.line) for breach in found] == [(FILE, line)] and message in found[0].message
    code, told = call("twice")
    assert code == 1 and f"{FILE}:{line}" in told


def test_a_page_lists_its_exercises(guide):
    assert [breach.message for breach in contract.check(guide.project) if breach.rule == "drill"] == []
    guide.replace("docs/inference/demo.md", FENCE, "")
    (breach,) = [breach for breach in contract.check(guide.project) if breach.rule == "drill"]
    assert breach.message == "`docs/inference/demo.md` does not list them."


def test_the_site_shows_tasks_evidence_and_folded_hints_but_no_solution(guide):
    text = guide.project.by_name["inference/demo"].body
    made = Markdown(extensions=[FieldGuide(root=str(guide.root)), "pymdownx.superfences"]).convert(text)
    for told in ("python3 -m fieldguide drill inference/demo twice", "<code>double</code>", "10   20 3.333",
                 "Who has printed it?", "<summary>Hint 2</summary>"):  # fmt: skip
        assert told in made
    assert made.count("<details>") == 6
    for hidden in ("It says so", "Ten and ten", "return 3 * n"):
        assert hidden not in made
    guide.replace(FILE, "double.py:double", "double.py:doubled")
    with pytest.raises(BuildError, match=rf"{FILE}:5: `twice` names"):
        Markdown(extensions=[FieldGuide(root=str(guide.root)), "pymdownx.superfences"]).convert(text)


@pytest.mark.parametrize("word", ["identity", "mechanism", "planted"])
def test_each_word_for_what_a_miniature_proves_leads_to_its_meaning(word, tmp_path):
    guide = make_guide(tmp_path, demo=True)
    guide.replace("docs/inference/demo.md", "In code,", f"This is an *{word}*, **{word}** or `*{word}*`. In code,")
    text = guide.project.by_name["inference/demo"].body
    made = Markdown(extensions=[FieldGuide(root=str(guide.root)), "pymdownx.superfences"]).convert(text)
    (link,) = re.findall(r"<a [^>]*>(?=<em>)", made)
    assert 'href="../reference/index.md#what-a-miniature-proves"' in link and 'title="' in link
    explained = (ROOT / "docs/reference/index.md").read_text(encoding="utf-8")
    assert "## What a miniature proves" in explained and f"*{word.capitalize()}*" in explained


def test_only_functions_of_the_region_are_blank():
    project = Project(ROOT)
    page = project.by_name["distributed/fsdp"]
    (reduce,) = [d for d in drills.load(project, page)[0] if d.name == "reduce"]
    blank = drills.applied(project, page, reduce)
    assert blank.count("raise NotImplementedError") == 1
    compile(blank, "sharding.py", "exec")
