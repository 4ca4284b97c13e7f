"""What a teacher's signal costs: bytes if it is stored, FLOPs if it is computed. Standard library only."""

from __future__ import annotations

from typing import Annotated

NUMBER, NAME = 2, 4  # bytes of a probability in bf16, and of a token's number


def stored(tokens: float, vocabulary: int, kept: int) -> float:
    """Bytes of the teacher's probabilities: the whole row, or `kept` of them with their names."""
    row = vocabulary * NUMBER if kept >= vocabulary else kept * (NUMBER + NAME)
    return tokens * row


def flops(teacher: float, student: float, epochs: int, on_policy: bool) -> float:
    """FLOPs per reply token of a prompt set that is gone through `epochs` times."""
    train = 6 * student
    if on_policy:  # new text each time: the student writes, the teacher reads
        return epochs * (2 * student + 2 * teacher + train)
    return 2 * teacher + epochs * train  # written and scored in one pass, then kept


def factor(teacher: float, student: float, epochs: int) -> float:
    """How many times the FLOPs of off-policy training on-policy training takes."""
    return flops(teacher, student, epochs, True) / flops(teacher, student, epochs, False)


def size(count: float) -> str:
    """Bytes in a unit that fits."""
    for unit, scale in (("TB", 1e12), ("GB", 1e9)):
        if count >= scale:
            return f"{count / scale:,.1f} {unit}"
    return f"{count / 1e6:,.1f} MB"


def signal(
    tokens: Annotated[float, "million", (0.1, 1e6)] = 100.0,
    vocabulary: Annotated[int, "", (100, 1_000_000)] = 151_936,
    kept: Annotated[int, "", (1, 100_000)] = 256,
    teacher: Annotated[float, "billion", (0.01, 5000.0)] = 32.0,
    student: Annotated[float, "billion", (0.01, 5000.0)] = 8.0,
    epochs: Annotated[int, "", (1, 50)] = 1,
) -> dict[str, object]:
    """What does the teacher's signal cost, stored or computed?

    Args:
        tokens: Reply tokens. Of all prompts, gone through once.
        vocabulary: Entries of the vocabulary, $V$.
        kept: Probabilities kept per token. Each with the number of its token.
        teacher: Parameters of the teacher. Active ones, if it is a mixture of experts.
        student: Parameters of the student.
        epochs: Passes over the prompts. On-policy, each pass has new text.
    """
    n, few = tokens * 1e6, min(kept, vocabulary)
    off, on = (flops(teacher, student, epochs, which) for which in (False, True))
    return {
        "all probabilities": size(stored(n, vocabulary, vocabulary)),
        f"{few} of them": size(stored(n, vocabulary, few)),
        "the text alone": size(n * NAME),
        "FLOPs, the teacher writes": f"{off * 1e9 * n:.2e}",
        "FLOPs, the student writes": f"{on * 1e9 * n:.2e}",
        "on-policy costs": f"{factor(teacher, student, epochs):.2f}×",
    }


def facts() -> dict[str, str]:
    """Numbers of the page about cost."""
    return {
        "policy_once": f"{factor(32.0, 8.0, 1):.2f}",
        "policy_thrice": f"{factor(32.0, 8.0, 3):.2f}",
    }
