"""Deliberate corruptions of a copy of the project: each must be caught, at its line, with words that help.

Every case is a function that corrupts the copy and returns where the breach must be reported, the
rule, and a telling part of the message. The corruption may break other things as well (a page
that cannot be read also leaves its snippets alone): only the right report is required, but
where nothing else is broken, nothing else may be reported (`alone=False` where it is).
"""

from __future__ import annotations

import subprocess
from collections.abc import Callable

import pytest

from fieldguide.guide.project import Project
from fieldguide.proof import record as verify
from fieldguide.proof import rules as contract
from fieldguide.proof.rules import RULES
from fieldguide.proof.rules.facts import defined, resolve, uses
from fieldguide.proof.rules.guide import Guide

PAGE = "docs/inference/kv-cache.md"
SNIPPET = "snippets/inference/kv_cache.py"
OUTPUT = "snippets/inference/kv_cache.out.txt"
TEST = "tests/inference/test_kv_cache.py"
BIB = "docs/references.bib"
TERMS = "docs/glossary.yml"
LEDGER = "tests/skips.toml"
ANCHOR = "^## How it breaks"  # a place in the page where text can be put
FENCE = "```"

Expected = tuple[str, int, str, str]
"""File, line, rule, part of the message."""
CASES: list[tuple[str, Callable[..., Expected], bool]] = []


def corruption(alone: bool = True) -> Callable[[Callable[..., Expected]], Callable[..., Expected]]:
    """Register a case; `alone` if nothing but the expected breach may be reported."""

    def register(function: Callable[..., Expected]) -> Callable[..., Expected]:
        CASES.append((function.__name__, function, alone))
        return function

    return register


def first_region(copy):
    """A region that the page shows."""
    guide = Guide(copy.root)
    return next(iter(guide.regions(copy.root / SNIPPET)[0]))


# Code on the page


@corruption()
def code_typed_on_the_page(copy):
    line = copy.insert(PAGE, ANCHOR, f"{FENCE}python\nprint(1)\n{FENCE}")
    return PAGE, line, "include", "holds code of its own"


@corruption()
def code_beside_an_include(copy):
    region = first_region(copy)
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}py\n--8<-- "inference/kv_cache.py:{region}"\nprint(1)\n{FENCE}')
    return PAGE, line, "include", "exactly one include"


@corruption()
def code_hidden_in_a_note(copy):
    line = copy.insert(PAGE, ANCHOR, f"!!! note\n\n    {FENCE} {{ .python }}\n    print(1)\n    {FENCE}")
    return PAGE, line + 2, "include", "a Python fence"


@corruption()
def output_typed_by_hand(copy):
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}text title="Output"\n42\n{FENCE}')
    return PAGE, line, "include", "typed by hand"


@corruption()
def title_of_another_file(copy):
    region = first_region(copy)
    include = f'--8<-- "inference/kv_cache.py:{region}"'
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}python title="snippets/inference/x.py"\n{include}\n{FENCE}')
    return PAGE, line, "include", "the title says `snippets/inference/x.py`"


@corruption()
def fence_never_closed(copy):
    return PAGE, copy.append(PAGE, f"\n{FENCE}text\nthe end") + 1, "include", "never closed"


@corruption()
def unknown_file(copy):
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}python\n--8<-- "inference/kv_cach.py:x"\n{FENCE}')
    return PAGE, line + 1, "region", "Did you mean `inference/kv_cache.py`"


@corruption()
def unknown_region(copy):
    region = first_region(copy)
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}python\n--8<-- "inference/kv_cache.py:{region}s"\n{FENCE}')
    return PAGE, line + 1, "region", f"has no region `{region}s`. Did you mean `{region}`"


@corruption()
def included_by_line_number(copy):
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}python\n--8<-- "inference/kv_cache.py:3:9"\n{FENCE}')
    return PAGE, line + 1, "region", "line number"


# Files of code


