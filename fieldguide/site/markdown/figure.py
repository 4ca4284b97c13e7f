"""A `figure` fence: what a snippet drew, with a caption that concludes and a text for who does not see it."""

import html
from collections.abc import Callable
from pathlib import Path

from fieldguide.calc.fence import resolve
from fieldguide.guide.forms import read
from fieldguide.guide.page import Figure


def render(source: str, root: Path, folder: str, inline: Callable[[str], str]) -> str:
    """The recorded figure, inline, so that it takes the colors of the palette.

    `source` is YAML with `figure` (file:name, or area.page.file:name for another page's), `caption` and `alt`.
    `ValueError`, with a sentence, if a key is missing or nothing was recorded.
    """
    filled = read(Figure, source, "the figure")
    if filled.value is None:
        raise ValueError(filled.problems[0].message)
    spec = filled.value
    file, name = resolve(spec.figure, folder)
    path = (root / "snippets" / file).with_name(f"{name}.svg")
    if not path.is_file():
        raise ValueError(f"the figure `{spec.figure}` has not been recorded: there is no {path.name} beside it.")
    label = html.escape(" ".join(spec.alt.split()), quote=True)
    svg = path.read_text(encoding="utf-8").replace("<svg ", f'<svg role="img" aria-label="{label}" ', 1)
    svg = svg.replace(' href="#', ' xlink:href="#')  # the theme's script takes whatever has an `href` for a link
    svg = "".join(line.strip() + ("\n" if "<text" in line else "") for line in svg.splitlines())
    drawn = f'<div data-search-exclude="">{svg}</div><figcaption>{inline(spec.caption)}</figcaption>'
    return f'<figure class="fg-plot" id="figure-{name.replace("_", "-")}">{drawn}</figure>'
