"""The comparison of two builds sees a lost page, a lost heading and a changed anchor."""

from fieldguide.site import canary


def site(folder, pages):
    for name, html in pages.items():
        (folder / name).mkdir(parents=True)
        (folder / name / "index.html").write_text(html)
    return canary.outline(folder)


def test_builds_that_differ_are_told_apart(tmp_path):
    ours = site(
        tmp_path / "a",
        {"p": '<h1 id="t">T<a href="#t">¶</a></h1><h2 id="x">X</h2>', "q": "<h1>no anchor</h1>"},
    )
    theirs = site(tmp_path / "b", {"p": '<h1 id="t">T</h1><h2 id="y">X</h2>'})
    assert ours["p/index.html"] == [("h1", "t", "T"), ("h2", "x", "X")]
    assert canary.compare(ours, theirs) == [
        "page missing: q/index.html",
        "p/index.html: heading missing: ('h2', 'x', 'X')",
        "p/index.html: heading extra: ('h2', 'y', 'X')",
    ]
    assert canary.compare(ours, ours) == []
