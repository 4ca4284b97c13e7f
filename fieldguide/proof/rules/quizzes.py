"""Rules on quizzes: right and wrong answers, a reason for each, and a fact behind every number."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from fieldguide.guide.markup import Fence
from fieldguide.proof.rules.guide import Finding, Guide, child, compose, near, rule

QUIZ = ("question", "answers", "numeric", "why")
ANSWER = ("text", "correct", "why")
NUMERIC = ("fact", "tolerance", "unit")

Problem = tuple[int, str, str]


@rule(
    "quiz",
    "A quiz has right and wrong answers with a reason each, or a number and its reason.",
)
def quizzes(guide: Guide) -> Iterator[Finding]:
    """Quizzes that cannot be shown. That the fact of a number exists is the rule `fact`."""
    for page in guide.pages:
        for fence in guide.markup[page.name].fences:
            for line, message, fix in _quiz(fence) if fence.language == "quiz" else ():
                yield page.path, fence.line + line, message, fix


def _quiz(fence: Fence) -> Iterator[Problem]:
    """Problems of one quiz; lines are counted from the opening fence, which is 0."""
    try:
        node = compose("\n".join(fence.body))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "the text is not YAML"
        yield (
            (mark.line + 1 if mark else 0),
            f"the quiz cannot be read: {problem}.",
            "quote a text that holds a colon.",
        )
        return
    if not isinstance(node, yaml.MappingNode):
        yield (
            0,
            "the quiz is not a list of `key: value` lines.",
            "write `question:` and `answers:` or `numeric:`.",
        )
        return
    yield from _unknown_keys(node, QUIZ)
    if not _is_text(child(node, "question")):
        yield _line(node), "the quiz has no question.", "add `question: …`."
    answers, numeric = child(node, "answers"), child(node, "numeric")
    if (answers is None) == (numeric is None):
        yield _line(node), "a quiz has either `answers` or `numeric`.", "keep one of the two."
    elif numeric is not None:
        yield from _numeric(node, numeric)
    elif not isinstance(answers, yaml.SequenceNode):
        yield _line(answers or node), "`answers` is not a list.", "write each answer as `- text: …`."
    else:
        yield from _answers(answers)


def _numeric(node: yaml.Node, numeric: yaml.Node) -> Iterator[Problem]:
    yield from _unknown_keys(numeric, NUMERIC)
    if not _is_text(child(numeric, "fact")):
        yield (
            _line(numeric),
            "the number is not proven by a fact.",
            "write `numeric: {fact: name, tolerance: 0.01}`.",
        )
    tolerance = child(numeric, "tolerance")
    if tolerance is not None and not tolerance.tag.endswith((":int", ":float")):
        yield (
            _line(tolerance),
            f"the tolerance `{tolerance.value}` is not a number.",
            "write a share such as 0.01.",
        )
    if not _is_text(child(node, "why")):
        yield _line(node), "the quiz has no `why`.", "say how the number comes about."


def _answers(answers: yaml.SequenceNode) -> Iterator[Problem]:
    right = 0
    for answer in answers.value:
        yield from _unknown_keys(answer, ANSWER)
        text, why, correct = (child(answer, key) for key in ("text", "why", "correct"))
        if text is None or not str(text.value).strip():
            yield _line(answer), "an answer has no text.", "add `text: …`."
        elif text.tag.endswith((":bool", ":null")) or not isinstance(text, yaml.ScalarNode):
            yield _line(text), "the text of an answer is read as something else than text.", "quote it."
        if not _is_text(why):
            yield _line(answer), "an answer has no `why`.", "say why it is right or wrong."
        if correct is not None and not correct.tag.endswith(":bool"):
            yield (
                _line(correct),
                f"`correct: {correct.value}` is neither true nor false.",
                "write `correct: true`.",
            )
        right += correct is not None and str(correct.value).lower() in ("true", "yes", "on")
    if right == 0:
        yield _line(answers), "no answer is right.", "add `correct: true` to one."
    elif right == len(answers.value):
        yield (
            _line(answers),
            "no answer is wrong.",
            "add one that a reader could believe, and why it is wrong.",
        )


def _unknown_keys(node: yaml.Node, known: tuple[str, ...]) -> Iterator[Problem]:
    if not isinstance(node, yaml.MappingNode):
        yield (
            _line(node),
            f"`{str(node.value)[:30]}` is not a list of `key: value` lines.",
            f"write {', '.join(known)}.",
        )
        return
    for key, _ in node.value:
        if key.value not in known:
            yield (
                _line(key),
                f"a quiz knows no key `{key.value}`. {near(str(key.value), known)}",
                "correct or delete it.",
            )


def _is_text(node: yaml.Node | None) -> bool:
    return (
        isinstance(node, yaml.ScalarNode) and bool(str(node.value).strip()) and not node.tag.endswith(":null")
    )


def _line(node: yaml.Node) -> int:
    return int(node.start_mark.line) + 1
