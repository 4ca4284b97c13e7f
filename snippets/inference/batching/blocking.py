"""How batching breaks: long prompts among short ones, whole and in pieces."""

from __future__ import annotations

from snippets.inference.batching.arrivals import Arrival, poisson_trace
from snippets.inference.batching.engine import H100_LLAMA3_8B as ENGINE
from snippets.inference.batching.latency import first_token, gaps, per_token, quantile
from snippets.inference.batching.simulator import Policy, Request, simulate

LONG = 32_768  # tokens
POLICIES = {
    "whole prompts": Policy(),
    "budget 8192": Policy(budget=8192),
    "budget 2048": Policy(budget=2048),
    "budget 512": Policy(budget=512),
    "budget 128": Policy(budget=128),
    "2048, piece 1024": Policy(budget=2048, chunk=1024),
}


# --8<-- [start:scene]
def scene(long_prompts: bool = True) -> list[Arrival]:
    """A minute of chat at 4 requests a second; every ten seconds one long document."""
    chat = poisson_trace(4, 240, seed=3)
    return chat + [Arrival(10.0 * i, LONG, 128) for i in range(1, 6) if long_prompts]


# --8<-- [end:scene]


def measure(
    policy: Policy, long_prompts: bool = True
) -> tuple[list[Request], list[Request]]:
    """The finished chats, and the finished documents."""
    requests, _ = simulate(scene(long_prompts), policy, ENGINE.seconds)
    return [r for r in requests if r.prompt != LONG], [
        r for r in requests if r.prompt == LONG
    ]


def row(name: str, chats: list[Request], documents: list[Request]) -> str:
    """One line of the table."""
    ms = [f"{x * 1e3:,.0f} ms" for x in (max(gaps(chats)), quantile(gaps(chats), 0.99))]
    token, first = quantile(per_token(chats), 0.99), quantile(first_token(chats), 0.99)
    own = f"{quantile(first_token(documents), 0.5):.1f} s" if documents else ""
    return f"{name:17s}{ms[0]:>12s}{ms[1]:>9s}{token * 1e3:7.1f} ms{first:9.2f} s{own:>11s}"


def example_blocking() -> None:
    """What 240 chats see while five documents of 32,768 tokens pass through."""
    print(
        f"{'':17s}{'longest gap':>12s}{'gap p99':>9s}{'TPOT p99':>10s}{'TTFT p99':>11s}{'document':>11s}"
    )
    print(row("no documents", *measure(Policy(), long_prompts=False)))
    for name, policy in POLICIES.items():
        print(row(name, *measure(policy)))


def facts() -> dict[str, str]:
    """Numbers that the page states about long prompts."""
    whole, _ = measure(POLICIES["whole prompts"])
    quiet, _ = measure(POLICIES["whole prompts"], long_prompts=False)
    cut, _ = measure(POLICIES["budget 2048"])
    small, _ = measure(POLICIES["budget 512"])
    fair, _ = measure(POLICIES["2048, piece 1024"])
    tiny, _ = measure(POLICIES["budget 128"])
    return {
        "gap_128": f"{max(gaps(tiny)) * 1e3:.0f} ms",
        "gap_whole": f"{max(gaps(whole)):.2f} s",
        "gap_2048": f"{max(gaps(cut)) * 1e3:.0f} ms",
        "gap_512": f"{max(gaps(small)) * 1e3:.0f} ms",
        "gap_gain_512": f"{max(gaps(whole)) / max(gaps(small)):.0f}",
        "tpot_quiet": f"{quantile(per_token(quiet), 0.99) * 1e3:.1f} ms",
        "tpot_whole": f"{quantile(per_token(whole), 0.99) * 1e3:.1f} ms",
        "tpot_2048": f"{quantile(per_token(cut), 0.99) * 1e3:.1f} ms",
        "tpot_512": f"{quantile(per_token(small), 0.99) * 1e3:.1f} ms",
        "gap99_whole": f"{quantile(gaps(whole), 0.99) * 1e3:.0f} ms",
        "first_2048": f"{quantile(first_token(cut), 0.99):.1f} s",
        "first_fair": f"{quantile(first_token(fair), 0.99) * 1e3:.0f} ms",
    }


if __name__ == "__main__":
    example_blocking()
