"""Serving systems: as much HTTP/1.1 as a gateway and its workers need, on asyncio's streams."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

STATUS = {200: "OK", 404: "Not Found", 429: "Too Many Requests", 503: "Service Unavailable"}
STREAM = "Transfer-Encoding: chunked"
END = b"0\r\n\r\n"
BROKEN = (OSError, asyncio.IncompleteReadError)
"""What a reader sees when the other side is gone: refused, reset, timed out, or cut in the middle."""


@dataclass
class Reply:
    """Status and headers of an answer, and its lines as they arrive."""

    status: int
    headers: dict[str, str]
    lines: AsyncIterator[dict[str, Any]]


def head(status: int, headers: Sequence[str] = ()) -> bytes:
    """First line and headers of an answer; every connection carries one request."""
    lines = [f"HTTP/1.1 {status} {STATUS[status]}", "Connection: close", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def line(message: dict[str, Any]) -> bytes:
    """One chunk of a streamed answer: a line of JSON."""
    text = json.dumps(message).encode() + b"\n"
    return b"%x\r\n%s\r\n" % (len(text), text)


async def read_head(reader: asyncio.StreamReader) -> tuple[list[str], dict[str, str]]:
    """Words of the first line, and the headers by lower-case name."""
    text = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
    first, *rest = text.rstrip().split("\r\n")
    pairs = (one.split(":", 1) for one in rest)
    return first.split(), {name.lower(): value.strip() for name, value in pairs}


async def read_request(reader: asyncio.StreamReader) -> tuple[str, dict[str, Any]]:
    """Path and message of a request."""
    words, headers = await read_head(reader)
    body = await reader.readexactly(int(headers.get("content-length", 0)))
    return words[1], json.loads(body or b"{}")


async def chunks(
    reader: asyncio.StreamReader, streamed: bool, gap_s: float | None = None
) -> AsyncIterator[dict[str, Any]]:
    """Lines until the chunk of length zero; a stream that ends without it, or stalls, raises."""
    while streamed:
        async with asyncio.timeout(gap_s):
            size = int((await reader.readuntil(b"\r\n")).decode("latin-1"), 16)
            if not size:
                return
            text = await reader.readexactly(size + 2)
        yield json.loads(text[:-2])


@asynccontextmanager
async def request(
    port: int,
    path: str,
    message: dict[str, Any] | None = None,
    gap_s: float | None = None,
) -> AsyncIterator[Reply]:
    """Send one request to this machine; the connection ends with the block.

    Connection and head together, and then each line, must come within `gap_s` seconds.
    A host that vanished refuses nothing: the kernel would try to connect for minutes.
    """
    body = json.dumps(message or {}).encode()
    writer = None
    try:
        async with asyncio.timeout(gap_s):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(
                b"POST %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s"
                % (path.encode(), len(body), body)
            )
            words, headers = await read_head(reader)
        streamed = headers.get("transfer-encoding") == "chunked"
        yield Reply(int(words[1]), headers, chunks(reader, streamed, gap_s))
    finally:
        if writer:
            writer.close()
