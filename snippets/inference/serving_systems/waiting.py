"""Serving systems: how long requests wait, how many are refused, and what to keep in reserve."""

from __future__ import annotations

import math


# --8<-- [start:queue]
def occupancy(load: float, servers: int, room: int) -> list[float]:
    """Probability of 0, 1, … requests in a system with `room` places to wait (M/M/c/K).

    Args:
        load: Arrival rate × service time: servers that would be busy if none were refused.
        servers: Requests served at once, c.
        room: Requests that may wait; one more is refused.
    """
    logs = [0.0]  # the weights themselves exceed any float in a large fleet
    for n in range(1, servers + room + 1):
        logs.append(logs[-1] + math.log(load / min(n, servers)))
    most = max(logs)
    weights = [math.exp(log - most) for log in logs]
    total = sum(weights)
    return [weight / total for weight in weights]


def shed_share(load: float, servers: int, room: int) -> float:
    """Share of requests that find every place taken."""
    return occupancy(load, servers, room)[-1]


# --8<-- [end:queue]


def wait_quantile(load: float, servers: int, room: int, share: float = 0.95) -> float:
    """Wait that `share` of the accepted stay within, in service times; exact for M/M/c/K."""
    p = occupancy(load, servers, room)
    accepted = 1 - p[-1]

    def longer(t: float) -> float:
        late, tail, ends = 0.0, 0.0, servers * t
        for n in range(servers, servers + room):  # n here: wait for n - c + 1 ends
            k = n - servers
            tail += math.exp(k * math.log(ends) - ends - math.lgamma(k + 1))
            late += p[n] * tail
        return late / accepted

    low, high = 0.0, 2.0 * (room + 1)
    for _ in range(50):
        middle = (low + high) / 2
        low, high = (middle, high) if longer(middle) > 1 - share else (low, middle)
    return high


def mean_wait(load: float, servers: int, room: int) -> float:
    """Mean wait of the accepted, in service times: Little's law on those who wait."""
    p = occupancy(load, servers, room)
    waiting = sum((n - servers) * p[n] for n in range(servers, len(p)))
    return waiting / (load * (1 - p[-1]))


def room_within(load: float, servers: int, slack: float, share: float = 0.95) -> int:
    """Largest room with which `share` of the accepted wait at most `slack` service times.

    Not above `slack * servers`, with which the last in line waits that long on average.
    """
    rooms = range(int(slack * servers), 0, -1)
    return next((n for n in rooms if wait_quantile(load, servers, n, share) <= slack), 0)


def desired_replicas(
    current: int, metric: float, target: float, tolerance: float = 0.1
) -> int:
    """What a HorizontalPodAutoscaler asks for: in proportion, unless it is nearly right."""
    ratio = metric / target
    return current if abs(ratio - 1) <= tolerance else math.ceil(current * ratio)


def reserve(growth: float, start_s: float) -> float:
    """Requests per second by which load grows while a new replica starts."""
    return growth * start_s


def example_queues() -> None:
    """Eight slots: wait of the accepted (p95, in service times), and the share refused."""
    rooms = (4, 16, 256)
    print(f"{'':>12s}" + "".join(f"{f'room for {room}':>18s}" for room in rooms))
    for load in (0.7, 0.9, 1.0, 1.2):
        cells = [
            (wait_quantile(8 * load, 8, room), shed_share(8 * load, 8, room))
            for room in rooms
        ]
        print(
            f"load {load:4.0%}   "
            + "".join(f"{wait:9.2f}{shed:9.1%}" for wait, shed in cells)
        )


def facts() -> dict[str, str]:
    """Numbers that the page states about queues."""
    small, large = ((wait_quantile(9.6, 8, n), shed_share(9.6, 8, n)) for n in (4, 256))
    return {
        "wait_large": f"{large[0]:.0f}",
        "mean_large": f"{mean_wait(9.6, 8, 256):.0f}",
        "shed_small": f"{small[1]:.0%}",
        "room_half": f"{room_within(9.6, 8, 0.5)}",
        "room_two": f"{room_within(9.6, 8, 2.0)}",
        "room_mean": f"{2 * 8}",
        "unavoidable": f"{1 - 1 / 1.2:.0%}",
        "hpa": f"{desired_replicas(50, 90, 75)}",
        "start": f"{141.1 / 5:.0f} s",
        "reserve": f"{reserve(2, 141.1 / 5):.0f}",
    }


if __name__ == "__main__":
    example_queues()
