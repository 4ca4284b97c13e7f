"""A `quiz` fence: a question that opens to its answers, with a reason for each. Works without JavaScript."""

import hashlib
import random
from collections.abc import Callable

from fieldguide.guide.forms import read
from fieldguide.guide.page import Answer, Quiz, number_in
from fieldguide.site.markdown import tables


def shuffled(quiz: Quiz) -> list[tuple[int, Answer]]:
    """The answers, each with its place in the fence, in an order that the question alone decides."""
    return random.Random(quiz.question).sample(list(enumerate(quiz.answers)), len(quiz.answers))


def render(source: str, inline: Callable[[str], str], fact: Callable[[str], str | None]) -> str:
    """The question with its answers, closed; `fact` gives the text of a fact. A `ValueError` says what is wrong."""
    filled = read(Quiz, source, "the quiz")
    if filled.value is None:
        raise ValueError(filled.problems[0].message)
    quiz = filled.value
    uid = "quiz-" + hashlib.sha1(source.encode()).hexdigest()[:8]
    value = answer = ""
    if quiz.numeric:
        name = quiz.numeric.fact
        value = fact(name) or ""
        if not (answer := number_in(value)):
            wrong = f"reads {value!r}, which is not a number" if value else "stands on no page"
            raise ValueError(f"the fact {name!r} {wrong}.")
    return tables.render("quiz", quiz=quiz, choices=shuffled(quiz), uid=uid, value=value, answer=answer, inline=inline)
