"""What `make bench` measures in a browser; only what does not depend on the machine is held to its target."""

from fieldguide.commands import bench


def test_the_browser_rows_are_there_and_bytes_keep_their_targets(served, playwright):
    rows = {row.name: row for row in bench.live(playwright, served[0], starts=1)}
    assert [name.split(",")[0] for name in rows if name.startswith("first load")] == [
        f"first load of {kind}" for kind in bench.KINDS
    ]
    size = rows["bytes to a calculator's first answer, gzipped"]
    assert 3 < size.value <= size.target
    assert 0 < rows["a later answer, median"].value < rows["a calculator's first answer, cold"].value * 1000
