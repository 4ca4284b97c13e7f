"""A static server for the tests: gzip, a strict content security policy, and what was sent, counted."""

import mimetypes
import threading
import time
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

# Scripts and styles of our own only. Material keeps one inline script and inline style attributes; Pyodide compiles
# WebAssembly, and nothing may be evaluated from a string.
POLICY = (
    b"default-src 'none'; script-src 'self' 'unsafe-inline' 'wasm-unsafe-eval'; style-src 'self' 'unsafe-inline'; "
    b"img-src 'self' data:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; "
    b"base-uri 'self'; form-action 'self'"
)
HEADERS = [(b"content-security-policy", POLICY), (b"cache-control", b"max-age=600")]
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("application/wasm", ".wasm")


class Server:
    """Serves a folder below a path until it is stopped."""

    def __init__(self, folder: Path, prefix: str):
        self.folder = folder
        self.sent: list[tuple[str, int]] = []
        """Paths, and the bytes of their bodies as they went over the wire."""
        self.app = GZipMiddleware(
            Starlette(routes=[Mount(prefix, StaticFiles(directory=folder, html=True))]), compresslevel=6
        )
        self.server = uvicorn.Server(
            uvicorn.Config(self.answer, port=0, log_level="error", lifespan="off", interface="asgi3")
        )
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()
        while not self.server.started:
            time.sleep(0.01)
        port = self.server.servers[0].sockets[0].getsockname()[1]
        self.address = f"http://127.0.0.1:{port}{prefix}/"

    async def answer(self, scope, receive, send):
        size = 0

        async def counted(message):
            nonlocal size
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *HEADERS]
            size += len(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, counted)
        self.sent.append((scope["path"], size))

    def stop(self):
        self.server.should_exit = self.server.force_exit = True
        self.thread.join()
