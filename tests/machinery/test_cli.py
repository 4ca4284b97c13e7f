"""The command line, as its users meet it: what it prints, what it writes, how it ends."""

import json
import os
import re
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from fieldguide import __main__
from fieldguide.commands import cli, console, environments, proving, suite
from fieldguide.guide.project import ROOT
from fieldguide.proof import changed, checking, published
from fieldguide.proof import rules as contract
from fieldguide.proof.checking import Checked
from fieldguide.proof.testing import Proof
from tests.small_guide import MKDOCS, make_guide

PAGE, SNIPPET, OUTPUT, TEST = (
    "docs/inference/demo.md",
    "snippets/inference/demo/double.py",
    "snippets/inference/demo/double.out.txt",
    "tests/inference/test_demo.py",
)


@pytest.fixture
def demo(tmp_path, monkeypatch):
    """A small guide, and a command line that belongs to it. Format, lint and types are a test of their own."""
    guide = make_guide(tmp_path, demo=True)
    monkeypatch.setattr(console, "ROOT", guide.root)
    monkeypatch.setattr(checking, "TOOLS", ())
    monkeypatch.chdir(guide.root)
    return guide


@pytest.fixture
def repository(demo):
    git(demo, "init", "-q", "-b", "main")
    commit(demo)
    return demo


def git(guide, *arguments):
    identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "core.hooksPath="]
    return subprocess.run(
        ["git", *identity, *arguments], cwd=guide.root, check=True, capture_output=True, text=True
    ).stdout


def commit(guide):
    git(guide, "add", "-A")
    git(guide, "commit", "-q", "--allow-empty", "-m", "x")


def call(*arguments):
    return CliRunner().invoke(cli.app, arguments, catch_exceptions=False)


def call_json(*arguments):
    return json.loads(call(*arguments, "--json").stdout)


def test_list_shows_every_page_and_no_color_in_a_pipe(demo):
    found = call("list")
    assert found.exit_code == 0
    assert re.search(r"^inference/demo +draft +1 +1 +1 +never$", found.stdout, re.M)
    assert re.search(r"^post-training/index +planned +0 +0 +0 +–$", found.stdout, re.M)
    assert "\x1b" not in found.stdout


def test_a_name_is_never_cut(capsys):
    name = "distributed/" + "very-" * 30 + "long"
    console.columns([["page", "status"], [name, "draft"]])
    assert capsys.readouterr().out.splitlines()[1] == f"{name}  draft"


def test_list_for_machines_and_of_one_area(demo):
    rows = call_json("list", "inference")
    assert [row["name"] for row in rows] == ["inference/demo", "inference/index"]
    assert rows[0] == {
        "name": "inference/demo", "title": "Demo", "status": "draft", "snippets": 1, "examples": 1, "tests": 1,
        "last_passed": None, "fresh": False,
    }  # fmt: skip


def test_an_unknown_area_gets_a_suggestion(demo):
    found = call("list", "inferense")
    assert found.exit_code == 2
    assert "there is no area 'inferense'. Did you mean `inference`?" in found.stderr


@pytest.mark.parametrize(
    "name",
    ["inference/demo", "inference/demo/double.py", "snippets/inference/demo/double.py", "docs/inference/demo.md"],
)
def test_run_prints_each_example_under_its_heading(demo, name):
    found = call("run", name)
    assert found.exit_code == 0
    assert found.stdout == "# snippets/inference/demo/double.py · table\n  1    2 0.333\n 10   20 3.333\n"


def test_run_one_snippet_or_one_example(demo):
    demo.snippet("demo/more", "def example_a():\n    print(1)\n\n\ndef example_b():\n    print(2)\n")
    whole = call("run", "inference/demo").stdout
    assert [line for line in whole.splitlines() if line.startswith("#")] == [
        "# snippets/inference/demo/double.py · table",
        "# snippets/inference/demo/more.py · a",
        "# snippets/inference/demo/more.py · b",
    ]
    assert call("run", "inference/demo/more", "b").stdout == "# snippets/inference/demo/more.py · b\n2\n"
    assert call("run", "inference/demo", "example_a").stdout == "# snippets/inference/demo/more.py · a\n1\n"
    assert "demo.py ·" not in call("run", "inference/demo/more").stdout


