"""The contract on pages: what must hold before a page may say that it is proven.

Every rule is static and fast: it reads files and never runs an example. Each breach has a
file, a line, what to do about it, and the page that it belongs to.
"""

from fieldguide.proof.rules import facts, fences, listings, markup, numbers, pages, skips, sources, trios  # noqa: F401
from fieldguide.proof.rules.rule import RULES, check

__all__ = ["RULES", "check"]
