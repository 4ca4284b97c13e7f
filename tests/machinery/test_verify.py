"""Pages against their snippets: what differs is named, what is recorded is right, nothing else changes."""

import datetime
import json

import pytest

from fieldguide.proof import passed, rules
from fieldguide.proof import record as verify
from fieldguide.runner import Run
from tests.small_guide import make_guide

MORE = '''\
"""More of the demo."""


def example_more():
    """Print."""
    print("more")


def facts():
    """Facts."""
    return {"half": "0.500", "count": "7"}
'''
COST = """\
---
title: Cost
description: Count money.
area: inference
level: core
prerequisites: []
status: draft
---

# Cost

Ten, twice, is <data value="inference/demo:twice_ten">20</data>; alone it is
<data
 value="ten">10</data>.
"""


@pytest.fixture
def demo(tmp_path):
    return make_guide(tmp_path, demo=True)


def breaches(guide, *names):
    project = guide.project
    return verify.verify(project, [project.trio(name) for name in names or ["inference/demo"]])


def record(guide, *names, **options):
    project = guide.project
    return verify.record(project, [project.trio(name) for name in names or ["inference/demo"]], **options)


def test_a_sound_trio_has_no_breach(demo):
    assert breaches(demo) == []


def test_a_different_output_names_page_example_and_both_texts(demo):
    demo.replace("snippets/inference/demo/double.out.txt", " 10   20 3.333", " 10   21 3.333")
    (breach,) = breaches(demo)
    assert breach.path == "docs/inference/demo.md"
    assert breach.line == demo.line("docs/inference/demo.md", "double.out.txt:table")
    assert "example `table` of snippets/inference/demo/double.py is not what is recorded" in breach.message
    assert "line 2\n    -  10   21 3.333\n    +  10   20 3.333" in breach.message
    assert breach.fix == "look at it; if the new one is right: fieldguide record inference/demo"
    assert breach.rule == "output"


def test_a_float_within_its_last_digit_is_no_difference(demo):
    demo.replace("snippets/inference/demo/double.out.txt", "3.333", "3.334")
    assert breaches(demo) == []


def test_an_output_that_no_page_shows_is_named_by_its_file(demo):
    demo.write("snippets/inference/demo/more.py", MORE)
    demo.write("snippets/inference/demo/more.out.txt", "# --8<-- [start:more]\nless\n# --8<-- [end:more]\n")
    (breach,) = (breach for breach in breaches(demo) if breach.rule == "output")
    assert breach.path == "snippets/inference/demo/more.out.txt"


def test_what_is_not_recorded_is_left_to_the_contract(demo):
    demo.replace("snippets/inference/demo/double.out.txt", "# --8<-- [end:table]\n", "")
    assert breaches(demo) == []
    demo.path("snippets/inference/demo/double.out.txt").unlink()
    assert breaches(demo) == []
    found = [breach for breach in rules.check(demo.project) if breach.path.startswith("snippets/")]
    assert [breach.message for breach in found] == ["nothing has been recorded: there is no `double.out.txt`."]


def test_a_failure_names_line_page_and_traceback(demo):
    demo.replace("snippets/inference/demo/double.py", "return 2 * n", "return n // 0")
    (breach,) = breaches(demo)
    assert breach.path == "snippets/inference/demo/double.py"
    assert breach.line == demo.line("snippets/inference/demo/double.py", "return n // 0")
    shown = demo.line("docs/inference/demo.md", "double.out.txt:table")
    assert "example `table` failed: ZeroDivisionError" in breach.message
    assert f"docs/inference/demo.md:{shown} shows it" in breach.message
    assert "Traceback" in breach.message
    assert breach.rule == "run-exception"


def test_a_different_fact_names_the_element(demo):
    demo.replace(
        "docs/inference/demo.md", 'Twice ten is <data value="twice_ten">20', 'Twice\nten is <data value="twice_ten">21'
    )
    (breach,) = breaches(demo)
    assert (breach.path, breach.rule) == ("docs/inference/demo.md", "fact")
    assert breach.line == demo.line("docs/inference/demo.md", ">21<")
    assert (
        "the page says `21` for the fact `twice_ten`; snippets/inference/demo/double.py computes `20`" in breach.message
    )
    assert "fieldguide record inference/demo" in breach.fix


