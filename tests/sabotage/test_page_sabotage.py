"""Deliberate corruptions of a copy of the project: each must be caught, at its line, with words that help.

Every case is a function that corrupts the copy and returns where the breach must be reported, the
rule, and a telling part of the message. The corruption may break other things as well (a page
that cannot be read also leaves its snippets alone): only the right report is required, but
where nothing else is broken, nothing else may be reported (`alone=False` where it is).
"""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fieldguide.guide.project import Project
from fieldguide.proof import record as verify
from fieldguide.proof import rules as contract
from fieldguide.proof.rules import RULES

PAGE = "docs/inference/kv-cache.md"
SNIPPET = "snippets/inference/kv_cache/sizes.py"
INIT = "snippets/inference/kv_cache/__init__.py"
OUTPUT = "snippets/inference/kv_cache/sizes.out.txt"
TEST = "tests/inference/test_kv_cache.py"
BIB = "docs/references.bib"
TERMS = "docs/glossary.yml"
LEDGER = "tests/skips.toml"
DRILLS = "snippets/inference/kv_cache/drills.yml"
FACTS = "snippets/inference/kv_cache/prefix.py"
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
    return next(iter(copy.project.regions(copy.root / SNIPPET)[0]))


# Code on the page


@corruption()
def code_typed_on_the_page(copy):
    line = copy.insert(PAGE, ANCHOR, f"{FENCE}python\nprint(1)\n{FENCE}")
    return PAGE, line, "include", "holds code of its own"


@corruption()
def code_beside_an_include(copy):
    region = first_region(copy)
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}py\n--8<-- "inference/kv_cache/sizes.py:{region}"\nprint(1)\n{FENCE}')
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
def title_typed_by_hand(copy):
    region = first_region(copy)
    include = f'--8<-- "inference/kv_cache/sizes.py:{region}"'
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}python title="snippets/inference/x.py"\n{include}\n{FENCE}')
    return PAGE, line, "include", "set by the site"


@corruption()
def fence_never_closed(copy):
    return PAGE, copy.append(PAGE, f"\n{FENCE}text\nthe end") + 1, "include", "never closed"


@corruption()
def unknown_file(copy):
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}python\n--8<-- "inference/kv_cache/size.py:x"\n{FENCE}')
    return PAGE, line + 1, "region", "Did you mean `inference/kv_cache/sizes.py`"


@corruption()
def unknown_region(copy):
    region = first_region(copy)
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}python\n--8<-- "inference/kv_cache/sizes.py:{region}s"\n{FENCE}')
    return PAGE, line + 1, "region", f"has no region `{region}s`. Did you mean `{region}`"


@corruption()
def included_by_line_number(copy):
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}python\n--8<-- "inference/kv_cache/sizes.py:3:9"\n{FENCE}')
    return PAGE, line + 1, "region", "line number"


# Files of code


@corruption(alone=False)
def end_marker_missing(copy):
    region = first_region(copy)
    copy.replace(SNIPPET, rf"^# --8<-- \[end:{region}\]\n", "")
    return SNIPPET, copy.line(SNIPPET, rf"\[start:{region}\]"), "region", f"`{region}` never ends"


@corruption()
def region_marked_twice(copy):
    region = first_region(copy)
    line = copy.append(SNIPPET, f"# --8<-- [start:{region}]\n# --8<-- [end:{region}]")
    return SNIPPET, line, "region", "starts twice"


@corruption()
def marker_misspelled(copy):
    line = copy.append(SNIPPET, "# --8<-- [begin:x]")
    return SNIPPET, line, "region", "cannot be read"


@corruption(alone=False)
def regions_overlap(copy):
    line = copy.append(SNIPPET, "".join(f"# --8<-- [{x}]\n" for x in ("start:x", "start:y", "end:x", "end:y")))
    return SNIPPET, line + 2, "region", "ends inside the region `y`"


