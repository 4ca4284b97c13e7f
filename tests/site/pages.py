"""Addresses of the pages, for parametrized tests."""

from fieldguide.guide.project import Project


def paths() -> list[str]:
    """Address of every page, relative to the site, from the pages themselves."""
    found = []
    for page in Project().pages:
        head, _, tail = page.name.rpartition("/")
        found.append((f"{head}/" if head else "") if tail == "index" else f"{page.name}/")
    labs = sorted((Project().docs / "labs").glob("*.ipynb"))
    return found + [f"labs/{lab.stem}/" for lab in labs]