def test_an_unknown_fact_is_refused(demo):
    demo.replace(
        "docs/inference/demo.md", 'Twice ten is <data value="twice_ten">', 'Twice ten is <data value="twise_ten">'
    )
    assert any("no snippet of `inference/demo` computes the fact `twise_ten`" in b.message for b in breaches(demo))


def test_a_fact_that_no_page_uses_is_refused(demo):
    demo.replace("docs/inference/demo.md", '<data value="twice_ten">20</data>', "20")
    (breach,) = breaches(demo)
    assert (breach.path, breach.page) == ("snippets/inference/demo/double.py", "inference/demo")
    assert breach.line == demo.line("snippets/inference/demo/double.py", '"twice_ten"')
    assert "no page uses the fact `twice_ten`" in breach.message


def test_a_quiz_uses_its_fact_and_may_not_name_an_unknown_one(demo):
    quiz = "```quiz\nquestion: How many?\nnumeric: {fact: twice_ten}\nwhy: So.\n```\n"
    demo.replace("docs/inference/demo.md", '<data value="twice_ten">20</data>', f"20\n\n{quiz}")
    assert breaches(demo) == []
    demo.replace("docs/inference/demo.md", "fact: twice_ten", "fact: twise_ten")
    (breach,) = breaches(demo)
    assert breach.line == demo.line("docs/inference/demo.md", "numeric:")
    assert "computes the fact `twise_ten`. Did you mean `twice_ten`" in breach.message


def test_facts_are_the_union_over_the_snippets_of_a_page(demo):
    demo.write("snippets/inference/demo/more.py", MORE)
    demo.write("snippets/inference/demo/more.out.txt", "# --8<-- [start:more]\nmore\n# --8<-- [end:more]\n")
    demo.replace(
        "docs/inference/demo.md", "# Demo", '# Demo\n\n<data value="half">0.501</data> of <data value="count">7</data>'
    )
    assert breaches(demo) == []
    demo.replace("docs/inference/demo.md", "0.501", "0.503")
    demo.replace("docs/inference/demo.md", '"count">7<', '"count">8<')
    assert [breach.rule for breach in breaches(demo)] == ["fact", "fact"]


def test_a_fact_given_twice_is_refused(demo):
    demo.write("snippets/inference/demo/more.py", MORE.replace("half", "twice_ten"))
    demo.write("snippets/inference/demo/more.out.txt", "# --8<-- [start:more]\nmore\n# --8<-- [end:more]\n")
    (breach,) = (breach for breach in breaches(demo) if "no page uses" not in breach.message)
    assert breach.path == "snippets/inference/demo/more.py"
    assert "the fact `twice_ten` is already given by `double.py`" in breach.message
    assert record(demo)[1] == [breach]


@pytest.fixture
def two(demo):
    """A second page, which quotes the first."""
    demo.write("docs/inference/cost.md", COST)
    demo.write("snippets/inference/cost/total.py", 'def facts():\n    return {"ten": "10"}\n')
    return demo


def test_facts_of_another_page(two):
    assert breaches(two, "inference/cost") == []
    two.replace("docs/inference/cost.md", ">20<", ">30<")
    for name in ("inference/cost", "inference/demo"):  # whoever changes either side hears of it
        (breach,) = breaches(two, name)
        assert (breach.path, breach.line) == ("docs/inference/cost.md", two.line("docs/inference/cost.md", ">30<"))
    assert breach.fix == "if that is right: fieldguide record inference/demo"


def test_given_runs_are_used(demo):
    project = demo.project
    trio = project.trio("inference/demo")
    run = Run(trio.snippets[0], sections={"table": "something else"}, facts={"twice_ten": "20"})
    (breach,) = verify.verify(project, [trio], {trio.name: [run]})
    assert "something else" in breach.message


