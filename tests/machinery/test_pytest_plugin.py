"""A run of pytest must prove that something ran."""

import pytest

from fieldguide.proof import pytest_plugin
from fieldguide.proof.testing import Pytest
from tests.small_guide import make_guide

MIXED = """
import numpy
import pytest
from hypothesis import given, strategies as st

def holds(n):
    assert n == 2

def test_asserts():
    assert 1 + 1 == 2

def test_raises():
    with pytest.raises(ZeroDivisionError):
        1 / 0

def test_asserts_in_a_helper():
    holds(2)

@pytest.mark.parametrize("n", [0, 2])
def test_ends_early(n):
    if n:
        assert n == 2

def test_checks_arrays():
    numpy.testing.assert_allclose(1.0, 1.0)

def check_nothing(n):
    return n

def test_leaves_it_to_a_function():
    check_nothing(2)

@given(st.integers())
def test_leaves_it_to_a_library(n):
    pass

def test_has_an_empty_loop():
    assert 1 + 1 == 2
    for n in []:
        assert n == 2

def test_allows_much():
    assert 1.2 == pytest.approx(1.0, rel=0.5)

def test_asserts_nothing():
    print(1)

def test_skips():
    pytest.skip("no")

def test_fails():
    n = 3
    holds(n)

def test_is_excused():
    assert 1 == 2

def test_is_excused_and_passes():
    assert 2 == 2
"""
LEDGER = "".join(
    f"""[[skip]]
test = "tests/inference/test_mixed.py::{test}"
reason = "the engine lacks it"
issue = "#12"
expires = 2099-01-01
"""
    for test in ("test_is_excused", "test_is_excused_and_passes")
)


def run(guide, *arguments):
    return Pytest(guide.root, ["-q", *arguments]).finish()


@pytest.fixture(scope="module")
def proof(tmp_path_factory):
    """One run with everything that may happen in it."""
    guide = make_guide(tmp_path_factory.mktemp("mixed"), demo=True)
    guide.write("tests/inference/test_mixed.py", MIXED)
    guide.write("tests/inference/test_broken.py", "def test_a(:\n")
    guide.write("tests/machinery/test_ours.py", "def test_a():\n    print(1)\n")
    guide.write("tests/skips.toml", LEDGER)
    guide.snippet("ray/jobs", "x = 1\n")
    guide.write("docs/inference/ray.md", guide.read("docs/inference/index.md").replace("planned", "draft"))
    return run(guide, "--whole-suite", "--continue-on-collection-errors")


def told(proof, part):
    return [breach for breach in proof.breaches if part in breach.message]


def outcome(proof, test):
    return proof.tests[f"tests/inference/test_mixed.py::{test}"]["outcome"]


@pytest.mark.parametrize("test", ["test_asserts", "test_raises", "test_asserts_in_a_helper", "test_checks_arrays"])
def test_a_test_that_asserts_passes(proof, test):
    assert not told(proof, f"`{test}`")


def test_a_test_without_an_executed_assertion_of_its_own_is_named(proof):
    silent = told(proof, "asserts nothing")
    names = ("ends_early[0]", "leaves_it_to_a_function", "leaves_it_to_a_library", "asserts_nothing")
    assert [breach.message.split("`")[1] for breach in silent] == [f"test_{name}" for name in names]
    assert (silent[-1].path, silent[-1].line) == ("tests/inference/test_mixed.py", line_of("def test_asserts_nothing"))


def test_an_assertion_that_never_ran_is_named(proof):
    (breach,) = told(proof, "never ran")
    assert (breach.line, "`test_has_an_empty_loop`" in breach.message) == (line_of("for n in []:") + 1, True)


def test_a_wide_tolerance_is_named(proof):
    (breach,) = told(proof, "allows an error of 50%; 20% are allowed")
    assert "`test_allows_much`" in breach.message


def line_of(text):
    return MIXED.split(text)[0].count("\n") + 1


def test_a_page_without_an_executed_assertion_is_named(proof):
    (breach,) = told(proof, "no assertion was executed in the tests of this page")
    assert breach.path == "docs/inference/ray.md"


def test_a_failure_is_named_at_the_last_line_of_its_file(proof):
    (breach,) = told(proof, "`test_fails` failed")
    assert (breach.path, breach.line) == ("tests/inference/test_mixed.py", line_of("assert n == 2"))
    assert breach.message == "`test_fails` failed: assert 3 == 2."
    assert "holds(n)" in proof.printed


def test_a_file_that_cannot_be_read_is_named(proof):
    (breach,) = told(proof, "test_broken.py` failed: SyntaxError")
    assert breach.path == "tests/inference/test_broken.py"


def test_a_skip_needs_an_entry_in_the_ledger(proof):
    (breach,) = told(proof, "was skipped without an entry in tests/skips.toml")
    assert (breach.line, "`test_skips`" in breach.message) == (line_of("def test_skips"), True)


def test_an_entry_of_the_ledger_expects_a_failure_and_nothing_else(proof):
    assert outcome(proof, "test_is_excused") == "xfailed"
    assert told(proof, "`test_is_excused_and_passes` failed: [XPASS(strict)]")


def test_seconds_are_counted_for_each_area(proof):
    areas = {name.split("::")[0]: test["area"] for name, test in proof.tests.items()}
    assert areas["tests/inference/test_mixed.py"] == "inference"
    assert areas["tests/machinery/test_ours.py"] == "machinery"
    assert pytest_plugin.area_of("tests/post_training/lora/test_rank.py::test_a[x/y]") == "post-training"
    assert pytest_plugin.area_of("tests/pages/test_outputs.py::test_a") == "machinery"
    assert sum(test["seconds"] for test in proof.tests.values()) > 0


@pytest.mark.parametrize(
    ("test", "message"),
    [("import os\n\nos._exit(0)\n", "pytest ended without a report"), ("x = 1\n", "pytest ended with code 5")],
)
def test_a_run_that_proves_nothing_fails(tmp_path, test, message):
    guide = make_guide(tmp_path)
    guide.write("tests/inference/test_demo.py", test)
    (breach,) = run(guide, "tests/inference").breaches
    assert message in breach.message


def test_a_sound_run_has_no_breach(tmp_path):
    guide = make_guide(tmp_path, demo=True)
    proof = run(guide, "--whole-suite")
    assert (proof.breaches, len(proof.tests)) == ([], 1)


def test_what_another_run_reported_is_no_proof(tmp_path):
    guide = make_guide(tmp_path, demo=True)
    assert run(guide, "tests").breaches == []
    guide.write("tests/inference/test_demo.py", "import os\n\nos._exit(0)\n")
    assert len(run(guide, "tests").breaches) == 1
