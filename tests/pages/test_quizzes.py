"""Where the right answer of a quiz stands says nothing about which one it is."""

from collections import Counter

from scipy.stats import chisquare

from fieldguide.guide.project import ROOT, Project
from fieldguide.site.markdown.quiz import shuffled


def test_each_place_is_right_as_often_as_chance_has_it():
    places = {2: Counter(), 3: Counter(), 4: Counter()}
    for page in Project(ROOT).pages:
        for quiz in (filled.value for filled in page.quizzes if filled.value):
            if [answer.correct for answer in quiz.answers].count(True) == 1:
                order = shuffled(quiz)
                assert order == shuffled(quiz)
                places[len(order)][[answer.correct for _, answer in order].index(True)] += 1
    three = places[3]
    assert sum(three.values()) > 50
    assert chisquare([three[place] for place in range(3)]).pvalue > 0.01