def test_record_writes_outputs_and_facts_and_nothing_else(two):
    two.path("snippets/inference/demo/double.out.txt").unlink()
    two.replace("snippets/inference/demo/double.py", "2 * n", "3 * n")
    before = two.files()
    changes, refused = record(two)
    assert refused == []
    assert [change.path.name for change in changes] == ["double.out.txt", "cost.md", "demo.md"]
    after = two.files()
    assert after["snippets/inference/demo/double.out.txt"] == (
        b"# --8<-- [start:table]\n  1    3 0.333\n 10   30 3.333\n# --8<-- [end:table]\n"
    )
    expected = before["docs/inference/demo.md"].replace(
        b'Twice ten is <data value="twice_ten">20<', b'Twice ten is <data value="twice_ten">30<'
    )
    assert after["docs/inference/demo.md"] == expected
    assert b'`<data value="twice_ten">7</data>`' in expected
    assert after["docs/inference/cost.md"] == before["docs/inference/cost.md"].replace(b">20<", b">30<")
    assert "-Twice ten" in changes[2].diff
    assert "+Twice ten" in changes[2].diff
    assert breaches(two, "inference/demo", "inference/cost") == []
    assert record(two) == ([], [])


def test_record_finds_elements_over_several_lines_and_leaves_code(demo):
    code = '```html\n<data value="twice_ten">9</data>\n```\n\n<!-- <data value="twice_ten">9</data> -->\n\n'
    element = '<data value="twice_ten">\n9</data> é\n'
    demo.replace("docs/inference/demo.md", "# Demo\n", f"# Demo\n\n{code}{element}")
    record(demo)
    assert f'# Demo\n\n{code}<data value="twice_ten">20</data> é\n' in demo.read("docs/inference/demo.md")


def test_measured_lines_stay_unless_asked_for(demo):
    demo.replace(
        "snippets/inference/demo/double.py",
        'print(f"{n:3d} {double(n):4d} {n / 3:.3f}")',
        'print(f"{n + 1} ms  # measured")',
    )
    demo.write(
        "snippets/inference/demo/double.out.txt",
        "# --8<-- [start:table]\n71 ms  # measured\n9 ms  # measured\n# --8<-- [end:table]\n",
    )
    assert record(demo) == ([], [])
    (change,), _ = record(demo, measured=True)
    assert "\n2 ms  # measured\n11 ms  # measured\n" in change.after


def test_a_damaged_recording_is_replaced(demo):
    good = demo.read("snippets/inference/demo/double.out.txt")
    demo.write("snippets/inference/demo/double.out.txt", b"\xff\xfe half a file")
    changes, refused = record(demo)
    assert (len(changes), refused) == (1, [])
    assert demo.read("snippets/inference/demo/double.out.txt") == good


def test_the_stamp_of_what_passed(demo):
    trio = demo.project.trio("inference/demo")
    assert passed.last_passed(demo.project, trio) is None
    passed.mark_passed(demo.project, [trio])
    date, fresh = passed.last_passed(demo.project, trio)
    assert (date, fresh) == (datetime.datetime.now(datetime.UTC).date(), True)
    entry = json.loads(demo.read(passed.PASSED))["inference/demo"]
    assert entry["versions"]["python"].startswith("3.")
    demo.replace("tests/inference/test_demo.py", "21", "22")
    assert passed.last_passed(demo.project, trio) == (date, False)


@pytest.mark.parametrize("content", ["", "[1]", "{", "\x00"])
def test_a_damaged_stamp_counts_as_never_passed(demo, content):
    demo.write(passed.PASSED, content)
    trio = demo.project.trio("inference/demo")
    assert passed.last_passed(demo.project, trio) is None


def test_the_digest_follows_imports(demo):
    demo.write("snippets/inference/base.py", "x = 1\n")
    demo.replace(
        "snippets/inference/demo/double.py",
        '"""Two numbers."""\n',
        '"""Two numbers."""\n\nfrom snippets.inference import base  # noqa\n',
    )
    before = passed.digest(demo.project, demo.project.trio("inference/demo"))
    demo.write("snippets/inference/base.py", "x = 2\n")
    assert passed.digest(demo.project, demo.project.trio("inference/demo")) != before
