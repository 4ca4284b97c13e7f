"""Errors of the extension: one line with file and line, and the build ends."""

from __future__ import annotations

from click import ClickException

from fieldguide.guide.project import Breach


class BuildError(ClickException):
    """Ends a build; MkDocs prints it without a traceback."""

    def __init__(self, breach: Breach) -> None:
        super().__init__(str(breach))
        self.breach = breach
