"""Commands that a page shows, run as it shows them."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from fieldguide.guide.project import Project
from fieldguide.proof.rules.fences import CLUSTER, SHELL

PROJECT = Project()
SHOWN = {
    f"{page.name}:{number}": fence.text
    for page in PROJECT.pages
    if page.area in PROJECT.area_slugs
    for number, fence in enumerate(f for f in page.fences if f.language in SHELL and f.title != CLUSTER)
}


@pytest.mark.parametrize("command", SHOWN.values(), ids=SHOWN)
def test_it_runs_from_the_root_of_a_checkout(command, tmp_path):
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    env = os.environ | {"PATH": path, "TMPDIR": str(tmp_path), "OMP_NUM_THREADS": "1"}
    run = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", command],
        cwd=PROJECT.root,
        env=env,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip()
