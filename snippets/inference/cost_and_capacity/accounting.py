"""What a token costs: a published day of a service, taken apart."""

from __future__ import annotations

from dataclasses import dataclass


# --8<-- [start:price]
def dollars_per_million(
    dollars_per_hour: float, tokens_per_second: float, load: float = 1.0
) -> float:
    """Cost of a million tokens.

    Args:
        dollars_per_hour: Of everything that has to be on.
        tokens_per_second: What it delivers when it is full.
        load: Share of the time for which it is full; the rest is paid all the same.
    """
    return dollars_per_hour / (3600 * tokens_per_second * load) * 1e6


# --8<-- [end:price]


# --8<-- [start:day]
@dataclass(frozen=True)
class Day:
    """A day of a service; defaults as DeepSeek published them for February 27 to 28, 2025."""

    nodes: float = 226.75  # mean
    peak_nodes: int = 278
    gpus: int = 8  # in a node
    dollars: float = 2.0  # an hour and GPU: an assumption of the authors
    prompts: float = 608e9  # tokens
    hits: float = 342e9  # of them found in the disk cache
    answers: float = 168e9  # tokens
    prefill_rate: float = 73_700  # tokens/s of a node, hits included
    decode_rate: float = 14_800  # tokens/s of a node

    @property
    def node_hour(self) -> float:
        """Price of one node for an hour."""
        return self.gpus * self.dollars

    @property
    def cost(self) -> float:
        """Of the whole day."""
        return self.nodes * self.node_hour * 24


def nodes_busy(day: Day) -> tuple[float, float]:
    """Nodes that prefill and decode keep busy at the published rates."""
    seconds = 24 * 3600
    return (
        day.prompts / seconds / day.prefill_rate,
        day.answers / seconds / day.decode_rate,
    )


def revenue(day: Day, hit: float = 0.14, miss: float = 0.55, answer: float = 2.19) -> float:
    """Of the day, at prices per million tokens; defaults are DeepSeek-R1's of that time."""
    return (day.hits * hit + (day.prompts - day.hits) * miss + day.answers * answer) / 1e6


# --8<-- [end:day]


def blended(day: Day, prompt: float, answer: float) -> float:
    """Cost of a million tokens of requests with `prompt` and `answer` tokens."""
    read = dollars_per_million(day.node_hour, day.prefill_rate)
    written = dollars_per_million(day.node_hour, day.decode_rate)
    return (prompt * read + answer * written) / (prompt + answer)


def example_day() -> None:
    """The published day: what is printed, and what follows from the other numbers printed."""
    day = Day()
    prefill, decode = nodes_busy(day)
    rows = [
        ("cost of the day", "$87,072", f"${day.cost:,.0f}"),
        ("revenue at list price", "$562,027", f"${revenue(day):,.0f}"),
        ("profit over cost", "545%", f"{revenue(day) / day.cost - 1:.0%}"),
        ("share of hits", "56.3%", f"{day.hits / day.prompts:.2%}"),
        ("nodes busy on average", "226.75", f"{prefill:.1f} + {decode:.1f}"),
    ]
    print(f"{'':24s}{'printed':>10s}{'computed':>15s}")
    for name, printed, computed in rows:
        print(f"{name:24s}{printed:>10s}{computed:>15s}")


def example_mix() -> None:
    """Cost of a million tokens, prompts and answers together, as the mix changes."""
    day = Day()
    print(f"{'requests':26s}{'in':>7s}{'out':>7s}{'$/M':>8s}")
    for name, prompt, answer in (
        ("the published day", day.prompts / 168e9 * 1000, 1000),
        ("documents, short answers", 8000, 500),
        ("chat", 1000, 1000),
        ("reasoning", 1000, 8000),
    ):
        print(f"{name:26s}{prompt:7,.0f}{answer:7,.0f}{blended(day, prompt, answer):8.3f}")


def facts() -> dict[str, str]:
    """Numbers that the page states about the day."""
    day = Day()
    prefill, decode = nodes_busy(day)
    own = blended(day, day.prompts, day.answers)
    read = dollars_per_million(day.node_hour, day.prefill_rate)
    written = dollars_per_million(day.node_hour, day.decode_rate)
    return {
        "cost_out": f"{day.cost / day.answers * 1e6:.2f}",
        "cost_all": f"{day.cost / (day.prompts + day.answers) * 1e6:.3f}",
        "cost_prompt": f"{read:.3f}",
        "cost_answer": f"{written:.3f}",
        "ratio": f"{written / read:.1f}",
        "prefill_nodes": f"{prefill:.1f}",
        "decode_nodes": f"{decode:.1f}",
        "sum_nodes": f"{prefill + decode:.1f}",
        "peak_over_mean": f"{day.peak_nodes / day.nodes:.2f}",
        "static_extra": f"{day.peak_nodes / day.nodes - 1:.0%}",
        "reasoning": f"{blended(day, 1000, 8000) / own:.1f}",
        "users_low": f"{day.decode_rate / 22 / 8:.0f}",
        "users_high": f"{day.decode_rate / 20 / 8:.0f}",
    }


if __name__ == "__main__":
    example_day()
    example_mix()