@corruption()
def region_that_no_page_shows(copy):
    line = copy.append(SNIPPET, "# --8<-- [start:spare]\nSPARE = 1\n# --8<-- [end:spare]")
    return SNIPPET, line, "region", "no page shows the region `spare`"


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
    name = "snippets/inference/kv_cache/timing.py"
    line = copy.append(name, "def example_new() -> None:\n    print(1)")
    return name, line, "recorded", "`example_new` has no section"


@corruption()
def output_never_recorded(copy):
    name = "snippets/inference/kv_cache/fresh.py"
    copy.write(name, '"""Fresh."""\n\n\ndef example_new() -> None:\n    print(1)\n')
    return name, 4, "recorded", "nothing has been recorded"


@corruption(alone=False)
def output_without_example(copy):
    line = copy.append(OUTPUT, "\n# --8<-- [start:gone]\n1\n# --8<-- [end:gone]") + 1
    return OUTPUT, line, "recorded", "has no `example_gone`"


@corruption()
def output_outside_every_section(copy):
    return OUTPUT, copy.append(OUTPUT, "42"), "recorded", "text outside of any section"


@corruption()
def output_of_a_deleted_snippet(copy):
    name = "snippets/inference/kv_cache/gone.out.txt"
    copy.write(name, "")
    return name, 1, "recorded", "a snippet that does not exist"


@corruption()
def snippet_named_after_a_library(copy):
    copy.write("snippets/inference/kv_cache/ray.py", '"""Ray."""\n')
    return "snippets/inference/kv_cache/ray.py", 1, "trio", "the library `ray`"


@corruption()
def snippet_named_by_a_keyword(copy):
    copy.write("snippets/inference/kv_cache/async.py", '"""Async."""\n')
    return "snippets/inference/kv_cache/async.py", 1, "trio", "`async` cannot be imported"


@corruption()
def snippet_with_a_dash(copy):
    copy.write("snippets/inference/kv_cache/block-table.py", '"""Blocks."""\n')
    return "snippets/inference/kv_cache/block-table.py", 1, "trio", "`block-table` cannot be imported"


@corruption()
def folder_with_a_dash(copy):
    copy.write("snippets/inference/kv-cache/blocks.py", '"""Blocks."""\n')
    return "snippets/inference/kv-cache/blocks.py", 1, "trio", "`kv-cache` cannot be imported"


@corruption()
def snippet_in_the_folder_of_an_area(copy):
    copy.write("snippets/inference/blocks.py", '"""Blocks."""\n')
    return "snippets/inference/blocks.py", 1, "trio", "lies in that of the area"


@corruption(alone=False)
def snippet_of_another_area(copy):
    line = copy.append(SNIPPET, "from snippets.distributed.memory import recipes")
    return SNIPPET, line, "builds-on", "of another area, and of a page that this one does not build on"


@corruption()
def folder_that_is_not_named(copy):
    copy.append(SNIPPET, "from snippets.inference.batching import policies")
    return INIT, 1, "builds-on", "does not name `snippets/inference/batching`, which `sizes.py` imports"


@corruption()
def folder_that_is_not_imported(copy):
    line = copy.append(INIT, "# `snippets/inference/batching`")
    return INIT, line, "builds-on", "which no snippet of the folder imports"


# The trio


@corruption()
def snippet_without_a_page(copy):
    for name in ("one", "two"):
        copy.write(f"snippets/inference/nobody/{name}.py", '"""Nobody shows this."""\n')
    return "snippets/inference/nobody/one.py", 1, "trio", "no page `docs/inference/nobody.md`"


@corruption()
def lone_test(copy):
    copy.write("tests/inference/test_nobody.py", "def test_x(x):\n    assert x\n")
    return "tests/inference/test_nobody.py", 1, "trio", "the test has no page"


def landed_page(copy, text):
    """A page of the curriculum that is not there yet."""
    project = copy.project
    name = min(project.planned - {page.name for page in project.pages})
    area = name.partition("/")[0]
    copy.write(f"docs/{name}.md", META.format(area=area) + text)
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


# Facts: their values and names are known from a run, see below


