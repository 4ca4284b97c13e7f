"""The `fieldguide` command, put together.

Exit codes: 0 when all is well, 1 when something is wrong with the guide, 2 when the command was called with
something that does not exist.
"""

from fieldguide.commands import pages  # noqa: F401  isort: skip (the order of the help)
from fieldguide.commands import drill  # noqa: F401  isort: skip
from fieldguide.commands import proving  # noqa: F401  isort: skip
from fieldguide.commands import mutating  # noqa: F401  isort: skip
from fieldguide.commands import chores  # noqa: F401  isort: skip
from fieldguide.commands.console import app


def main() -> None:
    """Entry point of the `fieldguide` command."""
    app()
