"""vLLM: what a client asks of its server, with nothing but JSON over HTTP."""
# /// fieldguide
# environment = "vllm"
# ///

from __future__ import annotations

import json
import urllib.request
from typing import Any

from snippets.inference.vllm.model import greedy, random_prompt


def ask(url: str, path: str, **body: object) -> Any:
    """One request without any library: the protocol is JSON over HTTP."""
    fixed = {
        "model": "tiny",
        "temperature": 0,
        "ignore_eos": True,
        "return_token_ids": True,
    }
    data = json.dumps(fixed | body).encode()
    kind = {"Content-Type": "application/json"}
    request = urllib.request.Request(url + path, data, kind)
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)


def counter(url: str, name: str) -> int:
    """A counter of the page that Prometheus reads."""
    lines = (
        urllib.request.urlopen(f"{url}/metrics", timeout=10).read().decode().splitlines()
    )
    return sum(
        int(float(line.split()[-1])) for line in lines if line.startswith(f"{name}{{")
    )


def prefix(url: str) -> list[str]:
    """Prompts one after another; what each asks of the prefix cache, and what it finds."""
    text, aligned = random_prompt(100, seed=1), random_prompt(96, seed=2)
    rows = [f"{'prompt':36s}{'queries':>8s}{'hits':>6s}{'cached_tokens':>15s}"]
    for what, prompt, extra in (
        ("100 tokens", text, {}), ("the same again", text, {}),
        ("its first 50, and 50 others", text[:50] + text[:50], {}),
        ("the same 100, first token changed", [text[0] ^ 1, *text[1:]], {}),
        ("the same 100, another tenant's salt", text, {"cache_salt": "tenant-b"}),
        ("96 tokens, three full blocks", aligned, {}), ("the same again", aligned, {}),
    ):  # fmt: skip
        names = ("vllm:prefix_cache_queries_total", "vllm:prefix_cache_hits_total")
        before = [counter(url, name) for name in names]
        usage = ask(url, "/v1/completions", prompt=prompt, max_tokens=1, **extra)["usage"]
        asked, found = (
            counter(url, name) - was for name, was in zip(names, before, strict=True)
        )
        told = (usage["prompt_tokens_details"] or {}).get("cached_tokens")
        rows.append(f"{what:36s}{asked:8d}{found:6d}{told or 0:15d}")
    return rows


def protocol(url: str, model: Any) -> list[str]:
    """The two endpoints that clients use, against transformers on the same tokens."""
    rows = [f"GET  /v1/models: {ask_models(url)}"]
    chat = [{"role": "user", "content": "Is it valid?"}]
    for path, body in (
        ("/v1/completions", {"prompt": "user: Is it valid?\n"}),
        ("/v1/chat/completions", {"messages": chat}),
    ):
        answer = ask(url, path, max_tokens=16, **body)
        choice = answer["choices"][0]
        sent = choice.get("prompt_token_ids") or answer["prompt_token_ids"]
        same = choice["token_ids"] == greedy(model, sent, 16)
        usage = answer["usage"]
        rows.append(
            f"POST {path}: {usage['prompt_tokens']} + {usage['completion_tokens']} tokens, "
            f"as transformers: {same}"
        )
    return rows


def ask_models(url: str) -> list[str]:
    """What the server says that it serves."""
    listed = json.load(urllib.request.urlopen(f"{url}/v1/models", timeout=10))
    return [one["id"] for one in listed["data"]]