@corruption(alone=False)
def end_marker_missing(copy):
    region = first_region(copy)
    copy.replace(SNIPPET, rf"^# --8<-- \[end:{region}\]\n", "")
    return SNIPPET, copy.line(SNIPPET, rf"\[start:{region}\]"), "region-markers", f"`{region}` never ends"


@corruption()
def region_marked_twice(copy):
    region = first_region(copy)
    line = copy.append(SNIPPET, f"# --8<-- [start:{region}]\n# --8<-- [end:{region}]")
    return SNIPPET, line, "region-markers", "starts twice"


@corruption()
def marker_misspelled(copy):
    line = copy.append(SNIPPET, "# --8<-- [begin:x]")
    return SNIPPET, line, "region-markers", "cannot be read"


@corruption(alone=False)
def regions_overlap(copy):
    line = copy.append(
        SNIPPET, "".join(f"# --8<-- [{x}]\n" for x in ("start:x", "start:y", "end:x", "end:y"))
    )
    return SNIPPET, line + 2, "region-markers", "ends inside the region `y`"


@corruption()
def region_that_no_page_shows(copy):
    line = copy.append(SNIPPET, "# --8<-- [start:spare]\nSPARE = 1\n# --8<-- [end:spare]")
    return SNIPPET, line, "unshown-region", "no page shows the region `spare`"


@corruption(alone=False)
def region_too_long(copy):
    line = copy.append(SNIPPET, "# --8<-- [start:long]\n" + "# line\n" * 41 + "# --8<-- [end:long]")
    return SNIPPET, line, "length", "has 41 lines"


@corruption()
def snippet_too_long(copy):
    copy.append(SNIPPET, "# line\n" * 200)
    return SNIPPET, 151, "length", "150 are allowed"


@corruption()
def example_without_output(copy):
    line = copy.append(SNIPPET, "def example_new() -> None:\n    print(1)")
    return SNIPPET, line, "recorded", "`example_new` has no section"


@corruption(alone=False)
def output_without_example(copy):
    line = copy.append(OUTPUT, "\n# --8<-- [start:gone]\n1\n# --8<-- [end:gone]") + 1
    return OUTPUT, line, "recorded", "has no `example_gone`"


@corruption()
def output_outside_every_section(copy):
    return OUTPUT, copy.append(OUTPUT, "42"), "recorded", "a line outside every section: `42`"


@corruption()
def output_of_a_deleted_snippet(copy):
    name = "snippets/inference/kv_cache_gone.out.txt"
    copy.write(name, "")
    return name, 1, "recorded", "a snippet that does not exist"


@corruption(alone=False)
def snippet_named_after_a_library(copy):
    copy.write("snippets/inference/ray.py", '"""Ray."""\n')
    return "snippets/inference/ray.py", 1, "module-name", "the library `ray`"


@corruption()
def snippet_that_imports_the_machinery(copy):
    return (
        SNIPPET,
        copy.append(SNIPPET, "import fieldguide.guide.project"),
        "snippet-import",
        "could not copy the file",
    )


@corruption()
def snippet_of_another_area(copy):
    line = copy.append(SNIPPET, "from snippets.rl import ppo")
    return SNIPPET, line, "snippet-import", "not of the area `inference`"


@corruption(alone=False)
def snippet_of_a_page_that_is_no_prerequisite(copy):
    copy.replace("docs/inference/index.md", r"^prerequisites:.*", "prerequisites: []")
    path = "snippets/inference/overview_setup.py"
    line = copy.line(path, "^from snippets.distributed")
    return path, line, "snippet-import", "nor of a page that this one builds on"


@corruption()
def snippet_that_needs_its_folder(copy):
    copy.write("snippets/inference/kv_cache_helper.py", '"""Helper."""\n')
    return (
        SNIPPET,
        copy.append(SNIPPET, "import kv_cache_helper"),
        "snippet-import",
        "only when Python starts in",
    )


# The trio