def test_run_for_machines(demo):
    (run,) = call_json("run", "inference/demo")
    assert run["snippet"] == "snippets/inference/demo/double.py"
    assert run["sections"] == {"table": "  1    2 0.333\n 10   20 3.333"}
    assert run["facts"] == {"twice_ten": "20"}
    assert run["error"] is None


def test_a_failing_example_prints_what_it_had_and_why_it_failed(demo):
    demo.replace("snippets/inference/demo/double.py", "(1, 10)", "(1, 'x')")
    found = call("run", "inference/demo")
    assert found.exit_code == 1
    assert "  1    2 0.333" in found.stdout
    assert re.search(r"snippets/inference/demo/double.py:\d+ example `table` failed: ", found.stderr)
    assert "Traceback" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "inference/dmo"], "there is no page 'inference/dmo'. Did you mean inference/demo"),
        (["run", "inference/demo", "tabel"], "inference/demo has no example 'tabel'. Did you mean table?"),
        (["check", "inference/dmo"], "Did you mean inference/demo"),
        (["record", "inference/dmo"], "Did you mean inference/demo"),
        (["mutate", "inference/dmo"], "Did you mean inference/demo"),
    ],
)
def test_unknown_names_get_suggestions(demo, arguments, message):
    found = call(*arguments)
    assert found.exit_code == 2
    assert message in found.stderr.replace("`", "")


def test_a_page_without_a_snippet_cannot_run(demo):
    found = call("run", "inference/index")
    assert found.exit_code == 1
    assert "inference/index has no snippet yet" in found.stderr


def test_check_of_a_sound_page_tells_what_is_wrong_elsewhere_and_does_not_count_it(demo):
    demo.replace("docs/post-training/index.md", "level: core", "level: easy")
    found = call("check", "inference/demo")
    assert found.exit_code == 0, found.output
    assert re.search(r"^✓  inference/demo  1 snippet  1 test passed$", found.stdout, re.M)
    assert "elsewhere, not counted: 1 thing to fix" in found.stdout
    assert "docs/post-training/index.md:5" in found.stdout
    assert "all well" in found.stdout
    assert call_json("list", "inference")[0]["fresh"]


def test_check_of_everything_counts_pages_that_nobody_named(demo, monkeypatch):
    monkeypatch.setattr(console, "with_code", lambda project: [])
    demo.replace("docs/post-training/index.md", "level: core", "level: easy")
    found = call_json("check")
    assert [(b["path"], b["rule"]) for b in found["breaches"]] == [("docs/post-training/index.md", "meta")]
    assert found["elsewhere"] == []


def test_check_names_everything_that_is_wrong(demo, capsys):
    demo.replace(PAGE, 'Twice ten is <data value="twice_ten">20', 'Twice ten is <data value="twice_ten">21')
    demo.replace(OUTPUT, " 10   20", " 10   19")
    demo.replace(TEST, "[21, 21]", "[21, 22]")
    demo.replace(PAGE, "level: core", "level: easy")
    calculator = "function: double:tripple\ntitle: Twice"
    demo.write(PAGE, demo.read(PAGE) + f"\n```calc\n{calculator}\n```\n")
    project = demo.project
    checked = checking.check(project, [project.trio("inference/demo")])
    assert {b.rule for b in checked.breaches} == {"fact", "output", "test", "meta", "calculator"}
    assert len(checked.breaches) == 5
    by_rule = {breach.rule: breach for breach in checked.breaches}
    assert (by_rule["test"].path, by_rule["test"].line) == (TEST, demo.line(TEST, "assert"))
    assert "`test_double_is_a_sum` failed: assert 42 == 43" in by_rule["test"].message
    assert by_rule["calculator"].line == demo.line(PAGE, "```calc")
    assert "has no function tripple" in by_rule["calculator"].message
    proving.print_checked(project, checked)
    printed = capsys.readouterr()
    assert "the page says `21`" in printed.err
    assert "-  10   19" in printed.err
    assert "assert 42 == 43" in printed.err
    assert "5 things to fix" in printed.out


