"""Recorded outputs: reading, writing, and what counts as the same."""

import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fieldguide.guide import outputs
from fieldguide.guide.outputs import (
    BreachError,
    diff,
    first_difference,
    keep_measured,
    parse,
    render,
    same_line,
    write_atomic,
)
from fieldguide.runner import Tolerance

LINES = st.text("a #-[]:.50é×\t\n", max_size=20)
SECTIONS = st.dictionaries(st.sampled_from(["a", "b_1", "Models"]), LINES)


@given(sections=SECTIONS)
def test_what_is_written_is_read_back(sections):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.out.txt"
        path.write_text(render(sections), encoding="utf-8", newline="\n")
        assert parse(path) == sections


def test_the_form_of_a_recorded_output():
    assert render({"a": "1\n2", "b": "x"}) == (
        "# --8<-- [start:a]\n1\n2\n# --8<-- [end:a]\n\n# --8<-- [start:b]\nx\n# --8<-- [end:b]\n"
    )


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        (b"# --8<-- [start:a]\nx\n", 1, "the region `a` never ends"),
        (b"# --8<-- [start:a]\nx\n# --8<-- [start:b]\n", 1, "the region `a` never ends"),
        (b"x\n# --8<-- [end:a]\n", 1, "text outside of any section"),
        (b"# --8<-- [end:a]\n", 1, "the region `a` ends here but never started"),
        (b"# --8<-- [start:a]\nx\n# --8<-- [end:b]\n", 1, "the region `a` never ends"),
        (
            b"# --8<-- [start:a]\nx\n# --8<-- [end:a]\n\n# --8<-- [start:a]\ny\n# --8<-- [end:a]\n",
            5,
            "the region `a` starts twice",
        ),
        (b"# --8<-- [begin:a]\nx\n", 1, "the marker `# --8<-- [begin:a]` cannot be read"),
        (b"# --8<-- [start:a]\nx\n\xff\n# --8<-- [end:a]\n", 3, "not UTF-8: byte 0xff"),
        (b"# --8<-- [start:a]\nx\n# --8<-- [end:a]\nleft over\n", 4, "text outside of any section"),
    ],
)
def test_a_damaged_file_is_refused_with_its_line(tmp_path, text, line, message):
    path = tmp_path / "x.out.txt"
    path.write_bytes(text)
    with pytest.raises(BreachError) as caught:
        parse(path, "snippets/a/x.out.txt")
    breach = caught.value.breach
    assert (breach.path, breach.line) == ("snippets/a/x.out.txt", line)
    assert message in breach.message
    assert "fieldguide record" in breach.fix


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("loss 0.123", "loss 0.124"),  # one in the last digit
        ("loss 1234.5", "loss 1235.4"),  # less than a thousandth
        ("1e-07", "9.995e-08"),
        ("x = -2.50E+3 end", "x = -2.51E+3 end"),
        ("3.5GB in 0.10s", "3.6GB in 0.11s"),
        ("1,234,567.8 bytes", "1,234,999.1 bytes"),
        ("  9.99 |", " 10.00 |"),  # a longer number moves the blanks that align it
        ("[-0.00  0.50]", "[ 0.00  0.50]"),
        ("sum 1", "sum 0.9999"),  # %g prints a whole float without its point
        ("took 12 ms # measured", "took 7 ms # measured"),
        ("3.5GB, 1,204 calls  # measured", "11.25GB, 98 calls  # measured"),
        ("fp8 v1.2.3 took 1.5 s # measured", "fp8 v1.2.3 took 9.5 s # measured"),
        ("speed +5% # measured", "speed -12% # measured"),
    ],
)
def test_lines_that_are_the_same(expected, got):
    assert same_line(expected, got)
    assert same_line(got, expected)


@pytest.mark.parametrize(
    ("expected", "got"),
    [
        ("7 users", "8 users"),
        ("430,626 tokens", "430,627 tokens"),
        ("loss 0.123", "loss 0.126"),
        ("loss 0.123", "loss -0.123"),
        ("1e-07", "1e-06"),
        ("torch v1.2.3", "torch v1.2.4"),
        ("2.13.0", "2.13.1"),
        ("fp8 0.5", "fp4 0.5"),
        ("Llama3 8B", "Llama2 8B"),
        ("3.5GB", "3.5MB"),
        ("a 1.0", "b 1.0"),
        ("a  b", "a b"),
        ("1.0 2.0", "1.0"),
        ("nan 1.0", "1.0 1.0"),
        ("0.5", "inf"),
        ("True", "False"),
        ("1.5 s # measured", "1.5 s"),
        ("1.5 s # measured", "1.5 ms # measured"),
        ("v1.2.3 1 s # measured", "v1.2.4 1 s # measured"),
        ("1.5 s # measured", "fast # measured"),
        ("x_1.5", "x_1.6"),
    ],
)
def test_lines_that_differ(expected, got):
    assert not same_line(expected, got)
    assert not same_line(got, expected)


@given(value=st.floats(-1e9, 1e9), decimals=st.integers(1, 6))
def test_one_in_the_last_digit_is_allowed_and_three_are_not_for_small_numbers(value, decimals):
    step = 10**-decimals
    printed = f"{value:.{decimals}f}"
    assert same_line(printed, f"{float(printed) + step:.{decimals}f}")
    if abs(value) < step * 100:
        assert not same_line(printed, f"{float(printed) + 3 * step:.{decimals}f}")


@given(number=st.integers(-(10**6), 10**6), other=st.integers(-(10**6), 10**6))
def test_integers_are_exact(number, other):
    assert same_line(f"n={number}", f"n={other}") == (number == other)


def test_a_declared_tolerance_widens_floats_alone():
    wide = Tolerance(rel=0.1, reason="floating-point order")
    assert first_difference("loss 1.00", "loss 1.08", wide) == 0
    assert first_difference("loss 1.00", "loss 1.08") == 1
    assert not same_line("step 7 loss 1.00", "step 8 loss 1.00", wide)


def test_a_difference_names_the_line_and_shows_both():
    assert first_difference("x\n1\nz", "x\n2\nz") == 2
    assert diff("x\n1\nz", "x\n2\nz", 2) == "  line 2\n- 1\n+ 2"


def test_missing_and_extra_lines_differ():
    assert first_difference("1", "1\n2") == first_difference("1\n2", "1") == 2
    assert diff("1", "1\n2", 2) == "+ 2"


def test_measured_lines_stay_as_recorded_while_their_shape_does():
    recorded = "a 1\ntook 5 ms # measured\nb 5%  # measured"
    assert keep_measured(recorded, "a 2\ntook 9 ms # measured\nb 7%  # measured") == recorded.replace("1", "2")


def test_measured_lines_of_a_section_are_of_one_run():
    """One that has changed its shape takes the others with it."""
    recorded = "a 1\ntook 5 ms # measured\ntook 5 s # measured"
    fresh = "a 2\ntook 9 ms # measured\nlasted 9 s # measured"
    assert keep_measured(recorded, fresh) == fresh


def test_a_file_is_replaced_with_its_mode(tmp_path):
    path = tmp_path / "x"
    path.write_text("old")
    path.chmod(0o640)
    write_atomic(path, "new é\n")
    assert path.read_bytes() == "new é\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o640
    assert [p.name for p in tmp_path.iterdir()] == ["x"]


@pytest.mark.parametrize("failing", ["fsync", "replace"])
def test_an_interrupted_write_leaves_the_old_file(tmp_path, monkeypatch, failing):
    path = tmp_path / "x"
    path.write_text("old")

    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(outputs.os if failing == "fsync" else outputs.Path, failing, interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_atomic(path, "new")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["x"]