@corruption()
def snippet_without_a_page(copy):
    copy.write("snippets/inference/nobody.py", '"""Nobody shows this."""\n')
    return "snippets/inference/nobody.py", 1, "trio", "no page `docs/inference/nobody.md`"


@corruption()
def lone_test(copy):
    copy.write("tests/inference/test_nobody.py", "def test_x(x):\n    assert x\n")
    return "tests/inference/test_nobody.py", 1, "trio", "the test has no page"


def landed_page(copy, text):
    """A page of the curriculum that is not there yet, in the navigation."""
    guide = Guide(copy.root)
    name = min(guide.planned - {page.name for page in guide.pages})
    area = name.partition("/")[0]
    copy.write(f"docs/{name}.md", META.format(area=area) + text)
    copy.append("mkdocs.yml", "")
    copy.replace("mkdocs.yml", r"^nav:\n", f"nav:\n  - {name}.md\n")
    return f"docs/{name}.md"


META = """---
title: Title
description: One sentence.
area: {area}
level: core
prerequisites: []
status: draft
---

"""


@corruption(alone=False)
def page_without_a_snippet(copy):
    return landed_page(copy, "# Title\n"), 1, "trio", "no snippet"


@corruption(alone=False)
def page_without_a_test(copy):
    return landed_page(copy, "# Title\n"), 1, "trio", "no test"


@corruption()
def empty_test(copy):
    copy.write(TEST, "def test_runs():\n    print(1)\n")
    return TEST, 1, "assertion", "assert nothing"


@corruption(alone=False)
def assertion_that_is_true(copy):
    return TEST, copy.append(TEST, "def test_more():\n    assert True") + 1, "assertion", "holds whatever"


@corruption()
def assertion_of_a_thing_with_itself(copy):
    return TEST, copy.append(TEST, "def test_more(x):\n    assert x == x") + 1, "assertion", "holds whatever"


# Facts


@corruption(alone=False)
def unknown_fact(copy):
    line = copy.replace(PAGE, r'<data value="(\w+)">', r'<data value="\1q">')
    return PAGE, line, "fact", "Did you mean"


@corruption()
def fact_of_an_unknown_page(copy):
    line = copy.insert(PAGE, ANCHOR, '<data value="inference/nothing:x">1</data>')
    return PAGE, line, "fact", "no page `inference/nothing`"


@corruption()
def fact_that_would_not_be_compared(copy):
    line = copy.insert(PAGE, ANCHOR, "<data value='x'>1</data>")
    return PAGE, line, "fact", "not written in the form that is compared"


@corruption()
def unused_fact(copy):
    guide = Guide(copy.root)
    facts = defined(guide)
    used = [resolve(facts, use.page, use.name) for use in uses(guide)]
    owner = "inference/kv-cache"
    name = next(
        n
        for n, (path, _) in facts[owner].items()
        if used.count((owner, n)) == 1 and path.name == "kv_cache.py"
    )
    copy.replace(PAGE, rf'<data value="{name}">(.*?)</data>', r"\1")
    return SNIPPET, facts[owner][name][1], "unused-fact", f"no page uses the fact `{name}`"


@corruption(alone=False)
def fact_with_a_computed_name(copy):
    line = copy.append(
        SNIPPET, "def facts() -> dict[str, str]:\n    return {str(n): str(n) for n in range(3)}"
    )
    return SNIPPET, line + 1, "fact-names", "cannot be read without running"


@corruption(alone=False)
def fact_given_twice(copy):
    line = copy.append(
        SNIPPET, 'def facts() -> dict[str, str]:\n    return {\n        "a": "1",\n        "a": "2",\n    }'
    )
    return SNIPPET, line + 3, "fact-names", "already given"


# Sources

SOURCE = "@misc{nobody2020, author={A, B}, title={T}, year={2020}, url={https://x.org}}"


@corruption()
def unknown_citation(copy):
    key = copy.text(BIB).partition("{")[2].partition(",")[0]
    line = copy.insert(PAGE, ANCHOR, f"As shown [@{key}; @{key}x, §3].")
    return PAGE, line, "citation", f"no source `{key}x`. Did you mean `{key}`"


