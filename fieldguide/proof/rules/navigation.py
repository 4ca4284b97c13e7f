"""Rules on the navigation: every page is in it, once, and everything in it exists."""

from __future__ import annotations

from collections.abc import Iterator

import yaml

from fieldguide.proof.rules.guide import Finding, Guide, child, compose, near, rule

FILE = "mkdocs.yml"
ELSEWHERE = frozenset({"404.md"})
"""Pages that readers reach, though not by the navigation."""


@rule(
    "navigation",
    "Every page is in the navigation of `mkdocs.yml`, once; the navigation names no page that is missing.",
)
def navigation(guide: Guide) -> Iterator[Finding]:
    """Pages that no reader can find, or finds twice."""
    path = guide.root / FILE
    if not path.is_file():
        yield FILE, 1, "the file does not exist.", "restore it from the main branch."
        return
    try:  # nodes only: tags such as !ENV and python/name are left alone
        document = compose(path.read_text(encoding="utf-8"))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = getattr(error, "problem", None) or "it is not YAML"
        yield FILE, mark.line + 1 if mark else 1, f"the file cannot be read: {problem}.", "correct the YAML."
        return
    nav = child(document, "nav")
    if nav is None:
        yield FILE, 1, "there is no `nav`.", "list every page under `nav:`."
        return
    files = [path.relative_to(guide.project.docs).as_posix() for path in guide.project.page_files]
    first: dict[str, int] = {}
    for line, target in _targets(nav):
        if "://" in target:
            continue
        if target in first:
            yield (
                FILE,
                line,
                f"`{target}` is in the navigation twice; first on line {first[target]}.",
                "delete one of the two.",
            )
        elif not (guide.project.docs / target).is_file():
            yield (
                FILE,
                line,
                f"the navigation names `{target}`, which does not exist. {near(target, files)}",
                "correct the path.",
            )
        first.setdefault(target, line)
    for file in files:
        if file not in first and file not in ELSEWHERE:
            yield (
                guide.project.docs / file,
                1,
                "the page is not in the navigation.",
                f"add `{file}` under `nav:` in `{FILE}`.",
            )


def _targets(node: yaml.Node) -> Iterator[tuple[int, str]]:
    """Line and path of every leaf of the navigation."""
    if isinstance(node, yaml.ScalarNode):
        yield node.start_mark.line + 1, str(node.value)
    elif isinstance(node, yaml.SequenceNode):
        for item in node.value:
            yield from _targets(item)
    elif isinstance(node, yaml.MappingNode):
        for _, item in node.value:
            yield from _targets(item)
