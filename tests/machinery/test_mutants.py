"""Mutants on a small guide: what is drawn, what kills, what survives, and that nothing stays behind."""

import ast
import re
import sys
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fieldguide.commands import cli, console
from fieldguide.proof import mutants
from tests.small_guide import make_guide

SNIPPET = "snippets/inference/demo/double.py"
PAGE = "inference/demo"


@pytest.fixture
def demo(tmp_path, monkeypatch):
    guide = make_guide(tmp_path, demo=True)
    monkeypatch.setattr(console, "ROOT", guide.root)
    monkeypatch.chdir(guide.root)
    return guide


def names(guide, number=12, seed=1):
    project = guide.project
    chosen, stale = mutants.choose(project, project.trio(PAGE), number, seed)
    assert not stale
    return [mutant.name for mutant in chosen]


def judged(guide, old, new):
    """What sees one change, made by hand."""
    text = guide.read(SNIPPET)
    assert old in text
    mutant = mutants.Mutant(guide.path(SNIPPET), 1, "", text.replace(old, new))
    project = guide.project
    ((_, seen, _),) = mutants.judge(project, project.trio(PAGE), [mutant])
    return seen


CODE = '''\
"""Twice 2."""
from typing import Annotated
LIMIT: Annotated[int, "", (1, 9)] = 3
def double(n: int, text: str = f"{1 + 1:3d}") -> int:
    """2 * n"""
    return max(n, n * 2) if n <= LIMIT else sum([n, n])
def example_table() -> None:
    """A table."""
    for n in range(2, 4):
        print(f"{n / 3:.3f}", n + 1)
        line = f"{n * 3:4d}"
def figure_line() -> str:
    """A figure."""
    return f"<svg width='{7 + 7}'/>"
def facts() -> dict[str, str]:
    """Facts."""
    return {"a": f"{double(10):5.1f} {double(*(1, 2))}", "b": "x" + f"{LIMIT}"}
if __name__ == "__main__":
    example_table()
'''


def test_what_the_page_computes_is_broken_and_no_text_annotation_or_figure(demo):
    demo.write(SNIPPET, CODE)
    found = list(mutants.mutants(demo.project, demo.project.trio(PAGE), demo.path(SNIPPET)))
    assert sorted(mutant.name.split(" :: ")[2] for mutant in found) == sorted([
        "3 → 4", "1 + 1 → 1 - 1", "1 + 1 → 1", "1 + 1 → 1", "1 → 2", "1 → 2",
        "max(n, n * 2) → min(n, n * 2)", "n * 2 → n / 2", "n * 2 → n", "n * 2 → 2", "2 → 3", "n <= LIMIT → n < LIMIT",
        "range(2, 4) → range(2, 4 - 1)", "2 → 3", "4 → 5", "10 → 11", "1 → 2", "2 → 3",
        "n / 3 → n * 3", "n / 3 → n", "3 → 4", "n + 1 → n - 1", "n + 1 → n", "n + 1 → 1", "1 → 2",
        "n * 3 → n / 3", "n * 3 → n", "n * 3 → 3", "3 → 4",
    ])  # fmt: skip
    before = CODE.splitlines()
    for mutant in found:
        after = mutant.text.splitlines()
        ast.parse(mutant.text)
        assert [n for n, pair in enumerate(zip(before, after, strict=True), 1) if pair[0] != pair[1]] == [mutant.line]
    (formatted,) = [mutant for mutant in found if mutant.name.endswith("10 → 11")]
    assert "{double(11):5.1f} {double(*(1, 2))}" in formatted.text


def test_the_same_seed_draws_the_same_and_edits_of_other_lines_move_nothing(demo):
    demo.write(SNIPPET, CODE)
    first = names(demo, 3)
    assert names(demo, 3) == first != names(demo, 3, seed=2)
    assert len({name.split(" :: ")[1] for name in names(demo)}) == len(names(demo)) == 7  # no line twice
    demo.replace(SNIPPET, '"""A table."""', '"""A table, of two rows."""\n    # why')
    assert names(demo, 3) == first


def test_a_killed_mutant_and_a_survivor_are_shown_with_their_lines(demo):
    """The survivor is planted: no test looks at what the page states of `double`."""
    demo.replace(SNIPPET, "for n in (1, 10):", "for n in (len('1'), len('0123456789')):")
    demo.replace(SNIPPET, "{n / 3:.3f}", "")
    before = demo.files()
    found = CliRunner().invoke(cli.app, ["mutate", PAGE], catch_exceptions=False)
    killed, survived = demo.line(SNIPPET, "return 2 * n"), demo.line(SNIPPET, "twice_ten")
    assert re.search(rf"^✓ killed   {SNIPPET}:{killed}  .* → .*\n    .*test_double_is_a_sum", found.stdout, re.M)
    assert re.search(rf"^✗ survived {SNIPPET}:{survived}  10 → 11 .*\n    return .*twice_ten", found.stdout, re.M)
    assert found.stdout.endswith("inference/demo, seed 1: 1 of 2 killed, 1 survived\n")
    assert found.exit_code == 0, "one survivor is allowed"
    assert demo.files() == before


def test_known_equivalent_mutants_are_not_drawn_and_an_entry_that_names_none_fails(demo):
    (name,) = [name for name in names(demo) if "twice_ten" in name]
    demo.write("tests/equivalent.txt", f"{name} :: it is a demo\n")
    assert name not in names(demo)
    demo.replace(SNIPPET, "double(10)", "double(12)")
    found = CliRunner().invoke(cli.app, ["mutate", PAGE, "--minutes", "0"], catch_exceptions=False)
    assert found.exit_code == 1
    assert "tests/equivalent.txt:1 there is no such mutant." in found.stderr


def test_what_hangs_is_ended_with_all_that_it_started(demo, monkeypatch, tmp_path):
    monkeypatch.setattr(mutants, "FACTOR", 1.0)
    monkeypatch.setattr(mutants, "GRACE", 8.0)
    pid = tmp_path / "pid"
    code = (
        f"import pathlib, subprocess; p = subprocess.Popen([{sys.executable!r}, '-c', 'import time; time.sleep(900)'])"
        f"; pathlib.Path({str(pid)!r}).write_text(str(p.pid))\n    while n == 21: pass\n    return 2 * n"
    )
    demo.replace(SNIPPET, "double(n):4d", "2 * n:4d")
    demo.replace(SNIPPET, "{double(10)}", "{20}")
    assert judged(demo, "return 2 * n", code) == "its limit"
    until = time.monotonic() + 5
    while (alive := is_alive(pid.read_text())) and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive


def is_alive(pid):
    """Whether a process runs; one that has ended and waits for its parent does not."""
    stat = Path(f"/proc/{pid}/stat")
    return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] != "Z"


def test_a_recording_kills_by_failing_and_not_by_another_output(demo):
    demo.replace("tests/inference/test_demo.py", "sum([21, 21])", "42")
    assert judged(demo, "n / 3", "n / 4") == ""
    assert "example `table` failed: ZeroDivisionError" in judged(demo, "n / 3", "n / (n - 1)")


def test_a_page_that_does_not_pass_is_not_broken_further(demo):
    demo.replace("tests/inference/test_demo.py", "sum([21, 21])", "43")
    with pytest.raises(RuntimeError, match=r"inference/demo does not pass as it is: .*test_double_is_a_sum"):
        judged(demo, "n / 3", "n / 4")