@corruption()
def citation_of_another_form(copy):
    line = copy.insert(PAGE, ANCHOR, "As shown [see @nobody2020].")
    return PAGE, line, "citation", "cannot be read"


@corruption()
def unused_source(copy):
    line = copy.append(BIB, SOURCE.replace("}}", "}, urldate={2026-01-01}}"))
    return BIB, line, "unused-source", "no page cites `nobody2020`"


@corruption(alone=False)
def source_without_a_date(copy):
    line = copy.append(BIB, SOURCE)
    return BIB, line, "bibliography", "does not say when it was read"


@corruption()
def malformed_source(copy):
    line = copy.append(BIB, "@misc{nobody2020,\n title = {T")
    return BIB, line, "bibliography", "cannot be read"


# The page as a whole


@corruption()
def page_not_in_the_navigation(copy):
    copy.replace("mkdocs.yml", r"^.*inference/kv-cache\.md.*\n", "")
    return PAGE, 1, "navigation", "not in the navigation"


@corruption()
def page_twice_in_the_navigation(copy):
    first = copy.line("mkdocs.yml", r"inference/kv-cache\.md")
    copy.replace("mkdocs.yml", r"^(.*inference/kv-cache\.md.*\n)", r"\1\1")
    return "mkdocs.yml", first + 1, "navigation", f"twice; first on line {first}"


@corruption()
def navigation_to_nowhere(copy):
    line = copy.replace("mkdocs.yml", r"^nav:\n", "nav:\n  - inference/kv-cach.md\n") + 1
    return "mkdocs.yml", line, "navigation", "which does not exist. Did you mean `inference/kv-cache.md`"


@corruption()
def level_missing(copy):
    copy.replace(PAGE, r"^level:.*\n", "")
    return PAGE, 1, "meta", "lacks `level`"


@corruption()
def status_unknown(copy):
    line = copy.replace(PAGE, r"^level:.*", "level: hard")
    return PAGE, line, "meta", "must be one of core, deep"


@corruption()
def unknown_key(copy):
    copy.replace(PAGE, r"^(level:.*)", r"\1\nstatsu: complete")
    return PAGE, copy.line(PAGE, "^statsu"), "meta", "unknown key `statsu`. Did you mean `status`"


@corruption()
def area_of_another_folder(copy):
    return PAGE, copy.replace(PAGE, r"^area:.*", "area: rl"), "meta", "the folder `inference`"


@corruption()
def front_matter_malformed(copy):
    return PAGE, copy.replace(PAGE, r"^title:.*", "title: KV: cache"), "front-matter", "malformed"


@corruption()
def front_matter_never_closed(copy):
    copy.write("docs/index.md", "---\ntitle: Home\n")
    return "docs/index.md", 1, "front-matter", "never closed"


@corruption()
def page_in_latin_1(copy):
    line = copy.append(PAGE, "na")
    copy.write(PAGE, copy.text(PAGE).encode() + b"\xefve\n")
    return PAGE, line + 1, "encoding", "not UTF-8: byte 0xef"


@corruption(alone=False)
def curriculum_malformed(copy):
    line = copy.append("docs/curriculum.yml", "  x: [")
    return "docs/curriculum.yml", line + 1, "curriculum", "not YAML"


@corruption()
def broken_python(copy):
    return TEST, copy.append(TEST, "def ("), "syntax", "not valid Python"


@corruption()
def unknown_prerequisite(copy):
    line = copy.replace(PAGE, r"^prerequisites:.*", "prerequisites: [transformers/atention]")
    return PAGE, line, "prerequisites", "Did you mean `transformers/attention`"


