"""What a nightly report says before and after a release; evidence for an exercise."""

import numpy as np

from snippets.recommenders.collaborative_filtering.budget import MOVIES, tasks
from snippets.recommenders.collaborative_filtering.leaks import (
    at_random,
    everything,
    missing,
    score,
    shuffled,
)


def example_release() -> None:
    """Plays in the window, users and plays that training has not seen, and two scores."""
    plays, _ = everything(MOVIES)
    print("night  plays judged  new users  new titles  popularity    EASE")
    for night, rows, task in (
        (41, plays, tasks(MOVIES)[1]),
        (42, shuffled(plays), at_random(MOVIES)),
    ):
        users, titles = missing(MOVIES, rows)
        window = int(np.sum(rows.day >= task.cut))
        print(
            f"{night:5d}{window:14,d}{users:11.0%}{titles:12.1%}"
            f"{score(task, 'popularity'):12.4f}{score(task, 'EASE'):8.4f}"
        )


if __name__ == "__main__":
    example_release()