@corruption()
def fact_that_would_not_be_compared(copy):
    line = copy.insert(PAGE, ANCHOR, "<data value='x'>1</data>")
    return PAGE, line, "fact", "not written in the form that is compared"


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
    return BIB, line, "bibliography", "no page cites `nobody2020`"


@corruption(alone=False)
def source_without_a_date(copy):
    line = copy.append(BIB, SOURCE)
    return BIB, line, "bibliography", "does not say when it was read"


@corruption()
def source_without_an_address(copy):
    line = copy.append(BIB, SOURCE.replace("url={https://x.org}", "urldate={2026-01-01}"))
    copy.insert(PAGE, ANCHOR, "As shown [@nobody2020].")
    return BIB, line, "bibliography", "has no DOI, arXiv id or URL"


@corruption()
def malformed_source(copy):
    line = copy.append(BIB, "@misc{nobody2020,\n title = {T")
    return BIB, line, "bibliography", "cannot be read"


# The page as a whole


@corruption()
def level_missing(copy):
    copy.replace(PAGE, r"^level:.*\n", "")
    return PAGE, 2, "meta", "has no `level`"


@corruption()
def status_unknown(copy):
    line = copy.replace(PAGE, r"^level:.*", "level: hard")
    return PAGE, line, "meta", "`level` must be 'core' or 'deep', not `hard`"


@corruption()
def unknown_key(copy):
    copy.replace(PAGE, r"^(level:.*)", r"\1\nstatsu: complete")
    return PAGE, copy.line(PAGE, "^statsu"), "meta", "unknown key `statsu`. Did you mean `status`"


@corruption()
def area_of_another_folder(copy):
    return PAGE, copy.replace(PAGE, r"^area:.*", "area: rl"), "front-matter", "the folder `inference`"


def landed_page_in(copy, folder):
    """A whole page in a wrong folder, with snippet and test beside it."""
    copy.write(f"docs/{folder}/kl-estimators.md", META.format(area=folder) + "#### Deep\n\nTO" + "DO [@nobody2020]\n")
    copy.write(f"snippets/{folder}/kl_estimators/estimate.py", "def example_x():\n    print(1)\n")
    copy.write(f"tests/{folder}/test_kl_estimators.py", "def test_x(x):\n    assert x\n")
    return f"docs/{folder}/kl-estimators.md"


@corruption()
def page_in_a_folder_of_no_area(copy):
    return landed_page_in(copy, "reinforcement"), 4, "front-matter", "no area `reinforcement`"


@corruption()
def page_in_the_folder_of_another_area(copy):
    name = landed_page_in(copy, "inference")
    return name, 1, "curriculum", "no page `inference/kl-estimators`. Did you mean"


@corruption()
def page_that_left_its_code_behind(copy):
    copy.write("docs/inference/rl-systems.md", META.format(area="inference") + "# RL systems\n")
    copy.write("snippets/rl/rl_systems/wait.py", '"""Wait."""\n')
    copy.write("tests/rl/test_rl_systems.py", "def test_x(x):\n    assert x\n")
    return (
        "docs/inference/rl-systems.md",
        1,
        "curriculum",
        "no page `inference/rl-systems`. Did you mean `rl/rl-systems`",
    )


@corruption()
def front_matter_malformed(copy):
    return PAGE, copy.replace(PAGE, r"^title:.*", "title: KV: cache"), "front-matter", "not YAML"


@corruption(alone=False)  # and the figure that the home page showed
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
    return "docs/curriculum.yml", line + 1, "curriculum", "the curriculum is not YAML"


@corruption()
def broken_python(copy):
    return SNIPPET, copy.append(SNIPPET, "def ("), "syntax", "not valid Python"


@corruption()
def unknown_prerequisite(copy):
    line = copy.replace(PAGE, r"^prerequisites:.*", "prerequisites: [transformers/atention]")
    return PAGE, line, "prerequisites", "Did you mean `transformers/attention`"


