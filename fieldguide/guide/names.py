"""Names: where the code of a page lies, and which name somebody may have meant."""

import difflib
from collections.abc import Iterable


def folder_of(name: str) -> str:
    """The folder of a page's code: a hyphen becomes an underscore, and an index is an `overview`.

    >>> folder_of("post-training/index")
    'post_training/overview'
    """
    area, _, slug = name.rpartition("/")
    return f"{area}/{'overview' if slug == 'index' else slug}".replace("-", "_")


def near(name: str, known: Iterable[str]) -> str:
    """A sentence with the known names closest to `name`, or with a few of them.

    >>> near("inferense", ["inference", "rl"])
    'Did you mean `inference`?'
    """
    names = sorted(set(known))
    close = difflib.get_close_matches(name, names, 3, 0.5)
    if close:
        return "Did you mean " + ", ".join(f"`{n}`" for n in close) + "?"
    if not names:
        return "There is none yet."
    return "There are " + ", ".join(f"`{n}`" for n in names[:8]) + (", …" if len(names) > 8 else "") + "."
