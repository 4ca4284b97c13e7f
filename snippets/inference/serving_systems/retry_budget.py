"""Serving systems: a budget that lets single failures be retried, and not an outage."""

from __future__ import annotations

from dataclasses import dataclass


# --8<-- [start:budget]
@dataclass
class RetryBudget:
    """Every first attempt saves a share of a retry; a retry spends a whole one."""

    share: float = 0.1
    most: float = 10.0
    saved: float = 10.0  # so that the first failures of a quiet hour can be retried

    def deposit(self) -> None:
        """A request begins."""
        self.saved = min(self.most, self.saved + self.share)

    def withdraw(self) -> bool:
        """Whether one more retry is allowed; if so, it is spent."""
        if self.saved < 1:
            return False
        self.saved -= 1
        return True


# --8<-- [end:budget]
