"""A static server for tests and benchmarks: gzip, correct types, a strict content security policy, bytes counted."""

from __future__ import annotations

import gzip
import mimetypes
import threading
from functools import cache
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

TEXT = {".html", ".css", ".js", ".mjs", ".json", ".svg", ".wasm", ".xml", ".txt", ".zip"}
# Scripts and styles of our own only. Material keeps one inline script and inline style attributes; Pyodide compiles
# WebAssembly, and nothing may be evaluated from a string.
POLICY = (
    "default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; "
    "base-uri 'self'; form-action 'self'"
)
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("application/wasm", ".wasm")


@cache
def packed(path: str, changed: int) -> bytes:
    """A file, compressed once."""
    return gzip.compress(Path(path).read_bytes(), 6)


class Handler(SimpleHTTPRequestHandler):
    """Serves a folder under an optional path prefix."""

    protocol_version = "HTTP/1.1"
    prefix = ""
    sent: ClassVar[list[tuple[str, int]]] = []

    def do_GET(self) -> None:
        """Answer with the file, compressed where that helps."""
        asked = self.path.split("?")[0]
        if not asked.startswith(self.prefix + "/"):
            return self._send(404, b"", "text/plain")
        self.path = asked.removeprefix(self.prefix)
        path = Path(self.translate_path(self.path))
        if path.is_dir() and not self.path.endswith("/"):
            return self._send(301, b"", "text/plain", {"Location": f"{self.prefix}{self.path}/"})
        path = path / "index.html" if path.is_dir() else path
        status = 200
        if not path.is_file():
            status, path = 404, Path(self.directory) / "404.html"
        kind = mimetypes.guess_type(path.name)[0] or "application/octet-stream"
        if path.suffix in TEXT and "gzip" in self.headers.get("Accept-Encoding", ""):
            return self._send(
                status, packed(str(path), path.stat().st_mtime_ns), kind, {"Content-Encoding": "gzip"}
            )
        return self._send(status, path.read_bytes(), kind)

    def _send(self, status: int, body: bytes, kind: str, headers: dict[str, str] | None = None) -> None:
        self.sent.append((self.path, len(body)))
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), "Cache-Control": "max-age=600",
                            "Content-Security-Policy": POLICY, **(headers or {})}.items():  # fmt: skip
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Knows what it sent: paths and bytes of each body, as they went over the wire."""

    sent: list[tuple[str, int]]


def serve(folder: Path, prefix: str = "") -> tuple[Server, str]:
    """Serve a folder in the background; the server and its address, ending in a slash."""

    class Here(Handler):
        sent: ClassVar[list[tuple[str, int]]] = []

        def __init__(self, *arguments: Any) -> None:
            super().__init__(*arguments, directory=str(folder))

    Here.prefix = prefix
    server = Server(("127.0.0.1", 0), Here)
    server.sent = Here.sent
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server, f"http://127.0.0.1:{server.server_port}{prefix}/"
