"""The rule on numbers that are typed: each is computed, cited, or said to be a name or a definition."""

import re
from collections.abc import Iterator

from fieldguide.guide.page import CITATION, MATH, Page, blank
from fieldguide.guide.project import Project
from fieldguide.proof.rules.rule import Finding, rule

NAMES = "docs/names.txt"
UNIT = (
    r"[ -]?(?:%|‰|percent\b|×(?! ?\d))|[ -]?(?:[kKMGTPE]i?)?(?:B|bits?|bytes?|FLOPS|FLOPs?|OPs?|Hz|Wh?)\b(?:/\w+)?|[kKMT]\b|x\b"
    r"|[ -](?:thousand|million|billion|trillion)\b|[ -]?(?:ns|µs|ms|s|seconds?|minutes?|min|hours?|h|days?|weeks?|years?)\b"
)
TYPED = re.compile(rf"(?<![\w.,/#:^@−-])[$€]?(?P<number>\d[\d,]*(?:\.\d+)?(?<!,))(?:(?P<unit>{UNIT})|(?![\w^]|\.\w))")
DATE = re.compile(r"(?:19|20)\d\d")
UNTYPED = re.compile(r"<data\b.*?</data>|<dfn>.*?</dfn>|</?[A-Za-z][^>]*>|\]\([^)]*\)|\{[:.#][^}\n]*\}", re.S)
BLOCK = re.compile(r"\n[ \t]*\n|\n(?=[ \t>]*(?:[-*+]|\d+[.)])[ \t])|\n(?=[ \t>]*\|)")


@rule("number", "A number with a unit, a percentage or a count of three digits is a fact, is cited, or is marked.",
      "write `<data value=\"name\">…</data>`, cite the source in the paragraph, or mark a name or a definition: "
      "`<dfn>80 GB</dfn>`, or a line in docs/names.txt.")  # fmt: skip
def numbers(project: Project) -> Iterator[Finding]:
    """Numbers that nothing computes and for which nobody is cited."""
    names = (project.root / NAMES).read_text(encoding="utf-8").splitlines() if (project.root / NAMES).is_file() else []
    known = re.compile("|".join(rf"(?<!\w){re.escape(name)}(?!\w)" for name in names if name) or r"(?!)")
    for page in project.every_page:
        if page.area in project.area_slugs:
            for line, number in sorted({*_in_prose(page, known), *_retold(project, page, known)}):
                yield Finding(page.path, line, f"`{number}` is typed: nothing computes it, and no source is cited.")


def _typed(text: str, known: re.Pattern[str]) -> Iterator[tuple[int, str, str]]:
    """Offset, digits and text of each number that needs a proof."""
    for found in TYPED.finditer(blank(UNTYPED, blank(known, blank(MATH, text)))):
        digits = found["number"].replace(",", "")
        if found["unit"] or found[0][0] in "$€" or (len(digits.split(".")[0]) > 2 and not DATE.fullmatch(digits)):
            yield found.start(), digits, found[0].strip()


def _in_prose(page: Page, known: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    start, header = 0, ""
    for block in BLOCK.split(page.told):
        start = page.told.index(block, start)
        header = (header or block) if block.lstrip(" >").startswith("|") else ""  # a source there stands for all rows
        if not re.search(CITATION, header + block):
            yield from ((page.line(start + offset), number) for offset, _, number in _typed(block, known))
        start += len(block)


def _retold(project: Project, page: Page, known: re.Pattern[str]) -> Iterator[tuple[int, str]]:
    """What description, captions, alternative texts and reasons say, and the page does not show or the quiz not give."""
    cited = (block for block in BLOCK.split(page.told) if re.search(CITATION, block))
    shown = [fact.text for fact in page.facts] + list(cited)
    for include in page.includes:
        path = project.snippets / include.file
        region = project.regions(path)[0].get(include.region) if ".out." in include.file and path.is_file() else None
        shown += region.lines if region else []
    drawn = [path.read_text(encoding="utf-8") for path in (project.snippets / page.folder).glob("*.svg")]
    told = [(page.meta_line("description"), str(page.meta.get("description", "")), "")]
    for figure in (figure for figure in page.figures if figure.value):
        told += [(figure.line(key), getattr(figure.value, key), "\n".join(drawn)) for key in ("caption", "alt")]
    for quiz in page.quizzes:
        if quiz.value:
            given = "\n".join([quiz.value.question, *(answer.text for answer in quiz.value.answers)])
            told += [(quiz.line("answers", n, "why"), a.why, given) for n, a in enumerate(quiz.value.answers)]
            told += [(quiz.line("why"), quiz.value.why, given)]
    for line, text, more in told:
        if not re.search(CITATION, text):
            fit = set(re.findall(r"\d[\d,]*(?:\.\d+)?", "\n".join([*shown, more]).replace(",", "")))
            yield from ((line, number) for _, digits, number in _typed(text, known) if digits not in fit)
