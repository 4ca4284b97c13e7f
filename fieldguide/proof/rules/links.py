"""Rules on links: what is inside exists, and nothing is loaded from another host."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote

import yaml

from fieldguide.guide.markup import Markup
from fieldguide.guide.project import Page
from fieldguide.proof.rules.guide import Finding, Guide, child, compose, near, rule

TARGET = r"(?:<(?P<angle>[^>\n]*)>|(?P<bare>(?:[^\s()\\]|\\.|\([^\s()]*\))*))"
LABEL = r"(?<!\\)(?P<image>!?)\[(?:[^\[\]]|\[[^\[\]]*\](?:\([^()\s]*\))?)*\]"
INLINE = re.compile(LABEL + r"\(\s*" + TARGET + r"""(?:\s+(?:"[^"]*"|'[^']*'))?\s*\)""")
DEFINITION = re.compile(r"^ {0,3}\[(?!\^)[^\]\n]+\]:[ \t]+<?(?P<target>[^\s>]+)", re.M)
TAG = re.compile(r"<(?P<tag>[a-z][\w-]*)\b(?P<attributes>[^<>]*)>", re.I)
ATTRIBUTE = re.compile(
    r"""\b(?P<name>src|srcset|href|data|poster)\s*=\s*(?:"(?P<a>[^"]*)"|'(?P<b>[^']*)'|(?P<c>[^\s"'>]+))""",
    re.I,
)
REMOTE = re.compile(r"^\s*(?:[a-z][a-z0-9+.-]*:)?//", re.I)
SCHEME = re.compile(r"^[a-z][a-z0-9+.-]*:", re.I)
CSS = re.compile(r"""(?:url\(\s*["']?|@import\s+["'])((?:https?:)?//[^"')\s]+)""", re.I)
LOADING = re.compile(
    r"""\brel\s*=\s*["']?[^"'>]*\b(stylesheet|icon|manifest|(?:module)?preload|prefetch|preconnect|dns-prefetch)\b""",
    re.I,
)


def _links(markup: Markup) -> Iterator[tuple[int, str, bool]]:
    """Line, target and whether it is loaded with the page, of everything a page points to."""
    for match in INLINE.finditer(markup.plain):
        target = match["angle"] if match["angle"] is not None else match["bare"]
        yield markup.line(match.start()), target, bool(match["image"])
        if not match["image"] and "![" in (label := match[0].rpartition("](")[0]):
            for image in INLINE.finditer(label[1:]):
                yield markup.line(match.start()), image["angle"] or image["bare"] or "", True
    for match in DEFINITION.finditer(markup.plain):
        yield markup.line(match.start("target")), match["target"], False
    for line, target, loaded in _elements(markup.plain):
        yield markup.line(line), target, loaded


def _elements(text: str) -> Iterator[tuple[int, str, bool]]:
    """Offset, address and whether it is loaded, of the addresses in raw HTML."""
    for tag in TAG.finditer(text):
        name, attributes = tag["tag"].lower(), tag["attributes"]
        for found in ATTRIBUTE.finditer(attributes):
            value = found["a"] or found["b"] or found["c"] or ""
            attribute = found["name"].lower()
            if attribute == "href":
                loaded = (name == "link" and LOADING.search(attributes) is not None) or name in (
                    "use",
                    "image",
                )
            else:
                loaded = name != "data"
            for address in value.split(",") if attribute == "srcset" else [value]:
                yield tag.start(), address.strip().split(" ")[0], loaded
    for found in CSS.finditer(text):
        yield found.start(), found[1], True


@rule("link", "Every link within the guide leads to a file and a heading that exist.")
def links(guide: Guide) -> Iterator[Finding]:
    """Dead links and dead anchors."""
    files = [path.relative_to(guide.project.docs).as_posix() for path in guide.project.page_files]
    for page in guide.pages:
        for line, target, _ in _links(guide.markup[page.name]):
            if target and not SCHEME.match(target) and not REMOTE.match(target):
                yield from _internal(guide, page, line, target, files)
    for path in sorted(guide.root.glob("*.md")):
        yield from _beside(path, guide.text(path))


