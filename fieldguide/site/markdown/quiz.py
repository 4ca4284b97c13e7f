"""A `quiz` fence: a question that opens to its answers, with a reason for each. Works without JavaScript."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable
from typing import Any

import yaml

from fieldguide.guide.project import LOADER

Inline = Callable[[str], str]


class QuizError(ValueError):
    """What is wrong with a quiz fence, in a sentence for its author."""


def parse(source: str) -> dict[str, Any]:
    """Read a quiz: `question`, and either `answers` or `numeric`.

    Raises:
        QuizError: if it is not YAML, or lacks a right answer, a wrong one, or a reason.
    """
    try:
        quiz = yaml.load(source, Loader=LOADER)
    except yaml.YAMLError as error:
        raise QuizError(f"the quiz is not YAML: {getattr(error, 'problem', error)}.") from None
    if not isinstance(quiz, dict) or "question" not in quiz:
        raise QuizError("a quiz has a `question`.")
    if "numeric" in quiz:
        if not isinstance(quiz["numeric"], dict) or "fact" not in quiz["numeric"] or not quiz.get("why"):
            raise QuizError("a numeric quiz has `numeric: {fact: name}` and a `why`.")
        return quiz
    answers = quiz.get("answers") or []
    right = [a for a in answers if a.get("correct")]
    if not right or len(right) == len(answers):
        raise QuizError("a quiz needs a right answer and a wrong one.")
    for answer in answers:
        if not answer.get("why") or "text" not in answer:
            raise QuizError(f"the answer {answer.get('text')!r} has no `why`.")
    return quiz


def render(source: str, inline: Inline, fact: Callable[[str], str | None]) -> str:
    """The question with its answers, closed.

    Args:
        source: The text inside the fence.
        inline: Renders a short text to HTML.
        fact: Text of a fact by name, as some page states it.

    Raises:
        QuizError: if the quiz is malformed, or its fact stands on no page.
    """
    quiz = parse(source)
    uid = "quiz-" + hashlib.sha1(source.encode()).hexdigest()[:8]
    question = f'<p class="fg-quiz-question">{inline(str(quiz["question"]))}</p>'
    if "numeric" in quiz:
        name = quiz["numeric"]["fact"]
        value = fact(name)
        if value is None:
            raise QuizError(f"the fact {name!r} stands on no page.")
        number = re.search(r"-?[\d,]*\.?\d+(?:e[+-]?\d+)?", value)
        if number is None:
            raise QuizError(f"the fact {name!r} reads {value!r}, which is not a number.")
        answer, tolerance = number.group(0).replace(",", ""), quiz["numeric"].get("tolerance", 0.01)
        unit = html.escape(str(quiz["numeric"].get("unit", "")), quote=True)
        key = f"<p><strong>{html.escape(value)}</strong></p><p>{inline(str(quiz['why']))}</p>"
        return (
            f'<div class="fg-quiz"><fg-quiz id="{uid}" data-answer="{answer}" data-tolerance="{tolerance}" '
            f'data-unit="{unit}">{question}<details><summary>Show the answer</summary>{key}</details></fg-quiz></div>'
        )
    choices, reasons = [], []
    for answer in quiz["answers"]:
        choices.append(f"<li>{inline(str(answer['text']))}</li>")
        mark = "right" if answer.get("correct") else "wrong"
        why = inline(str(answer["why"]))
        reasons.append(f'<li class="fg-{mark}"><b>{mark.capitalize()}.</b> {why}</li>')
    return (
        f'<div class="fg-quiz"><fg-quiz id="{uid}">{question}<ol class="fg-quiz-choices" type="A">{"".join(choices)}</ol>'
        f'<details><summary>Show the answers</summary><ol class="fg-quiz-reasons" type="A">{"".join(reasons)}</ol>'
        f"</details></fg-quiz></div>"
    )
