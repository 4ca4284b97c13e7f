"""What a faster part, or another accelerator, is worth."""

from __future__ import annotations


# --8<-- [start:amdahl]
def amdahl(fraction: float, speedup: float) -> float:
    """Speed-up of the whole if `fraction` of it becomes `speedup` times faster."""
    return 1 / (1 - fraction + fraction / speedup)


# --8<-- [end:amdahl]


def flops_per_dollar(flops: float, dollars_per_hour: float) -> float:
    """Peak FLOP/s that a dollar an hour buys."""
    return flops / dollars_per_hour


def full_memory_seconds(memory_bytes: float, bandwidth: float) -> float:
    """A decode step that reads everything the memory holds: no batch makes it longer."""
    return memory_bytes / bandwidth


SHARE = 0.4  # of a request's time that is decode


def facts() -> dict[str, str]:
    """Numbers that the page states about speed-ups."""
    return {
        "decode_share": f"{SHARE:.0%}",
        "amdahl_decode": f"{amdahl(SHARE, 3):.2f}",
        "amdahl_limit": f"{amdahl(SHARE, float('inf')):.2f}",
    }
