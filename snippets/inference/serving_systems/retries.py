"""Serving systems: a short outage, clients that retry, and whether the service comes back."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

from snippets.inference.serving_systems.retry_budget import RetryBudget


@dataclass
class Call:
    """One attempt of one request."""

    sent: int
    attempt: int
    done: bool = False


@dataclass
class Second:
    """What happened in one second."""

    sent: int = 0
    good: int = 0
    wasted: int = 0
    shed: int = 0


@dataclass
class Storm:
    """A server that answers 100 calls a second, first come, first served; 70 new ones arrive.

    A client waits one second, then retries, `attempts` times in all, also when it was
    refused. The server does not know that it gave up, and works on the call all the same.
    """

    attempts: int = 1
    budget: RetryBudget | None = None
    room: int = 10**9
    queue: deque[Call] = field(default_factory=deque)
    waits: deque[Call] = field(default_factory=deque)

    def send(self, call: Call, now: Second) -> None:
        """Put a call into the queue, or refuse it."""
        now.sent += 1
        if len(self.queue) < self.room:
            self.queue.append(call)
        else:
            now.shed += 1
        self.waits.append(call)

    # --8<-- [start:storm]
    def run(self, seconds: int = 40, outage: range = range(10, 13)) -> list[Second]:
        """One step is 10 ms; during the outage nothing is answered."""
        history, due = list[Second](), 0.0
        for tick in range(100 * seconds):
            if tick % 100 == 0:
                history.append(now := Second())
            while self.waits and tick - self.waits[0].sent >= 100:  # these gave up
                call = self.waits.popleft()
                again = not call.done and call.attempt < self.attempts
                if again and (self.budget is None or self.budget.withdraw()):
                    self.send(Call(tick, call.attempt + 1), now)
            due += 0.7
            if due >= 1:
                due -= 1
                if self.budget:
                    self.budget.deposit()
                self.send(Call(tick, 1), now)
            if self.queue and tick // 100 not in outage:
                call = self.queue.popleft()
                call.done = tick - call.sent < 100
                now.good += call.done
                now.wasted += not call.done
        return history

    # --8<-- [end:storm]


def recovery(history: list[Second], healthy: int = 63) -> int | None:
    """Seconds after the outage until nine of ten new requests succeed for good; None if never."""
    bad = [n for n, one in enumerate(history) if one.good < healthy]
    return None if bad[-1] == len(history) - 1 else bad[-1] - 12


def clients() -> dict[str, Storm]:
    """Four ways to meet the same outage."""
    return {
        "no retries": Storm(),
        "3 attempts": Storm(attempts=3),
        "3 attempts, budget 10%": Storm(attempts=3, budget=RetryBudget()),
        "3 attempts, room for 50": Storm(attempts=3, room=50),
    }


def example_storm() -> None:
    """Capacity 100/s, demand 70/s, three seconds without answers."""
    print(f"{'':24s}{'most sent/s':>12s}{'good/s at the end':>19s}{'recovered after':>17s}")
    for name, storm in clients().items():
        history = storm.run()
        after = recovery(history)
        text = "never" if after is None else f"{after} s"
        print(
            f"{name:24s}{max(s.sent for s in history):12d}{history[-1].good:19d}{text:>17s}"
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about retries."""
    runs = {name: storm.run() for name, storm in clients().items()}
    after = {name: recovery(history) for name, history in runs.items()}
    storm = runs["3 attempts"]
    return {
        "peak": f"{max(s.sent for s in storm)}",
        "good": f"{storm[-1].good}",
        "busy": f"{storm[-1].good + storm[-1].wasted}",
        "budget_after": f"{after['3 attempts, budget 10%']} s",
        "room_after": f"{after['3 attempts, room for 50']} s",
        "layers": f"{3**5}",
    }


if __name__ == "__main__":
    example_storm()