@corruption()
def prerequisites_in_a_circle(copy):
    line = copy.replace(PAGE, r"^prerequisites:.*", "prerequisites: [inference/index]")
    copy.replace("docs/inference/index.md", r"^prerequisites: \[", "prerequisites: [inference/kv-cache, ")
    line = copy.line("docs/inference/index.md", "^prerequisites:")
    return ("docs/inference/index.md", line, "prerequisites", "inference/index → inference/kv-cache → inference/index")


@corruption()
def heading_of_a_level_too_deep(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, "#### Deep"), "sections", "level 4 under a heading of level"


@corruption()
def second_first_level_heading(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, "# Again"), "sections", "one first-level heading"


@corruption(alone=False)
def section_missing(copy):
    copy.replace(PAGE, "^## In practice", "## In practise")
    return PAGE, 1, "sections", "needs the section `## In practice`. Did you mean `In practise`"


@corruption()
def unfinished_page(copy):
    line = copy.insert(PAGE, ANCHOR, "TO" + "DO: explain the rest.")
    return PAGE, line, "unfinished", "unfinished text"


@corruption()
def unfinished_snippet(copy):
    return SNIPPET, copy.append(SNIPPET, "# FIX" + "ME: wrong for MLA"), "unfinished", "unfinished text"


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
    return PAGE, line + 1, "quiz", "the quiz is not YAML"


@corruption()
def quiz_without_a_right_answer(copy):
    line = copy.insert(PAGE, ANCHOR, QUIZ.replace("correct: true", "correct: false"))
    return PAGE, line + 1, "quiz", "a right answer and a wrong one"


@corruption()
def quiz_without_a_wrong_answer(copy):
    line = copy.insert(PAGE, ANCHOR, QUIZ.replace("Large\n", "Large\n    correct: true\n"))
    return PAGE, line + 1, "quiz", "a right answer and a wrong one"


@corruption()
def quiz_without_a_reason(copy):
    line = copy.insert(PAGE, ANCHOR, QUIZ.replace("    why: It is not.\n", ""))
    return PAGE, line + 6, "quiz", "entry 2 of `answers` has no `why`"


@corruption()
def quiz_with_an_unknown_key(copy):
    line = copy.insert(PAGE, ANCHOR, QUIZ.replace("    correct: true", "    corect: true\n    correct: true"))
    return PAGE, line + 4, "quiz", "an unknown key `corect`. Did you mean `correct`"


# Calculators and figures


@corruption()
def calculator_of_no_function(copy):
    line = copy.replace(PAGE, r"^function: calculator:\w+", "function: calculator:users") - 1
    return PAGE, line, "calculator", "has no function users"


@corruption()
def preset_of_an_unknown_input(copy):
    line = copy.replace(PAGE, r"memory: 160, usable: 90\}", "memory: 160, usble: 90}")
    line = next(f.line for f in copy.project.by_name["inference/kv-cache"].of("calc") if f.line < line <= f.end)
    return PAGE, line, "calculator", "unknown input usble"


@corruption()
def calculator_that_no_browser_can_run(copy):
    copy.append("snippets/inference/kv_cache/calculator.py", "import numpy")
    return "snippets/inference/kv_cache/calculator.py", 1, "calculator", "the browser has no `numpy`"


FIGURE = "```figure\nfigure: {figure}\ncaption: It falls.\nalt: A line that falls.\n```"


@corruption()
def figure_without_alternative_text(copy):
    text = FIGURE.format(figure="drawing:ring").replace("alt: A line that falls.\n", "")
    drawn(copy)
    return PAGE, copy.insert(PAGE, ANCHOR, text) + 1, "figure", "the figure has no `alt`"


def drawn(copy):
    """A figure that is in order, but for the fence."""
    copy.write(
        "snippets/inference/kv_cache/drawing.py", '"""Drawing."""\n\n\ndef figure_ring() -> str:\n    return "<svg/>"\n'
    )
    copy.write("snippets/inference/kv_cache/ring.svg", "<svg/>")
    copy.insert(PAGE, ANCHOR, FIGURE.format(figure="drawing:ring"))


@corruption(alone=False)  # a region that is shown twice may be told as well
def code_before_any_drawing(copy):
    text = f'{FENCE}python\n--8<-- "inference/kv_cache/sizes.py:{first_region(copy)}"\n{FENCE}'
    return PAGE, copy.insert(PAGE, "^## ", text), "drawing", "before any drawing"