@corruption()
def prerequisites_in_a_circle(copy):
    line = copy.replace(PAGE, r"^prerequisites:.*", "prerequisites: [inference/index]")
    copy.replace("docs/inference/index.md", r"^prerequisites: \[", "prerequisites: [inference/kv-cache, ")
    line = copy.line("docs/inference/index.md", "^prerequisites:")
    return (
        "docs/inference/index.md",
        line,
        "prerequisites",
        "inference/index → inference/kv-cache → inference/index",
    )


@corruption()
def heading_of_a_level_too_deep(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, "#### Deep"), "headings", "level 4 under a heading of level"


@corruption()
def second_first_level_heading(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, "# Again"), "headings", "second first-level heading"


@corruption(alone=False)
def section_missing(copy):
    copy.replace(PAGE, "^## In practice", "## In practise")
    return PAGE, 1, "sections", "needs the section `## In practice`. Did you mean `In practise`"


@corruption()
def dead_link(copy):
    line = copy.insert(PAGE, ANCHOR, "See [the overview](indx.md).")
    return PAGE, line, "link", "`indx.md` is dead. Did you mean `index.md`"


@corruption()
def dead_anchor(copy):
    line = copy.insert(PAGE, ANCHOR, "See [below](kv-cache.md#how-it-brakes).")
    return PAGE, line, "link", "the id `how-it-brakes`. Did you mean `how-it-breaks`"


@corruption()
def absolute_link(copy):
    line = copy.insert(PAGE, ANCHOR, '<a href="/inference/kv-cache/">this page</a>')
    return PAGE, line, "link", "absolute"


@corruption()
def dead_link_in_the_readme(copy):
    return "README.md", copy.append("README.md", "[how](CONTRIBUTE.md)"), "link", "`CONTRIBUTE.md` is dead"


@corruption()
def image_of_another_host(copy):
    line = copy.insert(PAGE, ANCHOR, "![A figure](https://example.org/a.png)")
    return PAGE, line, "remote-asset", "loads `https://example.org/a.png`"


@corruption()
def script_of_another_host(copy):
    line = copy.insert(PAGE, ANCHOR, '<script src="//example.org/a.js"></script>')
    return PAGE, line, "remote-asset", "from another host"


@corruption()
def stylesheet_of_another_host(copy):
    line = copy.append("docs/assets/x.css", '@import "https://example.org/a.css";')
    return "docs/assets/x.css", line, "remote-asset", "from another host"


@corruption()
def unfinished_page(copy):
    line = copy.insert(PAGE, ANCHOR, "TO" + "DO: explain the rest.")
    return PAGE, line, "unfinished", "unfinished text"


@corruption()
def dots_for_a_missing_part(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, "…"), "unfinished", "a line of dots"


@corruption()
def unfinished_snippet(copy):
    return SNIPPET, copy.append(SNIPPET, "# FIX" + "ME: wrong for MLA"), "unfinished", "unfinished text"


@corruption()
def folder_of_one_machine(copy):
    line = copy.insert(PAGE, ANCHOR, "Run it in " + "/ho" + "me/ada/guide.")
    return PAGE, line, "alone", "a folder of one machine"


@corruption()
def package_registry(copy):
    line = copy.insert(PAGE, ANCHOR, "Get it from <https://py" + "pi.org/project/torch>.")
    return PAGE, line, "alone", "host of a package registry"


@corruption()
def generated_file_committed(copy):
    copy.write("site/index.html", "")
    subprocess.run(["git", "init", "--quiet"], cwd=copy.root, check=True)
    subprocess.run(["git", "add", "--force", "site"], cwd=copy.root, check=True)
    return "site/index.html", 1, "generated", "a generated file is committed"


# Quizzes

QUIZ = """```quiz
question: How large?
answers:
  - text: Small
    correct: true
    why: It is.
  - text: Large
    why: It is not.
```"""


@corruption()
def quiz_that_is_no_yaml(copy):
    line = copy.insert(PAGE, ANCHOR, QUIZ.replace("How large?", "How large: 3"))
    return PAGE, line + 1, "quiz", "cannot be read"


