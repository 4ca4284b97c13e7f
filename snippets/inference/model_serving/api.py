"""Model serving: the HTTP side. Who may ask, with what, and what they are told."""

# /// fieldguide
# timeout_s = 40
# ///

import asyncio
import hashlib
import hmac
import math
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Header, HTTPException
from fastapi.testclient import TestClient
from pydantic import BaseModel, Field, FiniteFloat

from snippets.inference.model_serving.batcher import Batcher, Overloaded
from snippets.inference.model_serving.bucket import Bucket

FEATURES = 64


class Question(BaseModel):
    """What a caller must send: the right number of numbers, and none of them NaN or infinite."""

    features: list[FiniteFloat] = Field(min_length=FEATURES, max_length=FEATURES)


class Reply(BaseModel):
    """What a caller gets; the version makes every answer attributable to a release."""

    score: float
    version: str


# --8<-- [start:app]
def create_app(
    model: Callable[[Sequence[list[float]]], Awaitable[Sequence[float]]],
    keys: dict[str, str],  # SHA-256 of a key -> name of its owner
    version: str = "v1", rate: float = 100.0, burst: float = 200.0,
    waiting: int = 256, patience: float = 1.0, clock: Callable[[], float] = time.monotonic,
) -> FastAPI:  # fmt: skip
    """The model behind authentication, a rate limit, validation, a batcher and a deadline."""
    batcher = Batcher(model, size=64, window=0.0, waiting=waiting)
    buckets = {owner: Bucket(rate, burst) for owner in keys.values()}

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        await batcher.call([[0.0] * FEATURES])  # slow at first: nobody should wait for it
        worker = asyncio.create_task(batcher.run())
        yield  # from here on the server is ready; at shutdown it drains what it accepted
        worker.cancel()
        with suppress(asyncio.CancelledError):
            await worker

    def admit(x_api_key: Annotated[str, Header()] = "") -> str:
        digest = hashlib.sha256(x_api_key.encode()).hexdigest()
        owners = [
            name for known, name in keys.items() if hmac.compare_digest(known, digest)
        ]
        if not owners:
            raise HTTPException(401, "unknown key", {"WWW-Authenticate": "ApiKey"})
        if wait := buckets[owners[0]].take(clock()):
            raise HTTPException(429, "rate limit", {"Retry-After": f"{math.ceil(wait)}"})
        return owners[0]

    app = FastAPI(lifespan=lifespan)

    # --8<-- [end:app]

    # --8<-- [start:endpoint]
    @app.post("/score")
    async def score(question: Question, owner: Annotated[str, Depends(admit)]) -> Reply:
        try:
            async with asyncio.timeout(patience):
                answer = await batcher.ask(question.features)
        except Overloaded:
            raise HTTPException(503, "queue full", {"Retry-After": "1"}) from None
        except TimeoutError:
            raise HTTPException(504, "too late") from None  # the row leaves the queue
        except Exception:
            raise HTTPException(500, "the model failed on this row") from None
        return Reply(score=answer, version=version)

    # --8<-- [end:endpoint]

    @app.get("/ready")
    async def ready() -> str:
        return version

    return app


async def mean(rows: Sequence[list[float]]) -> list[float]:
    """A stand-in model: the mean of the features. It fails on 13 and takes long over 14."""
    if any(row[0] == 13 for row in rows):
        raise ArithmeticError("unlucky")
    await asyncio.sleep(0.75 if any(row[0] == 14 for row in rows) else 0)
    return [sum(row) / len(row) for row in rows]


def example_statuses() -> None:
    """One request of each kind, and what its sender is told."""
    key = {"X-API-Key": "secret"}
    owners = {hashlib.sha256(b"secret").hexdigest(): "team-a"}
    good, now = [1.0] * FEATURES, [0.0]
    app = create_app(mean, owners, burst=6, rate=0.5, patience=0.3, clock=lambda: now[0])
    with TestClient(app) as client:

        def tell(name: str, features: list[Any], headers: dict[str, str]) -> None:
            reply = client.post("/score", json={"features": features}, headers=headers)
            after = reply.headers.get("retry-after")
            print(
                f"{name:25s}{reply.status_code}{f'  retry after {after} s' if after else ''}"
            )

        tell("no key", good, {})
        broken = client.post(
            "/score", content="{", headers={"Content-Type": "application/json"}
        )
        print(f"{'no key, broken JSON':25s}{broken.status_code}")
        tell("63 features", good[1:], key)
        tell("a text among the numbers", ["one", *good[1:]], key)
        tell("good", good, key)
        tell("the model fails on it", [13.0, *good[1:]], key)
        tell("over the deadline", [14.0, *good[1:]], key)
        tell("the sixth of six", good, key)
        tell("the seventh", good, key)
        now[0] += 2
        tell("two seconds later", good, key)
    with TestClient(create_app(mean, owners, waiting=0)) as client:
        tell("queue full", good, key)


if __name__ == "__main__":
    example_statuses()
