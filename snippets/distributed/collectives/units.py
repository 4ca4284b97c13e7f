"""Collectives: a number with its unit, as the page states it."""

from __future__ import annotations

UNITS = {"GB": 1e9, "MB": 1e6, "GB/s": 1e9, "ms": 1e-3, "µs": 1e-6}  # of bytes, seconds


def with_unit(value: float, unit: str, digits: int = 0) -> str:
    """Bytes, seconds or bytes per second in this unit, rounded."""
    return f"{value / UNITS[unit]:,.{digits}f} {unit}"
