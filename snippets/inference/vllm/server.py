"""vLLM behind its OpenAI-compatible server: the same tokens, and prefix hits counted by its own metrics."""
# /// fieldguide
# environment = "vllm"
# timeout_s = 300
# memory_mb = 8000
# ///

from __future__ import annotations

import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from snippets.inference.vllm.client import prefix, protocol
from snippets.inference.vllm.model import BLOCK, tiny_llama
from snippets.inference.vllm.replay import report


# --8<-- [start:serve]
@contextmanager
def serve(folder: Path) -> Iterator[str]:
    """vLLM's server on this machine, from when it is ready to the end of the block."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = [
        sys.executable, "-m", "vllm.entrypoints.openai.api_server",
        "--model", str(folder), "--served-model-name", "tiny",
        "--host", "127.0.0.1", "--port", str(port),
        "--dtype", "float32", "--enforce-eager", "--block-size", str(BLOCK),
        "--max-model-len", "2048", "--max-num-seqs", "32",
        "--max-num-batched-tokens", "512", "--enable-prompt-tokens-details",
    ]  # fmt: skip
    log = Path("server.log")
    with log.open("wb") as output:
        server = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    try:
        while not ready(url := f"http://127.0.0.1:{port}"):
            if server.poll() is not None:
                raise RuntimeError(f"the server has ended: {log.read_text()[-2000:]}")
            time.sleep(0.2)
        yield url
    finally:
        server.terminate()
        server.wait(60)


# --8<-- [end:serve]


def ready(url: str) -> bool:
    """Whether the server answers."""
    try:
        return bool(urllib.request.urlopen(f"{url}/health", timeout=5).status == 200)
    except OSError:
        return False


@cache
def session() -> dict[str, list[str]]:
    """All that this page asks of one server: starting it costs more than everything else."""
    model = tiny_llama(Path("tiny"))
    with serve(Path("tiny")) as url:
        parts = {"protocol": protocol(url, model), "prefix": prefix(url)}
        return parts | {"trace": report(url)}


def example_protocol() -> None:
    """Endpoints."""
    print("\n".join(session()["protocol"]))


def example_prefix() -> None:
    """Prefix caching, as the server's metrics tell it."""
    print("\n".join(session()["prefix"]))


def example_trace() -> None:
    """The same arrivals at the server and in the simulator of the page on batching."""
    print("\n".join(session()["trace"]))


def facts() -> dict[str, str]:
    """Numbers that the page states about hits, from the server's counters."""
    hits = [line.split()[-2] for line in session()["prefix"][1:]]
    return {"hit_again": hits[1], "hit_half": hits[2], "hit_aligned": hits[6]}


if __name__ == "__main__":
    example_protocol()
    example_prefix()
    example_trace()
