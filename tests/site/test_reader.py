"""What a reader does on the site: quizzes, progress, keyboard. Nothing is lost, and nothing is required."""

import json

import pytest

PAGE = "inference/kv-cache/"
RULE = "fg-quiz"


@pytest.fixture
def tab(visit):
    """A tab on the page that has quizzes."""
    opened = visit()
    opened.open(PAGE)
    return opened


def kept(page):
    """What the browser holds."""
    return json.loads(page.evaluate("localStorage.getItem('fieldguide')") or "null")


def answer(page, index, text):
    """Pick an answer of the quiz at `index` and check it."""
    quiz = page.locator(RULE).nth(index)
    quiz.get_by_label(text).check()
    quiz.get_by_role("button", name="Check").click()
    return quiz


def test_every_answer_key_is_the_one_of_its_fence(tab):
    """Right answers are told right, each wrong one wrong, with its own reason."""
    page = tab.page
    quizzes = page.locator(RULE)
    assert quizzes.count() >= 5
    for i in range(quizzes.count()):
        quiz = quizzes.nth(i)
        if quiz.get_attribute("data-answer"):
            continue
        marks = quiz.locator(".fg-quiz-reasons > li").evaluate_all("all => all.map(li => li.className)")
        for k, mark in enumerate(marks):
            quiz.locator("input").nth(k).check()
            quiz.get_by_role("button", name="Check").click()
            assert quiz.locator(".fg-quiz-told").inner_text() == ("Right." if mark == "fg-right" else "Not yet.")
            assert quiz.locator(".fg-quiz-why:visible").count() == 1
    assert not tab.errors


def test_a_numeric_answer_is_held_against_its_fact(tab):
    quiz = tab.page.locator(f"{RULE}[data-answer]").first
    for given, told in (
        ("14", "Right."),
        ("14.1", "Right."),
        ("15", "Not within tolerance"),
        ("many", "That is not a number"),
    ):
        quiz.get_by_label("Your answer").fill(given)
        quiz.get_by_role("button", name="Check").click()
        assert quiz.locator(".fg-quiz-told").inner_text().startswith(told)


def test_an_empty_answer_asks_for_one_and_counts_for_nothing(tab):
    quiz = tab.page.locator(RULE).first
    quiz.get_by_role("button", name="Check").click()
    assert quiz.locator(".fg-quiz-told").inner_text() == "Pick an answer."
    assert not kept(tab.page)["quiz"]


def test_answers_and_score_survive_a_reload(tab):
    answer(tab.page, 0, "stays the same size")
    answer(tab.page, 1, "doubles")
    score = tab.page.locator("[data-fg-score]")
    total = tab.page.locator(RULE).count()
    assert score.inner_text() == f"1 of {total} right"
    tab.page.reload()
    assert tab.page.locator("[data-fg-score]").text_content() == f"1 of {total} right"
    assert tab.page.locator(RULE).first.get_by_label("stays the same size").is_checked()


def test_a_page_is_marked_as_read_and_the_map_knows(tab):
    page = tab.page
    page.get_by_role("button", name="Mark as read").click()
    assert page.get_by_role("button", name="Read ✓").get_attribute("aria-pressed") == "true"
    tab.open("")
    card = page.locator(".fg-card", has=page.locator("#map-inference"))
    assert card.locator(".fg-you").inner_text() == "1 read"
    assert float(card.locator(".fg-bar").evaluate("b => getComputedStyle(b, '::after').width").removesuffix("px")) > 5
    assert page.locator("[data-fg-continue] a").inner_text() == "Continue: vLLM and paged attention", (
        "what is read is not offered"
    )
    page.locator("[data-fg-continue] a").click()
    page.wait_for_url("**/inference/vllm/**")
    tab.open("")
    assert page.locator("[data-fg-continue] a").inner_text() == "Continue: vLLM and paged attention"


def test_two_tabs_stay_in_step(tab):
    other = tab.context.new_page()
    other.goto(tab.address + PAGE)
    tab.page.get_by_role("button", name="Mark as read").click()
    other.get_by_role("button", name="Read ✓").wait_for(timeout=3000)


def test_progress_of_version_one_is_carried_over(tab):
    old = json.dumps({"version": 1, "read": ["inference/kv-cache/"]})
    tab.page.evaluate("old => localStorage.setItem('fieldguide', old)", old)
    tab.page.reload()
    assert tab.page.get_by_role("button", name="Read ✓").is_visible()
    assert kept(tab.page)["version"] == 2


@pytest.mark.parametrize("broken", ["not json", "[]", '{"version": 2, "read": 7, "quiz": null}', '{"version": 99}'])
def test_whatever_is_stored_does_no_harm(tab, broken):
    tab.page.evaluate("text => localStorage.setItem('fieldguide', text)", broken)
    tab.page.reload()
    tab.page.get_by_role("button", name="Mark as read").click()
    assert tab.page.get_by_role("button", name="Read ✓").is_visible()
    assert not tab.errors


@pytest.mark.parametrize(
    "how", ["throw new DOMException('full', 'QuotaExceededError')", "throw new DOMException('no', 'SecurityError')"]
)
def test_storage_that_is_full_or_blocked_does_no_harm(visit, how):
    tab = visit()
    tab.page.add_init_script(f"Storage.prototype.setItem = () => {{ {how} }};")
    page = tab.open(PAGE)
    page.get_by_role("button", name="Mark as read").click()
    assert page.get_by_role("button", name="Read ✓").is_visible()
    assert answer(page, 0, "stays the same size").locator(".fg-quiz-told").inner_text() == "Right."
    assert not tab.errors


def test_export_forget_import(tab, tmp_path):
    page = tab.page
    page.get_by_role("button", name="Mark as read").click()
    tab.open("")
    with page.expect_download() as download:
        page.get_by_role("button", name="Export").click()
    file = tmp_path / "progress.json"
    download.value.save_as(file)
    page.once("dialog", lambda dialog: dialog.dismiss())
    page.get_by_role("button", name="Forget everything").click()
    assert kept(page)["read"], "asked first, and told no"
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Forget everything").click()
    assert kept(page) is None
    for path, told in ((file, "Imported; what you had is kept."), (tmp_path / "bad.json", "Not imported")):
        if not path.exists():
            path.write_text("{")
        with page.expect_file_chooser() as chooser:
            page.get_by_role("button", name="Import").click()
        chooser.value.set_files(str(path))
        page.locator("[data-fg-told]", has_text=told).wait_for(timeout=3000)
        assert list(kept(page)["read"]) == [PAGE]


def test_a_page_can_be_walked_with_the_keyboard_alone(tab):
    page = tab.page
    seen = set()
    for _ in range(300):
        page.keyboard.press("Tab")
        here = page.evaluate(
            "() => { const e = document.activeElement; const r = e.getBoundingClientRect(); "
            "return [e.tagName, e.name || e.getAttribute('aria-label') || e.textContent.trim().slice(0, 40), r.width > 0]; }"
        )
        assert here[2] or here[1] == "__palette", f"focus went to something invisible: {here}"
        seen.add((here[0], here[1]))
        if here[1] == "Mark as read":
            break
    names = {name for _, name in seen}
    assert {"layers", "dtype", "Check", "Mark as read"} <= names