@corruption()
def quiz_without_a_right_answer(copy):
    line = copy.insert(PAGE, ANCHOR, QUIZ.replace("correct: true", "correct: false"))
    return PAGE, line + 3, "quiz", "no answer is right"


@corruption()
def quiz_without_a_wrong_answer(copy):
    line = copy.insert(PAGE, ANCHOR, QUIZ.replace("Large\n", "Large\n    correct: true\n"))
    return PAGE, line + 3, "quiz", "no answer is wrong"


@corruption()
def quiz_without_a_reason(copy):
    line = copy.insert(PAGE, ANCHOR, QUIZ.replace("    why: It is not.\n", ""))
    return PAGE, line + 6, "quiz", "no `why`"


@corruption()
def quiz_with_an_unproven_number(copy):
    quiz = f"{FENCE}quiz\nquestion: How large?\nnumeric: {{fact: nothing, unit: GB}}\nwhy: So.\n{FENCE}"
    return PAGE, copy.insert(PAGE, ANCHOR, quiz) + 2, "fact", "computes the fact `nothing`"


# Glossary

TERM = "- term: {term}\n  says: It is one thing.\n  page: {page}\n  see: [{see}]"


def term(copy, term="unheard-of term", page="rl/ppo", see="PPO"):
    """Add an entry that is in order but for what the case changes."""
    return copy.append(TERMS, TERM.format(term=term, page=page, see=see))


@corruption()
def term_explained_twice(copy):
    return TERMS, term(copy, term="shuffle"), "glossary", "`shuffle` is explained twice; first on line"


@corruption()
def term_of_no_page(copy):
    return TERMS, term(copy, page="rl/pop") + 2, "glossary", "no page `rl/pop`. Did you mean `rl/ppo`"


@corruption()
def term_that_leads_nowhere(copy):
    return TERMS, term(copy, see="PPQ") + 3, "glossary", "`see` names `PPQ`"


@corruption()
def definition_with_a_number(copy):
    line = copy.replace(TERMS, r"  says: Moves rows between workers", "  says: Moves 80 rows between workers")
    return TERMS, line, "glossary", "asserts the number `80`"


@corruption()
def glossary_that_is_no_yaml(copy):
    return TERMS, term(copy, term='"open'), "glossary", "cannot be read"


@corruption()
def glossary_that_nobody_shows(copy):
    line = copy.replace("docs/practice/glossary.md", "^```glossary$", "```text")
    return "docs/practice/glossary.md", line - 5, "glossary", "does not show the glossary"


# Skips


@corruption()
def skip_in_the_code(copy):
    line = copy.append(TEST, 'import pytest as pt\n@pt.mark.skip("slow")\ndef test_slow(x):\n    assert x')
    return TEST, line + 1, "skip", "`pytest.mark.skip` skips or excuses"


@corruption()
def excuse_at_run_time(copy):
    line = copy.append(TEST, 'from pytest import importorskip as need\njava = need("java")')
    return TEST, line + 1, "skip", "where nobody counts it"


ENTRY = '[[skip]]\ntest = "{test}"\nreason = "no Java here"\nissue = "#12"\nexpires = {expires}\n\n'


def entry(copy, expires="2999-01-01"):
    """An entry that is in order but for what the case changes."""
    name = copy.text(TEST).partition("def test_")[2].partition("(")[0]
    return ENTRY.format(test=f"{TEST}::test_{name}", expires=expires)


@corruption()
def skip_without_an_issue(copy):
    copy.write(LEDGER, entry(copy).replace('issue = "#12"\n', ""))
    return LEDGER, 1, "skip", "no `issue`"


@corruption()
def skip_that_expired(copy):
    copy.write(LEDGER, entry(copy) + entry(copy, expires="2020-01-01"))
    return LEDGER, 7, "skip", "expired on 2020-01-01"


@corruption()
def skip_of_no_test(copy):
    copy.write(LEDGER, entry(copy).replace("::test_", "::tset_"))
    return LEDGER, 1, "skip", "has no test `tset_"