@corruption()
def a_page_with_a_drawing_among_those_without(copy):
    return "tests/undrawn.txt", copy.append("tests/undrawn.txt", "inference/kv-cache\n"), "drawing", "has its drawing"


@corruption()
def exercise_whose_change_no_longer_applies(copy):
    line = copy.replace(DRILLS, "before: .*", "before: no such text")
    return DRILLS, line - 2, "drill", "`too-sure` changes a text that occurs 0 times in `decoding.py`"


@corruption()
def exercises_that_the_page_does_not_list(copy):
    copy.replace(PAGE, f"^{FENCE}drills\n{FENCE}\n", "")
    return DRILLS, 1, "drill", "does not list them"


@corruption()
def arithmetic_in_facts(copy):
    line = copy.replace(FACTS, r"\{reused_by_the_next\(prompts\(\)\)\}", "{reused_by_the_next(prompts()) // 1}")
    return FACTS, line, "computed-fact", "computes `reused_by_the_next(prompts()) // 1`"


@corruption()
def a_sum_in_facts(copy):
    line = copy.replace(FACTS, r"\{reused_by_the_next\(prompts\(\)\)\}", "{sum([reused_by_the_next(prompts())])}")
    return FACTS, line, "computed-fact", "computes `sum("


@corruption()
def a_number_typed_in_facts(copy):
    line = copy.replace(FACTS, r"\{reused_by_the_next\(prompts\(\)\)\}", "{992}")
    return FACTS, line, "computed-fact", "states `992`"


@corruption()
def a_text_typed_in_facts(copy):
    line = copy.replace(FACTS, r'f"\{reused_by_the_next\(prompts\(\)\)\}"', '"992"')
    return FACTS, line, "computed-fact", "states `'992'`"


@corruption()
def a_page_that_computes_nothing_among_those_that_do(copy):
    ledger = "tests/unproven_facts.txt"
    return ledger, copy.append(ledger, "inference/kv-cache\n"), "computed-fact", "computes nothing in `facts()`"


@corruption()
def figure_of_no_function(copy):
    drawn(copy)
    line = copy.insert(PAGE, ANCHOR, FIGURE.format(figure="drawing:rng"))
    return PAGE, line + 1, "figure", "no function `figure_rng`. Did you mean `ring`"


@corruption()
def figure_of_no_snippet(copy):
    line = copy.insert(PAGE, ANCHOR, FIGURE.format(figure="drawings:ring"))
    return PAGE, line + 1, "figure", "no snippet `inference/kv_cache/drawings.py`"


@corruption()
def figure_that_is_not_recorded(copy):
    drawn(copy)
    copy.write(
        "snippets/inference/kv_cache/drawing.py",
        copy.text("snippets/inference/kv_cache/drawing.py").replace("ring", "disk"),
    )
    copy.remove("snippets/inference/kv_cache/ring.svg")
    line = copy.replace(PAGE, "^figure: drawing:ring", "figure: drawing:disk")
    return PAGE, line, "figure", "there is no `disk.svg`"


@corruption()
def figure_that_no_page_shows(copy):
    copy.write(
        "snippets/inference/kv_cache/drawing.py", '"""Drawing."""\n\n\ndef figure_ring() -> str:\n    return "<svg/>"\n'
    )
    return "snippets/inference/kv_cache/drawing.py", 4, "figure", "no page shows the figure `drawing:ring`"


@corruption()
def drawing_that_nothing_draws(copy):
    copy.write("snippets/inference/kv_cache/ring.svg", "<svg/>")
    return (
        "snippets/inference/kv_cache/ring.svg",
        1,
        "figure",
        "no snippet of the folder has a function `figure_ring`",
    )


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
def glossary_that_is_no_yaml(copy):
    return TERMS, term(copy, term='"open'), "glossary", "the glossary is not YAML"


