"""A small guide in a temporary folder, for tests that run snippets and rewrite files.

Used as `guide = make_guide(tmp_path)`: two areas, one planned page, nothing to run yet.
"""

from __future__ import annotations

import textwrap
from dataclasses import dataclass
from pathlib import Path

from fieldguide import runner
from fieldguide.guide.project import Project
from fieldguide.runner import Run

CURRICULUM = """\
# The map.
areas:
  inference:
    title: Inference and serving
    short: Inference
    icon: material/lightning-bolt
    summary: From a checkpoint to tokens.
    pages:
      index: {title: Overview, answers: "Size a deployment."}
      demo: {title: Demo, answers: "Follow a small page."}
      cost: {title: Cost, answers: "Count money."}
      ray: {title: Ray, answers: "Run a job."}
  post-training:
    title: Post-training
    short: Post-training
    icon: material/tune
    summary: From a base model to one that follows.
    pages:
      index: {title: Overview, answers: "Choose a method."}
      lora: {title: LoRA, answers: "Pick a rank."}
"""
MKDOCS = """\
# The whole site's configuration.
site_name: Guide
nav:
  - Home: index.md
  - Inference:  # the first area
      - inference/index.md  # its overview
      # more to come here
  - Post-training:
      - Overview: post-training/index.md
theme: !ENV [THEME, material]
"""
SNIPPET = '''\
"""Two numbers."""


# --8<-- [start:double]
def double(n: int) -> int:
    """Twice a number."""
    return 2 * n


# --8<-- [end:double]


# --8<-- [start:table]
def example_table() -> None:
    """A table."""
    for n in (1, 10):
        print(f"{n:3d} {double(n):4d} {n / 3:.3f}")


# --8<-- [end:table]


def facts() -> dict[str, str]:
    """Numbers that the page states."""
    return {"twice_ten": f"{double(10)}"}
'''
OUTPUT = """\
# --8<-- [start:table]
  1    2 0.333
 10   20 3.333
# --8<-- [end:table]
"""
PAGE = """\
---
title: Demo
description: Follow a small page.
area: inference
level: core
prerequisites: []
status: draft
---

# Demo

Twice ten is <data value="twice_ten">20</data>.

```python
--8<-- "inference/demo/double.py:double"
```

```python
--8<-- "inference/demo/double.py:table"
```

```text title="Output"
--8<-- "inference/demo/double.out.txt:table"
```

In code, `<data value="twice_ten">7</data>` is left alone.
"""
TEST = """\
from snippets.inference.demo import double as demo


def test_double_is_a_sum():
    assert demo.double(21) == sum([21, 21])
"""
PLANNED = """\
---
title: {title}
description: What this area will cover.
area: {area}
level: core
prerequisites: []
status: planned
---

# {title}

Pages on this area are planned.
"""
HOME = "---\ntitle: Home\ndescription: A guide.\n---\n\n# Guide\n"


@dataclass
class SmallGuide:
    """A guide that a test may write into."""

    root: Path

    @property
    def project(self) -> Project:
        """The guide, read anew."""
        return Project(self.root)

    def path(self, name: str) -> Path:
        """A path in the guide."""
        return self.root / name

    def read(self, name: str) -> str:
        """Text of a file."""
        return self.path(name).read_text(encoding="utf-8")

    def write(self, name: str, text: str | bytes) -> Path:
        """Write a file."""
        path = self.path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(text, bytes):
            path.write_bytes(text)
        else:
            path.write_text(textwrap.dedent(text), encoding="utf-8")
        return path

    def snippet(self, name: str, body: str | bytes, head: str = "") -> Path:
        """Write `snippets/inference/<name>.py`, with a head block if `head` has lines for it."""
        if isinstance(body, bytes):
            return self.write(f"snippets/inference/{name}.py", body)
        lines = ["# /// fieldguide", *(f"# {line}" for line in head.splitlines()), "# ///"] if head else []
        text = "\n".join([*lines, '"""A snippet."""', textwrap.dedent(body)])
        return self.write(f"snippets/inference/{name}.py", text)

    def run(self, *paths: Path, **options: object) -> list[Run]:
        """Run snippets of this guide."""
        return runner.run(paths, self.root, **options)  # type: ignore[arg-type]

    def add_demo(self) -> None:
        """A trio that is in order: `inference/demo`."""
        self.write("docs/inference/demo.md", PAGE)
        self.write("snippets/inference/demo/double.py", SNIPPET)
        self.write("snippets/inference/demo/double.out.txt", OUTPUT)
        self.write("tests/inference/test_demo.py", TEST)
        config = self.read("mkdocs.yml")
        line = "      - inference/index.md  # its overview\n"
        self.write("mkdocs.yml", config.replace(line, line + "      - inference/demo.md\n"))

    def replace(self, name: str, old: str, new: str) -> None:
        """Replace a part of a file that must be there."""
        text = self.read(name)
        assert old in text
        self.path(name).write_text(text.replace(old, new), encoding="utf-8")

    def line(self, name: str, part: str) -> int:
        """Number of the first line that holds `part`."""
        return next(n for n, line in enumerate(self.read(name).split("\n"), 1) if part in line)

    def files(self) -> dict[str, bytes]:
        """Every file and its bytes."""
        return {
            path.relative_to(self.root).as_posix(): path.read_bytes()
            for path in sorted(self.root.rglob("*"))
            if path.is_file() and ".git" not in path.parts
        }


def make_guide(root: Path, *, demo: bool = False) -> SmallGuide:
    """A new guide below `root`."""
    guide = SmallGuide((root / "guide").resolve())
    guide.write("docs/curriculum.yml", CURRICULUM)
    guide.write("docs/references.bib", "")
    guide.write("docs/index.md", HOME)
    for area, title in (("inference", "Inference"), ("post-training", "Post-training")):
        guide.write(f"docs/{area}/index.md", PLANNED.format(area=area, title=title))
    guide.write("mkdocs.yml", MKDOCS)
    for package in ("snippets", "snippets/inference", "snippets/inference/demo"):
        guide.write(f"{package}/__init__.py", "")
    if demo:
        guide.add_demo()
    return guide