@corruption()
def six_skips(copy):
    copy.write(LEDGER, entry(copy) * 6)
    return LEDGER, 31, "skip", "only 5 tests may be skipped"


@pytest.mark.parametrize(("corrupt", "alone"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_is_caught(copy, corrupt, alone):
    path, line, rule, says = corrupt(copy)
    new = copy.new_breaches()
    listing = "\n".join(map(str, new)) or "nothing was reported"
    right = [b for b in new if (b.path, b.line, b.rule) == (path, line, rule) and says in b.message]
    assert right, f"expected {path}:{line}: …{says}… [{rule}], got:\n{listing}"
    assert right[0].fix, f"nothing says what to do: {right[0]}"
    assert not alone or len(new) == 1, listing


def test_an_untouched_copy_has_no_breach(copy):
    assert not copy.breaches(), "\n".join(map(str, copy.breaches()))


def test_every_rule_has_its_sabotage(copy):
    caught = set()
    for _, corrupt, _ in CASES:
        caught.add(corrupt(copy)[2])
        copy.heal()
    assert caught == RULES.keys()


def test_one_page_is_checked_with_its_trio_alone(copy):
    here = dead_link(copy), skip_in_the_code(copy)
    copy.append("docs/inference/index.md", "[nowhere](nowhere.md)")
    page = copy.project.by_name["inference/kv-cache"]
    found = {(b.path, b.line, b.rule) for b in contract.check_page(copy.project, page)}
    assert found >= {expected[:3] for expected in here}
    assert not [path for path, _, _ in found if path == "docs/inference/index.md"]


# Values: what the page states, what was recorded, and what the code does

MINIATURE = {
    "docs/curriculum.yml": """areas:
  rl:
    title: RL
    short: RL
    summary: RL.
    icon: x
    pages:
      returns: {title: Returns, answers: What a reward later is worth now.}
""",
    "docs/rl/returns.md": """---
title: Returns
---

# Returns

A reward of 1 in two steps is worth <data value="worth">0.81</data> now.

```text title="Output"
--8<-- "rl/returns.out.txt:table"
```
""",
    "snippets/rl/returns.py": '''"""Returns."""


def example_table():
    for steps in range(3):
        print(f"{steps} {0.9**steps:.2f}")


def facts():
    return {"worth": f"{0.9**2:.2f}"}
''',
    "snippets/rl/returns.out.txt": "# --8<-- [start:table]\n0 1.00\n1 0.90\n2 0.81\n# --8<-- [end:table]\n",
}


def verified(root, **changes):
    """What `verify` says of the miniature with some words replaced in some of its files."""
    for name, text in MINIATURE.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        old, new = changes.get(path.name.replace(".", "_"), ("", ""))
        path.write_text(text.replace(old, new), encoding="utf-8")
    project = Project(root)
    return [(b.path, b.line, b.rule, b.message) for b in verify.verify(project, project.trios)]


def test_values_that_hold_are_left_alone(tmp_path):
    assert not verified(tmp_path)


def test_a_fact_changed_on_the_page_is_caught(tmp_path):
    [(path, line, rule, message)] = verified(tmp_path, returns_md=(">0.81<", ">0.18<"))
    assert (path, line, rule) == ("docs/rl/returns.md", 7, "fact")
    assert "`0.18`" in message and "`0.81`" in message


def test_an_output_line_changed_is_caught_at_the_fence_that_shows_it(tmp_path):
    [(path, line, rule, message)] = verified(tmp_path, returns_out_txt=("1 0.90", "1 0.99"))
    assert (path, line, rule) == ("docs/rl/returns.md", 10, "output")
    assert "- 1 0.99" in message and "+ 1 0.90" in message


def test_a_formula_changed_in_the_snippet_is_caught_in_both(tmp_path):
    caught = verified(tmp_path, returns_py=("0.9**", "0.8**"))
    assert {rule for _, _, rule, _ in caught} == {"fact", "output"}