@corruption()
def glossary_that_nobody_shows(copy):
    copy.replace("docs/practice/glossary.md", "^```glossary$", "```text")
    return "docs/practice/glossary.md", 1, "glossary", "does not show the glossary"


@corruption()
def alias_in_a_list(copy):
    line = copy.append(TERMS, '- term: &long "a term"\n  says: *long\n  page: rl/ppo\n  see: [PPO]')
    return TERMS, line + 1, "glossary", "repeats a value by the alias `*long`"


# Numbers that are typed


@corruption()
def number_typed_in_prose(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, "A user of this model takes 2.7 GB."), "number", "`2.7 GB` is typed"


@corruption()
def percentage_typed_in_a_table(copy):
    table = "| model | share |\n|---|---|\n| any | 47% |"
    return PAGE, copy.insert(PAGE, ANCHOR, table) + 2, "number", "`47%` is typed"


@corruption()
def number_typed_in_an_interview(copy):
    line = copy.insert(PAGE, ANCHOR, '??? question "Interview"\n\n    It holds 4,711 tokens.')
    return PAGE, line + 2, "number", "`4,711` is typed"


@corruption()
def number_typed_in_a_caption(copy):
    line = copy.replace(PAGE, "^caption: .*$", "caption: The cache takes 77.7 GB.")
    return PAGE, line, "number", "`77.7 GB` is typed"


@corruption()
def number_typed_in_the_description(copy):
    line = copy.replace(PAGE, "^description: .*$", "description: Where 97.3 GB go.")
    return PAGE, line, "number", "`97.3 GB` is typed"


@corruption()
def number_beside_a_fact(copy):
    line = copy.insert(PAGE, ANCHOR, 'It is <data value="spare">18.9 GB</data>, and later 3.3 GB.')
    return PAGE, line, "number", "`3.3 GB` is typed"


# Markup and characters


@corruption()
def script_in_the_page(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, "<script>alert(1)</script>"), "markup", "`<script>` cannot stand"


@corruption()
def handler_in_a_tag(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, 'See <span onclick="steal()">this</span>.'), "markup", "`onclick=steal()`"


@corruption()
def handler_in_an_attribute_list(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, "See *this*{ onclick=steal() }."), "markup", "`onclick=steal()`"


@corruption()
def link_that_runs_a_script(copy):
    line = copy.insert(PAGE, ANCHOR, "See [this](javascript:steal()).")
    return PAGE, line, "markup", "`href=javascript:steal()` of `<a>`"


@corruption()
def frame_of_another_host(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, '<iframe src="https://example.org"></iframe>'), "markup", "`<iframe>`"


@corruption()
def style_in_a_tag(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, '<div style="position:fixed">x</div>'), "markup", "`style=position:fixed`"


@corruption()
def picture_without_a_text(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, "![](picture.png)"), "markup", "no text for who does not see it"


@corruption()
def character_without_width(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, "Two\u200bwords."), "characters", "U+200B (zero width space)"


@corruption()
def direction_turned_in_code(copy):
    return SNIPPET, copy.append(SNIPPET, "# \u202eturned"), "characters", "U+202E"


@corruption()
def letter_of_another_alphabet(copy):
    return PAGE, copy.insert(PAGE, ANCHOR, "The tok\u0435n."), "characters", "mixes letters of Cyrillic and Latin"


# What is shown where


@corruption()
def output_of_another_page(copy):
    include = '--8<-- "inference/batching/policies.out.txt:policies"'
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}text title="Output"\n{include}\n{FENCE}')
    return PAGE, line + 1, "region", "is the output of another page"


@corruption(alone=False)
def figure_of_another_page(copy):
    line = copy.replace(PAGE, "^figure: .*$", "figure: distributed.fsdp.figures:peak")
    return PAGE, line, "figure", "the figure is another page's"


@corruption()
def region_shown_in_a_comment_only(copy):
    line = copy.line(PAGE, r"^--8<-- \"inference/kv_cache/sizes.py")
    text = copy.text(PAGE).split("\n")
    copy.write(PAGE, "\n".join([*text[: line - 2], "<!--", *text[line - 2 : line + 1], "-->", *text[line + 1 :]]))
    region = text[line - 1].rpartition(":")[2].strip('"')
    return SNIPPET, copy.line(SNIPPET, rf"\[start:{region}\]"), "region", f"no page shows the region `{region}`"


