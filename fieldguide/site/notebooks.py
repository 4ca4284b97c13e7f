"""How a lab's recorded notebook becomes a page: by the same Markdown as every other page."""

import re
from contextlib import suppress
from pathlib import Path
from typing import Any

from markdown import Markdown

from fieldguide.proof.notebooks import PICTURE, texts

TEMPLATES = Path(__file__).parent / "markdown/notebook"


def to_markdown(notebook: Any) -> str:
    """The notebook as one Markdown document: text as it is, code as fences, outputs below them."""
    parts: list[str] = []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            parts.append(cell.source)
        elif cell.cell_type == "code":
            parts.append(f"`````python\n{cell.source}\n`````")
            if printed := texts(cell).rstrip("\n"):
                parts.append(f'`````text title="Output"\n{printed}\n`````')
            for output in cell.outputs:
                if PICTURE in output.get("data", {}):
                    parts.append(_figure(output["data"][PICTURE]))
    return "\n\n".join(parts) + "\n"


def _figure(svg: str) -> str:
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<(metadata|style)\b.*?</\1>", "", svg, flags=re.S)
    lines = "\n".join(line for line in svg.split("\n") if line.strip())  # a blank line would end the HTML block
    return f'<div class="fg-plot">\n{lines}\n</div>'


def render(notebook: Any) -> str:
    """The notebook as HTML, by the Markdown that renders every other page."""
    html = Markdown(
        extensions=["fieldguide.site.markdown", "admonition", "attr_list", "tables", "toc", "pymdownx.arithmatex", "pymdownx.details",
                    "pymdownx.highlight", "pymdownx.superfences"],
        extension_configs={
            "toc": {"permalink": "#", "permalink_title": "Link to this section"},
            "pymdownx.arithmatex": {"generic": True},
            "pymdownx.highlight": {"anchor_linenums": False, "pygments_lang_class": True},
        },
    ).convert(to_markdown(notebook))  # fmt: skip
    # A link to a page names its file, from `docs/labs/`; its address starts one folder deeper.
    return re.sub(r'href="((?:\.\./|[\w-]+/)*)([\w-]+)\.md(#[\w-]+)?"', _address, html)


def _address(match: re.Match[str]) -> str:
    folder, name, anchor = match.group(1), match.group(2), match.group(3) or ""
    return f'href="../{folder}{"" if name == "index" else name + "/"}{anchor}"'


def install() -> None:
    """Let mkdocs-jupyter render through `render`, by module-level settings of it and of nbconvert.

    Its own template inlines half a megabyte of styles, asks two other hosts for scripts and renders no mathematics.
    """
    with suppress(ImportError):  # another generator may do without
        from mkdocs_jupyter.config import settings
        from nbconvert.exporters.templateexporter import default_filters

        settings.templates_dir = str(TEMPLATES)
        default_filters["fieldguide"] = render
