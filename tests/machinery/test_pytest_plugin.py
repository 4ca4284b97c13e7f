"""A run of pytest must prove that something ran."""

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from fieldguide.commands import suite

ROOT = Path(__file__).parents[2]


@pytest.fixture
def project(tmp_path):
    """A folder that pytest takes for a project, with the plugin on."""
    (tmp_path / "pyproject.toml").write_text(
        f'[tool.pytest.ini_options]\naddopts = ["-p", "fieldguide.proof.pytest_plugin", "-p", "no:cacheprovider"]\n'
        f'pythonpath = ["{ROOT.as_posix()}"]\nenable_assertion_pass_hook = true\n'
    )
    (tmp_path / "docs/inference").mkdir(parents=True)
    (tmp_path / "docs/curriculum.yml").write_text(
        "areas: {inference: {title: I, short: I, summary: I, icon: i, pages: {kv-cache: {title: K, answers: K}}}}"
    )
    (tmp_path / "docs/inference/kv-cache.md").write_text("---\ntitle: K\n---\n# K\n")
    (tmp_path / "snippets/inference").mkdir(parents=True)
    (tmp_path / "snippets/inference/kv_cache.py").write_text("x = 1\n")
    (tmp_path / "tests/inference").mkdir(parents=True)
    return tmp_path


def run(project, test, ledger="", *arguments):
    """Write one test file, run the suite's pytest on it."""
    (project / "tests/inference/test_kv_cache.py").write_text(textwrap.dedent(test))
    (project / "tests/skips.toml").write_text(textwrap.dedent(ledger))
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); from pathlib import Path; from fieldguide import suite; "
        f"print('\\nCODE', *suite.run_pytest(Path({str(project)!r}), {list(arguments)!r}))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=project
    )
    verdict = next(line for line in done.stdout.splitlines() if line.startswith("CODE"))
    return int(verdict.split()[1]), done.stdout


def test_a_real_assertion_passes(project):
    code, output = run(project, "def test_a():\n    n = 2\n    assert n == 2\n", "", "--whole-suite")
    assert code == 0, output


def test_a_page_without_an_executed_assertion_fails(project):
    code, output = run(project, "def test_a():\n    print(1)\n", "", "--whole-suite")
    assert code == 1
    assert "docs/inference/kv-cache.md: no executed assertion" in output


def test_a_checker_such_as_raises_counts_as_an_assertion(project):
    test = "import pytest\n\ndef test_a():\n    with pytest.raises(ZeroDivisionError):\n        1 / 0\n"
    code, output = run(project, test, "", "--whole-suite")
    assert code == 0, output


def test_exit_code_zero_without_a_test_is_a_failure(project):
    code, output = run(project, "import os\n\ndef test_a():\n    os._exit(0)\n")
    assert code == 1
    assert "pytest ended without a report" in output


def test_no_test_collected_is_a_failure(project):
    code, _ = run(project, "x = 1\n")
    assert code != 0


def test_a_skip_without_a_ledger_entry_fails(project):
    code, output = run(
        project,
        "import pytest\n\ndef test_a():\n    pytest.skip('no')\n\ndef test_b():\n    assert True is not None\n",
    )
    assert code == 1
    assert "was skipped without an entry in tests/skips.toml" in output


LEDGER = """
    [[skip]]
    test = "tests/inference/test_kv_cache.py::test_a"
    reason = "the engine lacks it"
    issue = "#12"
    expires = 2099-01-01
"""


def test_a_ledgered_failure_is_expected(project):
    code, output = run(
        project, "def test_a():\n    assert 1 == 2\n\ndef test_b():\n    assert 2 == 2\n", LEDGER
    )
    assert code == 0, output


def test_a_ledger_entry_that_starts_to_pass_fails(project):
    code, output = run(project, "def test_a():\n    assert 2 == 2\n", LEDGER)
    assert code == 1
    assert "XPASS(strict)" in output


def test_the_report_is_read_not_guessed(tmp_path):
    assert suite.read_report(tmp_path) is None
