"""What `make bench` measures; only what does not depend on the machine is held to its target."""

from fieldguide.commands import bench


def test_the_browser_rows_are_there_and_bytes_keep_their_targets(served, playwright):
    rows = {row.name: row for row in bench.live(playwright, served.folder, starts=1)}
    assert [name for name in rows if name.startswith("first load")] == [f"first load, {k}" for k in bench.KINDS]
    assert all(50 < row.value <= row.target for row in rows.values() if row.unit == "kB")
    size = rows["all that a first answer loads"]
    assert 3 < size.value <= size.target
    assert 0 < rows["a later answer, median"].value < rows["a calculator's first answer"].value * 1000


def test_a_project_of_many_pages_builds_strictly(tmp_path):
    """Pages by copies: their links, code, calculators and figures are found."""
    there = len(bench.Project(bench.ROOT).pages)
    copy = bench.enlarged(tmp_path / "copy", there + 4)
    bench.built(copy, tmp_path / "site")
    made = [path.parent.name for path in (tmp_path / "site").glob("*/copy-*/index.html")]
    assert sorted(made) == ["copy-0", "copy-1", "copy-2", "copy-3"]
