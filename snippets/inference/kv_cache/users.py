"""Users whose cache fits beside the weights of Llama 3 70B, drawn to scale."""

from __future__ import annotations

from snippets.inference.kv_cache.sizes import (
    GB,
    LLAMA3_70B,
    LLAMA3_70B_WEIGHTS,
    kv_bytes_per_token,
    sequences_that_fit,
)

MEMORY = 2 * 80 * GB
CONTEXT = 8192
WIDTH = 360  # units of the drawing


def rows() -> list[tuple[str, float]]:
    """What a user of `CONTEXT` tokens takes, in bytes, by how keys and values are kept."""
    shared = CONTEXT * kv_bytes_per_token(**LLAMA3_70B)
    unshared = CONTEXT * kv_bytes_per_token(**LLAMA3_70B | {"kv_heads": 64})
    return [
        ("64 heads, each with its own keys and values", unshared),
        ("The heads share 8 pairs, as released", shared),
        ("The same, kept in 8 bits", shared / 2),
    ]


def text(x: float, y: float, size: float, words: str, more: str = "") -> str:
    """A line of text that begins at `x`."""
    return f'<text x="{x:.2f}" y="{y}" font-size="{size}" {more}>{words}</text>'


def block(x: float, y: float, width: float, height: float, paint: str) -> str:
    """A filled rectangle."""
    return f'<rect x="{x:.2f}" y="{y}" width="{width:.2f}" height="{height}" {paint}/>'


def figure_users() -> str:
    """The memory of both GPUs; below it what is spare, enlarged and cut into users."""
    spare = MEMORY - LLAMA3_70B_WEIGHTS
    zoom = WIDTH / max(spare, *(size for _, size in rows()))  # units a byte, below
    start, end = WIDTH * LLAMA3_70B_WEIGHTS / MEMORY, spare * zoom
    bold, muted = 'font-weight="650"', 'fill="var(--fg-muted)"'
    weights = f"{LLAMA3_70B_WEIGHTS / GB:.0f} GB of weights"
    drawn = [
        text(0, 12, 13, "Llama 3 70B on two 80 GB GPUs: how many users fit?", bold),
        text(0, 34, 11, "Memory", muted),
        text(WIDTH, 34, 11, f"{spare / GB:.1f} GB to spare", 'text-anchor="end"'),
        block(0, 40, start, 26, 'fill="currentColor" fill-opacity="0.15"'),
        block(start, 40, WIDTH - start, 26, 'fill="var(--fg-s0)"'),
        text(8, 57, 11, weights),
        f'<path d="M{start:.2f} 66H{WIDTH}L{end:.2f} 82H0Z" fill="var(--fg-s0)" fill-opacity="0.15"/>',
        block(0, 82, end, 128, 'fill="var(--fg-s0)" fill-opacity="0.15"'),
    ]
    for n, (words, size) in enumerate(rows()):
        users = sequences_that_fit(MEMORY, LLAMA3_70B_WEIGHTS, CONTEXT, size / CONTEXT)
        y, wide = 100 + 40 * n, size * zoom
        drawn += [text(6, y, 11, f"{users} users", bold), text(62, y, 11, words)]
        drawn += [
            block(wide * user, y + 6, wide * 0.94, 16, 'fill="var(--fg-s0)"')
            for user in range(users)
        ]
        if not users:  # not even one fits
            drawn.append(block(0, y + 6, wide, 16, 'fill="var(--fg-s1)"'))
    drawn.append(
        f'<path d="M{end:.2f} 82V210" stroke="currentColor" stroke-dasharray="4 3"/>'
    )
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} 212">{"".join(drawn)}</svg>'
