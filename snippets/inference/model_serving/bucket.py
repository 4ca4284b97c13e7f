"""Model serving: how often a caller may ask."""

from __future__ import annotations


# --8<-- [start:bucket]
class Bucket:
    """Token bucket: `rate` requests a second, and `burst` at once after a quiet time."""

    def __init__(self, rate: float, burst: float) -> None:
        self.rate, self.burst, self.level, self.seen = rate, burst, burst, 0.0

    def take(self, now: float) -> float:
        """0 if the request may pass, otherwise the seconds until the next one may."""
        self.level = min(self.burst, self.level + (now - self.seen) * self.rate)
        self.seen = now
        if self.level < 1:
            return (1 - self.level) / self.rate
        self.level -= 1
        return 0.0


# --8<-- [end:bucket]
