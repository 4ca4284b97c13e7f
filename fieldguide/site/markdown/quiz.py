"""A `quiz` fence: a question that opens to its answers, with a reason for each. Works without JavaScript."""

from __future__ import annotations

import hashlib
import html
import re
from collections.abc import Callable

from fieldguide.guide.forms import read
from fieldguide.guide.page import Quiz

Inline = Callable[[str], str]


class QuizError(ValueError):
    """What is wrong with a quiz fence, in a sentence for its author."""


def render(source: str, inline: Inline, fact: Callable[[str], str | None]) -> str:
    """The question with its answers, closed; `fact` gives the text of a fact as some page states it.

    Raises:
        QuizError: if the quiz is malformed, or its fact stands on no page.
    """
    filled = read(Quiz, source, "the quiz")
    if filled.value is None:
        raise QuizError(filled.problems[0].message)
    quiz = filled.value
    uid = "quiz-" + hashlib.sha1(source.encode()).hexdigest()[:8]
    question = f'<p class="fg-quiz-question">{inline(quiz.question)}</p>'
    if quiz.numeric:
        name = quiz.numeric.fact
        value = fact(name)
        if value is None:
            raise QuizError(f"the fact {name!r} stands on no page.")
        number = re.search(r"-?[\d,]*\.?\d+(?:e[+-]?\d+)?", value)
        if number is None:
            raise QuizError(f"the fact {name!r} reads {value!r}, which is not a number.")
        answer, tolerance = number.group(0).replace(",", ""), quiz.numeric.tolerance
        unit = html.escape(quiz.numeric.unit, quote=True)
        key = f"<p><strong>{html.escape(value)}</strong></p><p>{inline(quiz.why)}</p>"
        return (
            f'<div class="fg-quiz"><fg-quiz id="{uid}" data-answer="{answer}" data-tolerance="{tolerance:g}" '
            f'data-unit="{unit}">{question}<details><summary>Show the answer</summary>{key}</details></fg-quiz></div>'
        )
    choices, reasons = [], []
    for choice in quiz.answers:
        choices.append(f"<li>{inline(choice.text)}</li>")
        mark = "right" if choice.correct else "wrong"
        reasons.append(f'<li class="fg-{mark}"><b>{mark.capitalize()}.</b> {inline(choice.why)}</li>')
    return (
        f'<div class="fg-quiz"><fg-quiz id="{uid}">{question}<ol class="fg-quiz-choices" type="A">{"".join(choices)}</ol>'
        f'<details><summary>Show the answers</summary><ol class="fg-quiz-reasons" type="A">{"".join(reasons)}</ol>'
        f"</details></fg-quiz></div>"
    )
