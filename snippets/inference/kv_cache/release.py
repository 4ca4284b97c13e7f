"""Prefix caching: a server's log around a release after which most hits are gone."""

from __future__ import annotations

from snippets.inference.kv_cache.prefix import block_hashes, cached_tokens, prompts

ARRIVALS = [
    "09:58:12",
    "09:58:40",
    "09:59:05",
    "09:59:51",
    "10:00:20",
]  # before the release
LATER = ["10:01:08", "10:01:33", "10:02:04", "10:03:15", "10:03:41", "10:03:59", "10:04:30"]


def stamp(clock: str) -> list[int]:
    """Eight tokens that say the time, to the minute."""
    return [32_000, 32_001, 32_002, *(32_010 + ord(sign) for sign in clock[:5])]


def log() -> list[tuple[str, int, int, int]]:
    """Time, release, tokens of the prompt, and how many of them are reused."""
    known: set[str] = set()
    rows = []
    arrivals = [*ARRIVALS, *LATER]
    for clock, tokens in zip(arrivals, prompts(len(arrivals)), strict=True):
        late = clock in LATER
        names = block_hashes(stamp(clock) + tokens if late else tokens)
        rows.append((clock, 41 + late, len(tokens) + 8 * late, cached_tokens(known, names)))
        known.update(names)
    return rows


def example_release() -> None:
    """Twelve requests, seven of them after the release."""
    for clock, release, tokens, reused in log():
        print(f"{clock}  release {release}  prompt {tokens:5,}  reused {reused:5,}")


if __name__ == "__main__":
    example_release()