@corruption()
def quiz_whose_fact_is_not_shown(copy):
    quiz = f"{FENCE}quiz\nquestion: How many?\nnumeric: {{fact: tokens_fit_nowhere}}\nwhy: So many.\n{FENCE}"
    return PAGE, copy.insert(PAGE, ANCHOR, quiz) + 2, "quiz", "which the page does not show"


@corruption()
def quiz_with_an_answer_twice(copy):
    answers = "answers:\n  - {text: Yes., why: a, correct: true}\n  - {text: yes., why: b}"
    line = copy.insert(PAGE, ANCHOR, f"{FENCE}quiz\nquestion: Is it?\n{answers}\n{FENCE}")
    return PAGE, line + 1, "quiz", "two answers of a quiz are the same"


@corruption()
def page_without_a_question(copy):
    text = copy.text(PAGE)
    head, mark, rest = text.partition("\n## Check yourself\n")
    copy.write(PAGE, head + mark + rest.replace("```quiz", "```text"))
    return PAGE, copy.line(PAGE, "^## Check yourself"), "sections", "asks nothing"


@corruption()
def commands_that_nobody_runs(copy):
    line = copy.insert(PAGE, ANCHOR, f"{FENCE}text\ntorchrun --nproc-per-node 2 train.py\n{FENCE}")
    return PAGE, line, "shell", "commands in a fence that is no shell's"


@corruption()
def commands_with_another_title(copy):
    line = copy.insert(PAGE, ANCHOR, f'{FENCE}bash title="Somewhere"\nmake\n{FENCE}')
    return PAGE, line, "shell", "does not say where these commands run"


# Skips


@corruption()
def failure_excused(copy):
    line = copy.append(TEST, "import pytest\n@pytest.mark.x" + "fail\ndef test_slow(x):\n    assert x")
    return TEST, line + 1, "skip", "excuses a test where nobody counts it"


@corruption()
def hidden_tests(copy):
    return TEST, copy.append(TEST, "__te" + "st__ = False"), "skip", "where nobody counts it"


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
    return LEDGER, 1, "skip", "there is no test"


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


def test_one_page_is_checked_with_its_trio_and_its_sources(copy):
    here = (
        unfinished_page(copy),
        skip_that_expired(copy),
        source_without_an_address(copy),
        region_that_no_page_shows(copy),
    )
    there = copy.append("docs/inference/index.md", "#### Deep")
    found = contract.check(copy.project)
    mine = {(b.path, b.line, b.rule) for b in found if b.page == "inference/kv-cache"}
    assert mine == {expected[:3] for expected in here}
    elsewhere = [(b.path, b.line, b.page) for b in found if b.page != "inference/kv-cache"]
    assert elsewhere == [("docs/inference/index.md", there, "inference/index")]


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
--8<-- "rl/returns/discount.out.txt:table"
```
""",
    "snippets/rl/returns/discount.py": '''"""Returns."""


def example_table():
    for steps in range(3):
        print(f"{steps} {0.9**steps:.2f}")


def facts():
    return {"worth": f"{0.9**2:.2f}"}
''',
    "snippets/rl/returns/discount.out.txt": "# --8<-- [start:table]\n0 1.00\n1 0.90\n2 0.81\n# --8<-- [end:table]\n",
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
    [(path, line, rule, message)] = verified(tmp_path, discount_out_txt=("1 0.90", "1 0.99"))
    assert (path, line, rule) == ("docs/rl/returns.md", 10, "output")
    assert "- 1 0.99" in message and "+ 1 0.90" in message


def test_a_formula_changed_in_the_snippet_is_caught_in_both(tmp_path):
    caught = verified(tmp_path, discount_py=("0.9**", "0.8**"))
    assert {rule for _, _, rule, _ in caught} == {"fact", "output"}
