"""The command line, as its users meet it: what it prints, what it writes, how it ends."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fieldguide import __main__
from fieldguide.commands import cli
from fieldguide.commands import environments as bootstrap
from fieldguide.proof import changed, published
from tests.small_guide import MKDOCS, make_guide


@pytest.fixture
def demo(tmp_path, monkeypatch):
    guide = make_guide(tmp_path, demo=True)
    monkeypatch.setattr(cli, "ROOT", guide.root)
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
    assert re.search(r"^inference/demo +draft +1 +1 +1 +never", found.stdout, re.M)
    assert re.search(r"^post-training/index +planned +0 +0 +0 +–", found.stdout, re.M)
    assert "\x1b" not in found.stdout


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
    assert "there is no area 'inferense'. Did you mean inference?" in found.stderr


@pytest.mark.parametrize(
    "name",
    [
        "inference/demo",
        "inference/demo/double.py",
        "snippets/inference/demo/double.py",
        "docs/inference/demo.md",
    ],
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
    ],
)
def test_unknown_names_get_suggestions(demo, arguments, message):
    found = call(*arguments)
    assert found.exit_code == 2
    assert message in found.stderr


def test_a_page_without_a_snippet_cannot_run(demo):
    found = call("run", "inference/index")
    assert found.exit_code == 1
    assert "inference/index has no snippet yet" in found.stderr


def test_check_of_a_sound_page(demo):
    found = call("check", "inference/demo")
    assert found.exit_code == 0, found.output
    assert re.search(r"✓ +inference/demo +1 snippet +1 tests passed", found.stdout)
    assert "all well" in found.stdout
    assert call_json("list", "inference")[0]["fresh"]


def test_check_names_everything_that_is_wrong(demo):
    demo.replace(
        "docs/inference/demo.md",
        'Twice ten is <data value="twice_ten">20',
        'Twice ten is <data value="twice_ten">21',
    )
    demo.replace("snippets/inference/demo/double.out.txt", " 10   20", " 10   19")
    demo.replace("tests/inference/test_demo.py", "[21, 21]", "[21, 22]")
    demo.replace("docs/inference/demo.md", "level: core", "level: easy")
    found = call_json("check", "inference/demo")
    assert not found["ok"]
    assert {breach["rule"] for breach in found["breaches"]} == {"fact", "output", "test", "meta"}
    (failed,) = (breach for breach in found["breaches"] if breach["rule"] == "test")
    assert (failed["path"], failed["line"]) == (
        "tests/inference/test_demo.py",
        demo.line("tests/inference/test_demo.py", "assert"),
    )
    assert "`test_double_is_a_sum` failed: " in failed["message"]
    plain = call("check", "inference/demo")
    assert plain.exit_code == 1
    assert "the page says `21`" in plain.stderr
    assert "-  10   19" in plain.stderr
    assert "assert 42 == 43" in plain.stderr
    assert "4 things to fix" in plain.stdout


@pytest.mark.parametrize(
    ("test", "message"),
    [
        ("import os\n\nos._exit(0)\n", "no test ran: nothing was proven"),
        ("x = 1\n", "pytest ended with code 5"),
        ("def test_a(:\n", "failed: "),
    ],
)
def test_tests_that_prove_nothing_do_not_pass(demo, test, message):
    demo.write("tests/inference/test_demo.py", test)
    found = call_json("check", "inference/demo")
    assert any(message in breach["message"] for breach in found["breaches"]), found
    assert not call_json("list", "inference")[0]["last_passed"]


def test_check_of_everything_includes_pages_that_nobody_named(demo):
    demo.replace("docs/post-training/index.md", "level: core", "level: easy")
    assert call("check", "inference/demo").exit_code == 0
    found = call_json("check")
    assert [(b["path"], b["rule"]) for b in found["breaches"]] == [("docs/post-training/index.md", "meta")]


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
    header = "---\ntitle: {0}\ndescription: D.\narea: inference\nlevel: core\nprerequisites: []\nstatus: draft\n---\n# {0}\n"
    repository.write("docs/inference/cost.md", header.format("Cost"))
    repository.write(
        "docs/inference/ray.md", header.format("Ray") + '\n<data value="inference/cost:x">1</data>\n'
    )
    repository.write("snippets/inference/ray/training.py", "x = 1\n")
    repository.write(
        "docs/inference/demo.md",
        repository.read("docs/inference/demo.md") + '\n```python\n--8<-- "inference/cost.py:x"\n```\n',
    )
    repository.write("tests/published/adapters.py", "from snippets.inference import cost\n")
    repository.write("tests/published/test_published.py", "def test_a():\n    assert 1\n")
    repository.write("tests/site/test_site.py", "from snippets.inference import cost\n")
    commit(repository)
    git(repository, "switch", "-q", "-c", "topic")
    repository.write("snippets/inference/cost/base.py", "x = 2\n")
    found = changed.touched(repository.project)
    assert [trio.name for trio in found.trios] == ["inference/cost", "inference/demo", "inference/ray"]
    assert [path.name for path in found.tests] == ["test_published.py"]
    assert found.machinery == ""


def test_notebooks_are_touched_by_what_they_import(repository):
    repository.write("docs/labs/one.py", "# %%\nfrom snippets.inference import demo\n")
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
    ("arguments", "page", "module"),
    [
        (["inference/cost"], "inference/cost", "cost"),
        (["inference/my-page", "--title", "My page"], "inference/my-page", "my_page"),
        (["post-training/lora"], "post-training/lora", "lora"),
        (["inference/ray", "--snippet", "ray_train"], "inference/ray", "ray_train"),
    ],
)
def test_a_new_page_passes_once_it_is_recorded(demo, arguments, page, module):
    area, slug = page.split("/")
    found = call("new", *arguments)
    assert found.exit_code == 0, found.output
    for file in (f"docs/{page}.md", f"snippets/{area}/{module}.py", f"tests/{area}/test_{module}.py"):
        assert demo.path(file).is_file()
        assert file in found.stdout
    assert f"fieldguide record {page}" in found.stdout
    assert "status: draft" in demo.read(f"docs/{page}.md")
    assert "[[" not in "".join(demo.read(f"{p}") for p in (f"docs/{page}.md", f"snippets/{area}/{module}.py"))
    assert call("record", page).exit_code == 0
    checked = call("check")
    assert checked.exit_code == 0, checked.output
    assert demo.read(f"docs/{page}.md").count('<data value="answer">5,050</data>') == 1
    assert slug in demo.read("mkdocs.yml")


def test_a_complete_template_would_be_told_only_what_an_author_can_write(demo):
    call("new", "inference/cost")
    call("record", "inference/cost")
    demo.replace("docs/inference/cost.md", "status: draft", "status: complete")
    rules = {breach["rule"] for breach in call_json("check", "inference/cost")["breaches"]}
    assert "unfinished" not in rules
    assert rules <= {"sections", "citation"}


def test_the_navigation_keeps_its_comments_and_the_order_of_the_curriculum(demo):
    call("new", "post-training/lora")
    call("new", "inference/ray", "--snippet", "ray_train")
    call("new", "inference/cost")
    assert demo.read("mkdocs.yml") == MKDOCS.replace(
        "      - inference/index.md  # its overview\n",
        "      - inference/index.md  # its overview\n      - inference/demo.md\n"
        "      - inference/cost.md\n      - inference/ray.md\n",
    ).replace("post-training/index.md\n", "post-training/index.md\n      - LoRA: post-training/lora.md\n")


def test_the_functions_of_a_new_page_are_listed_as_a_library(demo):
    area = "Inference and serving"
    index = f"# Library\n\n## {area}\n\n- [Demo](inference-demo.md)\n\n## Elsewhere\n"
    demo.write("docs/reference/api/index.md", index)
    pages = "  - Code:\n      - reference/api/index.md\n      - reference/api/inference-demo.md\n"
    demo.replace("mkdocs.yml", "theme: ", f"{pages}theme: ")
    found = call("new", "inference/cost", "--title", "Cost of it")
    assert found.exit_code == 0, found.output
    assert "docs/reference/api/inference-cost.md" in found.stdout
    code = demo.read("docs/reference/api/inference-cost.md")
    assert "::: snippets.inference.cost\n" in code
    assert "](../../inference/cost.md)" in code
    assert "[[" not in code
    call("new", "post-training/lora")
    more = "      - reference/api/inference-cost.md\n      - reference/api/post-training-lora.md\n"
    assert f"{pages}{more}theme: " in demo.read("mkdocs.yml")
    link = "- [Demo](inference-demo.md)\n"
    expected = index.replace(link, f"{link}- [Cost of it](inference-cost.md)\n")
    title = next(area.title for area in demo.project.areas if area.slug == "post-training")
    assert demo.read("docs/reference/api/index.md") == (
        f"{expected}\n## {title}\n\n- [LoRA](post-training-lora.md)\n"
    )


def test_an_unplanned_page_enters_the_curriculum(demo):
    before = demo.read("docs/curriculum.yml")
    call("new", "inference/my-page")
    line = '      my-page: {title: "My page", answers: "Explain my page."}\n'
    assert demo.read("docs/curriculum.yml") == before.replace(
        "  post-training:\n", line + "  post-training:\n"
    )
    assert [page.slug for page in demo.project.areas[0].pages][-1] == "my-page"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["inference/demo"], "docs/inference/demo.md exists already"),
        (["inferense/x"], "there is no area 'inferense'. Did you mean inference/x?"),
        (["my-page"], "a name is area/slug, and there is no area 'my-page'"),
        (
            ["inference/My_Page"],
            "use lower-case words and digits joined by hyphens, such as inference/my-page",
        ),
        (["inference/../x"], "cannot name a page"),
        (["inference/a/b"], "cannot name a page"),
        (["inference/ray"], "ray would be imported in place of the library ray"),
        (["inference/json"], "json would be imported in place of the library json"),
        (["inference/ray", "--snippet", "train"], "is called ray or begins with ray_, not 'train'"),
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
    demo.snippet(
        "demo/more", "def example_a():\n    print(1, end='')\n\n\ndef example_b():\n    print(2, end='')\n"
    )
    found = call("run", "inference/demo/more").stdout
    assert found == "# snippets/inference/demo/more.py · a\n1\n\n# snippets/inference/demo/more.py · b\n2\n"


def test_without_its_packages_the_module_makes_the_environment_and_starts_again(monkeypatch):
    started = []
    monkeypatch.setattr(__main__, "NEEDED", ("no_such_package",))
    monkeypatch.setattr(bootstrap, "ensure", lambda kind: Path(f"/env/{kind}/python"))
    monkeypatch.setattr(sys, "prefix", "/usr")
    monkeypatch.setattr(sys, "argv", ["fieldguide", "run", "inference/kv-cache"])
    monkeypatch.setattr(os, "execv", lambda *arguments: started.append(arguments))
    __main__.main()
    python = str(Path("/env/test/python"))
    assert started == [(python, [python, "-m", "fieldguide", "run", "inference/kv-cache"])]
    monkeypatch.setattr(sys, "prefix", str(bootstrap.environment("test")))
    with pytest.raises(SystemExit, match="is damaged"):
        __main__.main()


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "fieldguide", "--help"], cwd=published.__file__.rpartition("/fieldguide/")[0],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "inference/kv-cache" in done.stdout
