"""Addresses of the pages, for parametrized tests."""

from fieldguide.guide.project import Page, Project


def address(page: Page) -> str:
    """Where a page stands, relative to the site."""
    name = page.name.removesuffix("index").rstrip("/")
    return f"{name}/" if name else ""


def paths() -> list[str]:
    """Address of every page and lab."""
    project = Project()
    labs = sorted((project.docs / "labs").glob("*.ipynb"))
    return [address(page) for page in project.pages] + [f"labs/{lab.stem}/" for lab in labs]