def test_before_the_first_recording_there_is_one_thing_to_do(demo):
    demo.path(OUTPUT).unlink()
    demo.snippet(
        "demo/more", "def example_a():\n    print(1)\n\n\ndef figure_b():\n    return '<svg viewBox=\"0 0 9 9\"/>'\n"
    )
    found = call_json("check", "inference/demo")["breaches"]
    (breach,) = (breach for breach in found if "record" in breach["fix"] + breach["message"])
    assert (breach["path"], breach["message"]) == (PAGE, "nothing has been recorded.")
    assert breach["fix"] == "fieldguide record inference/demo"
    demo.replace(PAGE, '"twice_ten">20', '"twice_ten">21')
    call("record", "inference/demo")
    demo.snippet("demo/more", "def example_a():\n    print(1)\n\n\ndef example_c():\n    print(3)\n")
    demo.replace(PAGE, '"twice_ten">20', '"twice_ten">21')
    found = call_json("check", "inference/demo")["breaches"]
    (breach,) = (breach for breach in found if "example_c" in breach["message"] or "`c`" in breach["message"])
    assert breach["message"] == "`example_c` has no section `c` in `more.out.txt`."
    assert "fact" in {breach["rule"] for breach in found}


def test_check_says_what_formatter_linter_and_type_checker_will_say(demo):
    demo.write("pyproject.toml", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    demo.replace(SNIPPET, "return 2 * n", "return  str(n)")
    demo.replace(TEST, "from", "import os\n\nfrom")
    project = demo.project
    files = checking.python_files(project, project.trio("inference/demo"))
    assert project.relative(files[0]) == "snippets/inference/demo/__init__.py"
    (unformatted,) = checking.formatted(project, files)
    assert (unformatted.path, unformatted.fix) == (SNIPPET, "make format")
    (unused,) = (b for b in checking.linted(project, files) if b.path == TEST)
    assert (unused.line, unused.message) == (1, "`os` imported but unused (F401).")
    (wrong,) = checking.typed(project, files)
    assert (wrong.path, wrong.line) == (SNIPPET, demo.line(SNIPPET, "str(n)"))
    assert "Incompatible return value type" in wrong.message


def test_tests_that_prove_nothing_do_not_pass(demo):
    demo.write(TEST, "import os\n\nos._exit(0)\n")
    (breach,) = (b for b in call_json("check", "inference/demo")["breaches"] if b["rule"] == "test")
    assert "pytest ended without a report" in breach["message"]
    assert not call_json("list", "inference")[0]["last_passed"]


def test_an_area_is_tested_with_what_it_imports(demo, monkeypatch, capsys):
    made, asked = [], []

    def check(project, trios, **options):
        asked.append(([trio.name for trio in trios], options["further_tests"]))
        return Checked(
            trios,
            proof=Proof([], {"tests/rl/test_a.py::test_b": {"area": "rl", "seconds": 1, "outcome": "passed"}}, ""),
        )

    monkeypatch.setattr(environments, "ensure", lambda kind, tools=True: made.append((kind, tools)))
    monkeypatch.setattr(proving, "check_pages", check)
    demo.write("docs/post-training/lora.md", demo.read(PAGE).replace("area: inference", "area: post-training"))
    demo.write("snippets/post_training/lora/rank.py", "from snippets.inference.demo import double\n")
    demo.write("tests/published/post_training/lora.py", "FAMILIES = {}\n")
    published_cases = "--cases=tests/published/post_training/cases.jsonl"
    assert suite.run("post_training") == 0
    assert asked == [(["post-training/lora", "inference/demo"], [published_cases, *published.TESTS])]
    assert made == [("test", False)]
    assert re.search(r"^rl +1.0$", capsys.readouterr().out, re.M)


def test_the_whole_suite_ends_with_steps_seconds_by_area_and_the_dearest_tests(demo, monkeypatch, capsys):
    def tests(name, arguments, quiet=False):
        rows = {f"{name}/{n}": {"area": f"area of {name}", "seconds": float(n)} for n in range(9)}
        return suite.Step(name, name != "lighthouse", 1.0, "too slow" * (name == "lighthouse"), rows)

    monkeypatch.setattr(environments, "ensure", lambda kind, tools=True: None)
    monkeypatch.setattr(suite, "tests", tests)
    monkeypatch.setattr(suite, "tool", lambda name, command: suite.Step(name, True, 2.0))
    assert suite.run() == 1
    printed = capsys.readouterr().out
    assert re.search(r"^lighthouse\ntoo slow$", printed, re.M)
    assert re.search(r"^area of tests +36.0$", printed, re.M)
    dearest = re.findall(r"^(?:tests|browser|machinery|sabotage|lighthouse)/\d +(\d.0)$", printed, re.M)
    assert dearest == ["8.0"] * 5 + ["7.0"] * 5
    assert re.findall(r"^(\w+) +(ok|failed) +[\d.]+$", printed, re.M) == [
        ("tests", "ok"), ("format", "ok"), ("lint", "ok"), ("types", "ok"), ("browser", "ok"), ("machinery", "ok"),
        ("sabotage", "ok"), ("lighthouse", "failed"),
    ]  # fmt: skip
    assert not call_json("list", "inference")[0]["fresh"]


def test_a_command_of_another_checkout_does_nothing(demo, tmp_path, monkeypatch):
    other = make_guide(tmp_path / "other")
    monkeypatch.chdir(other.root / "docs/inference")
    before = demo.files(), other.files()
    found = call("new", "inference/cost")
    assert found.exit_code == 2
    assert f"belongs to the checkout {demo.root}, and you are in {other.root}" in found.stderr
    assert (demo.files(), other.files()) == before


def test_a_page_that_cannot_be_read_is_named(demo):
    demo.write("docs/inference/demo.md", b"---\ntitle: x\n---\n\xff\n")
    for verb in ("list", "check", "record"):
        found = call(verb)
        assert found.exit_code == 1
        assert "docs/inference/demo.md:4 the page is not UTF-8" in found.stderr


def test_record_shows_what_changed(demo):
    demo.replace("snippets/inference/demo/double.py", "2 * n", "3 * n")
    found = call("record", "inference/demo")
    assert found.exit_code == 0
    assert "snippets/inference/demo/double.out.txt\n" in found.stdout
    assert "  - 10   20 3.333\n" in found.stdout
    assert "  + 10   30 3.333\n" in found.stdout
    assert "2 files rewritten" in found.stdout
    assert call_json("record", "inference/demo") == {"ok": True, "changes": [], "breaches": []}


def test_record_refuses_a_failing_snippet(demo):
    demo.replace("snippets/inference/demo/double.py", "return 2 * n", "raise SystemExit")
    before = demo.files()
    found = call("record")
    assert found.exit_code == 1
    assert "0 files rewritten, 1 refused" in found.stdout
    assert demo.files() == before


def test_a_failing_adapter_is_a_breach(demo, monkeypatch):
    def record(_):
        raise ZeroDivisionError("no heads")

    monkeypatch.setattr(published, "record", record)
    found = call_json("record")
    assert found["breaches"][0]["path"] == published.ADAPTERS
    assert "ZeroDivisionError: no heads" in found["breaches"][0]["message"]


def test_nothing_is_touched_on_a_fresh_branch(repository):
    assert call_json("check", "--changed")["pages"] == {}


@pytest.mark.parametrize(
    "file",
    [
        "docs/inference/demo.md",
        "snippets/inference/demo/double.py",
        "snippets/inference/demo/double.out.txt",
        "tests/inference/test_demo.py",
        "tests/inference/data.csv",
        "tests/inference/conftest.py",
    ],
)
def test_a_trio_is_touched_by_each_of_its_files(repository, file):
    git(repository, "switch", "-q", "-c", "topic")
    path = repository.path(file)
    repository.write(file, (path.read_text() if path.exists() else "") + "\n")
    for _ in ("not committed", "committed"):
        found = changed.touched(repository.project)
        assert [trio.name for trio in found.trios] == ["inference/demo"]
        commit(repository)


def test_imports_includes_and_quoted_facts_are_followed(repository):
    repository.write("snippets/inference/cost/base.py", "x = 1\n")
    repository.write("snippets/inference/cost/total.py", "from snippets.inference.cost import base\n")
    header = (
        "---\ntitle: {0}\ndescription: D.\narea: inference\nlevel: core\nprerequisites: []\nstatus: draft\n---\n# {0}\n"
    )
    repository.write("docs/inference/cost.md", header.format("Cost"))
    repository.write("docs/inference/ray.md", header.format("Ray") + '\n<data value="inference/cost:x">1</data>\n')
    repository.write("snippets/inference/ray/training.py", "x = 1\n")
    repository.write(
        "docs/inference/demo.md",
        repository.read("docs/inference/demo.md") + '\n```python\n--8<-- "inference/cost/base.py:x"\n```\n',
    )
    repository.write("tests/published/inference/cost.py", "from snippets.inference.cost import base\n")
    repository.write("tests/published/test_published.py", "def test_a():\n    assert 1\n")
    repository.write("tests/site/test_site.py", "from snippets.inference.cost import base\n")
    commit(repository)
    git(repository, "switch", "-q", "-c", "topic")
    repository.write("snippets/inference/cost/base.py", "x = 2\n")
    found = changed.touched(repository.project)
    assert [trio.name for trio in found.trios] == ["inference/cost", "inference/demo", "inference/ray"]
    assert [path.name for path in found.tests] == ["test_published.py"]
    assert found.machinery == ""


def test_notebooks_are_touched_by_what_they_import(repository):
    repository.write("docs/labs/one.py", "# %%\nfrom snippets.inference.demo import double\n")
    repository.write("docs/labs/two.py", "# %%\nimport json\n")
    commit(repository)
    repository.write("docs/labs/two.ipynb", "{}")
    assert [path.stem for path in changed.touched(repository.project).labs] == ["two"]
    repository.replace("snippets/inference/demo/double.py", "2 * n", "n + n")
    assert [path.stem for path in changed.touched(repository.project).labs] == ["one", "two"]


def test_a_notebook_is_recorded_and_checked_by_name(demo):
    demo.write("docs/labs/sum-of-two.py", "# %% [markdown]\n# # Sum\n\n# %%\nprint(1 + 1)\n")
    assert "docs/labs/sum-of-two.ipynb" in call("record", "labs/sum-of-two").stdout
    assert call("check", "labs/sum-of-two").exit_code == 0
    demo.replace("docs/labs/sum-of-two.ipynb", '"2\\n"', '"3\\n"')
    found = call("check", "labs/sum_of_two")
    assert found.exit_code == 1
    assert "docs/labs/sum-of-two.py:4" in found.stderr
    unknown = call("check", "labs/sum")
    assert (unknown.exit_code, "there is no notebook labs/sum" in unknown.stderr) == (2, True)


def test_the_runner_makes_every_page_suspect(repository):
    git(repository, "switch", "-q", "-c", "topic")
    repository.write("fieldguide/runner/child.py", "x = 1\n")
    found = changed.touched(repository.project)
    assert found.machinery == "fieldguide/runner/child.py"
    assert [trio.name for trio in found.trios] == ["inference/demo"]


def test_the_base_may_be_named_and_must_exist(repository):
    repository.replace("snippets/inference/demo/double.out.txt", "3.333", "3.300")
    commit(repository)
    assert call_json("check", "--changed")["pages"] == {}
    found = call("check", "--changed", "HEAD~1")
    assert found.exit_code == 1
    assert "touched: inference/demo" in found.stderr
    wrong = call("check", "--changed", "inference/demo")
    assert wrong.exit_code == 2
    assert "git knows no branch or commit 'inference/demo'" in wrong.stderr


def test_before_the_first_commit_everything_is_new(demo):
    git(demo, "init", "-q", "-b", "main")
    assert [trio.name for trio in changed.touched(demo.project).trios] == ["inference/demo"]


def test_outside_a_checkout_changed_says_so(demo, monkeypatch):
    monkeypatch.setenv("GIT_CEILING_DIRECTORIES", str(demo.root.parent))
    found = call("check", "--changed")
    assert found.exit_code == 2
    assert "not a git repository" in found.stderr


@pytest.mark.parametrize(
    ("arguments", "page", "files"),
    [
        (["inference/ray", "--snippet", "jobs"], "inference/ray", ("inference/ray", "jobs", "test_ray")),
        (["post-training/k-fold"], "post-training/k-fold", ("post_training/k_fold", "basics", "test_k_fold")),
    ],
)
def test_a_new_page_passes_once_it_is_recorded(demo, monkeypatch, arguments, page, files):
    monkeypatch.setattr(checking, "TOOLS", (checking.formatted, checking.linted))
    demo.write("pyproject.toml", (ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    folder, noun, test = files
    found = call("new", *arguments)
    assert found.exit_code == 0, found.output
    text = ""
    for file in (
        f"docs/{page}.md",
        f"snippets/{folder}/__init__.py",
        f"snippets/{folder}/{noun}.py",
        f"tests/{folder.partition('/')[0]}/{test}.py",
    ):
        text += demo.read(file)
        assert file in found.stdout
    assert f"fieldguide record {page}" in found.stdout
    assert "status: draft" in text and "[[" not in text
    assert call("record", page).exit_code == 0
    assert demo.path(f"snippets/{folder}/pairs.svg").is_file()
    checked = call("check", page)
    assert checked.exit_code == 0, checked.output
    assert "elsewhere" not in checked.stdout
    assert demo.read(f"docs/{page}.md").count('<data value="answer">5,050</data>') == 1


def test_a_complete_template_would_be_told_only_what_an_author_can_write(demo):
    call("new", "inference/cost")
    call("record", "inference/cost")
    demo.replace("docs/inference/cost.md", "status: draft", "status: complete")
    project = demo.project
    trio = project.trio("inference/cost")
    rules = {b.rule for b in contract.check(project) if checking.belongs(project, trio, b)}
    assert rules <= {"sections", "citation"}


def test_the_navigation_keeps_its_comments_and_the_order_of_the_curriculum(demo):
    call("new", "post-training/lora")
    call("new", "inference/ray")
    call("new", "inference/cost")
    assert demo.read("mkdocs.yml") == MKDOCS.replace(
        "      - inference/index.md  # its overview\n",
        "      - inference/index.md  # its overview\n      - inference/demo.md\n"
        "      - inference/cost.md\n      - inference/ray.md\n",
    ).replace("post-training/index.md\n", "post-training/index.md\n      - LoRA: post-training/lora.md\n")


def test_the_first_page_of_an_area_makes_its_tab(demo):
    overview = "  - Post-training:\n      - post-training/index.md\n"
    demo.write("mkdocs.yml", MKDOCS.replace("nav:", "not_in_nav: |\n  inference/index.md\nnav:").replace(
        MKDOCS[MKDOCS.index("  - Inference") : MKDOCS.index("theme:")], overview))  # fmt: skip
    demo.path("docs/inference/demo.md").unlink()
    assert call("new", "inference/cost").exit_code == 0
    text = demo.read("mkdocs.yml")
    assert "not_in_nav: |\nnav:" in text
    assert "  - Inference:\n      - inference/index.md\n      - inference/cost.md\n" + overview in text


def test_the_functions_of_a_new_page_are_listed_where_its_area_has_a_page_of_code(demo):
    before = "# Code\n\n::: snippets.inference.demo\n"
    demo.write("docs/reference/api/inference.md", before)
    call("new", "inference/cost", "--title", "Cost of it")
    assert demo.read("docs/reference/api/inference.md") == (
        f"{before}\n## Cost of it\n\nThe code of [the page](../../inference/cost.md).\n\n::: snippets.inference.cost\n"
    )
    call("new", "post-training/lora")
    assert not demo.path("docs/reference/api/post-training.md").exists()


def test_an_unplanned_page_enters_the_curriculum(demo):
    before = demo.read("docs/curriculum.yml")
    found = call("new", "inference/my-page")
    line = '      my-page: {title: "My page", answers: ""}\n'
    assert demo.read("docs/curriculum.yml") == before.replace("  post-training:\n", line + "  post-training:\n")
    assert [page.slug for page in demo.project.areas[0].pages][-1] == "my-page"
    assert "edit docs/curriculum.yml" in found.stdout
    assert "plans" not in found.stdout


def test_a_topic_that_is_planned_under_another_page_is_named(demo):
    found = call("new", "post-training/adapter-rank")
    assert "plans" not in found.stdout
    found = call("new", "inference/money-cost")
    assert "The curriculum plans inference/cost “Cost”: Count money." in found.stdout
    assert "fieldguide new inference/cost" in found.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inference/demo"], "docs/inference/demo.md exists already"),
        (["inferense/x"], "there is no area 'inferense'. Did you mean `inference`?"),
        (["my-page"], "a name is area/slug, and there is no area 'my-page'"),
        (
            ["inference/My_Page"],
            "use lower-case words and digits joined by hyphens, and no keyword of Python, such as inference/my-page",
        ),
        (["inference/../x"], "cannot name a page"),
        (["inference/a/b"], "cannot name a page"),
        (["inference/async"], "'async' cannot name a page"),
        (["inference/ray", "--snippet", "json"], "'json' cannot name a snippet: use a noun"),
        (["inference/ray", "--snippet", "two-words"], "'two-words' cannot name a snippet"),
        (["inference/x-y", "--title", 'a "b"'], "neither quotation marks nor backslashes"),
    ],
)
def test_a_bad_name_is_refused_and_nothing_is_written(demo, arguments, message):
    before = demo.files()
    found = call("new", *arguments)
    assert found.exit_code == 2
    assert message in found.stderr
    assert demo.files() == before


def test_a_navigation_that_cannot_be_followed_is_refused(demo):
    demo.replace("mkdocs.yml", "      - Overview: post-training/index.md\n", "      - x.md\n")
    before = demo.files()
    found = call("new", "post-training/lora")
    assert found.exit_code == 2
    assert "has no line `- post-training/….md`" in found.stderr
    assert demo.files() == before


@pytest.mark.parametrize("verb", ["list", "run", "check", "record", "new"])
def test_every_verb_explains_itself_with_an_example(verb):
    found = call(verb, "--help")
    assert found.exit_code == 0
    assert f"fieldguide {verb}" in re.sub(r"\s+", " ", found.stdout)


def test_a_line_without_an_end_is_ended(demo):
    demo.snippet("demo/more", "def example_a():\n    print(1, end='')\n\n\ndef example_b():\n    print(2, end='')\n")
    found = call("run", "inference/demo/more").stdout
    assert found == "# snippets/inference/demo/more.py · a\n1\n\n# snippets/inference/demo/more.py · b\n2\n"


@pytest.mark.parametrize(
    ("arguments", "kind"), [(["list"], "site"), (["run", "inference/kv-cache"], "test"), (["build"], "site")]
)
def test_in_a_bare_clone_the_environment_is_made_and_no_tool_is_fetched(monkeypatch, arguments, kind):
    """`list` must not wait for fonts, KaTeX and Node: what builds the site fetches them itself."""
    started, made = [], []
    monkeypatch.setattr(__main__, "NEEDED", ("no_such_package",))
    monkeypatch.setattr(environments, "_virtual_environment", lambda kind, python: made.append(kind))
    for step in ("_packages", "_project", "_node_packages", "browser"):
        monkeypatch.setattr(environments, step, lambda *_, step=step: made.append(step))
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(sys, "argv", ["fieldguide", *arguments])
    monkeypatch.setattr(os, "execv", lambda *arguments: started.append(arguments))
    __main__.main()
    python = str(environments.ROOT / ".venv/bin/python")
    assert started == [(python, [python, "-m", "fieldguide", *arguments])]
    assert made == [kind, "_packages", "_project"]
    monkeypatch.setattr(sys, "prefix", str(environments.environment("test")))
    with pytest.raises(SystemExit, match="is damaged"):
        __main__.main()


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "fieldguide", "--help"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert "inference/kv-cache" in done.stdout