def _beside(path: Path, text: str) -> Iterator[Finding]:
    """Dead links of a file that is read in the repository, such as the README."""
    for line, target, _ in _links(Markup(Page(path, path.stem, text, {}, 1))):
        file = unquote(target).partition("#")[0]
        if (
            file
            and not SCHEME.match(target)
            and not REMOTE.match(target)
            and not (path.parent / file).exists()
        ):
            yield path, line, f"the link `{target}` is dead.", "correct the path."


def _internal(guide: Guide, page: Page, line: int, target: str, files: list[str]) -> Iterator[Finding]:
    address, _, anchor = unquote(target).partition("#")
    address = address.partition("?")[0]
    if address.startswith("/"):
        yield (
            page.path,
            line,
            f"the link `{target}` is absolute, so it breaks in a folder of a host.",
            "write it relative to this page: `../area/page.md`.",
        )
        return
    here = page.path.relative_to(guide.project.docs).as_posix()
    file = posixpath.normpath(posixpath.join(posixpath.dirname(here), address)) if address else here
    if not (guide.project.docs / file).is_file():
        if file.startswith(".."):
            yield (
                page.path,
                line,
                f"the link `{target}` leads out of the site.",
                "link to a page, or to the repository by its URL.",
            )
        else:
            relative = [posixpath.relpath(name, posixpath.dirname(here) or ".") for name in files]
            yield (
                page.path,
                line,
                f"the link `{target}` is dead. {near(address, relative)}",
                "correct the path of the `.md` file.",
            )
        return
    other = guide.markup.get(file.removesuffix(".md"))
    if (
        anchor
        and other is not None
        and anchor not in other.ids
        and not re.search(r"^:::", other.unfenced, re.M)
    ):
        yield (
            page.path,
            line,
            f"`{file}` has no heading or element with the id `{anchor}`. {near(anchor, other.ids)}",
            "correct the anchor, or give the heading `{#" + anchor + "}`.",
        )


@rule("remote-asset", "No page, template or stylesheet loads anything from another host.")
def remote_assets(guide: Guide) -> Iterator[Finding]:
    """Images, scripts, styles, frames and fonts of other hosts."""
    fix = "keep the file in the project (`docs/assets/`, or vendor it), or make it a plain link."
    for page in guide.pages:
        for line, target, loaded in _links(guide.markup[page.name]):
            if loaded and REMOTE.match(target):
                yield page.path, line, f"the page loads `{target}` from another host.", fix
    for path in _templates(guide):
        text = guide.text(path)
        for offset, target, loaded in _elements(text):
            if loaded and REMOTE.match(target):
                yield (
                    path,
                    text.count("\n", 0, offset) + 1,
                    f"the file loads `{target}` from another host.",
                    fix,
                )
    yield from _configuration(guide, fix)


def _templates(guide: Guide) -> Iterator[Path]:
    for folder in (guide.root / "overrides", guide.project.docs):
        for path in sorted(folder.rglob("*")):
            if path.suffix in (".html", ".css", ".svg") and "vendor" not in path.parts and path.is_file():
                yield path


def _configuration(guide: Guide, fix: str) -> Iterator[Finding]:
    path = guide.root / "mkdocs.yml"
    if not path.is_file():
        return
    try:
        document = compose(path.read_text(encoding="utf-8"))
    except yaml.YAMLError:
        return  # the rule `navigation` says so
    for key in ("extra_css", "extra_javascript"):
        listed = child(document, key)
        for item in listed.value if isinstance(listed, yaml.SequenceNode) else ():
            node = child(item, "path") or item
            if isinstance(node, yaml.ScalarNode) and REMOTE.match(str(node.value)):
                yield (
                    "mkdocs.yml",
                    node.start_mark.line + 1,
                    f"every page would load `{node.value}` from another host.",
                    fix,
                )
