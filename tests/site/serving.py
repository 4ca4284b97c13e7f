"""A static server for the tests: gzip, a strict content security policy, and what was sent, counted."""

import base64
import hashlib
import mimetypes
import re
import threading
import time
from functools import cached_property
from pathlib import Path

import material
import uvicorn
from starlette.applications import Starlette
from starlette.middleware.gzip import GZipMiddleware
from starlette.routing import Mount
from starlette.staticfiles import StaticFiles

# Scripts and styles of our own only. The theme's few inline scripts are known by their hashes; style attributes
# have become classes. Pyodide compiles WebAssembly, and nothing may be evaluated from a string.
POLICY = (
    "default-src 'none'; script-src 'self' 'wasm-unsafe-eval' {hashes}; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; "
    "worker-src 'self' blob:; manifest-src 'self'; base-uri 'self'; form-action 'self'"
)
INLINE = re.compile(r"<script>(.*?)</script>", re.S)
mimetypes.add_type("text/javascript", ".mjs")
mimetypes.add_type("application/wasm", ".wasm")


def theme_scripts(folder: Path) -> set[str]:
    """The inline scripts of a built site that stand in the theme's templates, but for what a template fills in."""
    templates = Path(material.__file__).parent / "templates"
    texts = {text for path in templates.rglob("*.html") for text in INLINE.findall(path.read_text(encoding="utf-8"))}
    known = re.compile("|".join(".{0,40}".join(map(re.escape, re.split(r"{{.*?}}", text))) for text in texts))
    built = {text for path in folder.rglob("*.html") for text in INLINE.findall(path.read_text(encoding="utf-8"))}
    return {text for text in built if known.fullmatch(text)}


def policy(folder: Path) -> str:
    """The content security policy for a built site."""
    digests = (hashlib.sha256(text.encode()).digest() for text in sorted(theme_scripts(folder)))
    return POLICY.format(hashes=" ".join(f"'sha256-{base64.b64encode(digest).decode()}'" for digest in digests))


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

    @cached_property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """What every answer says, once the site is built."""
        return [(b"content-security-policy", policy(self.folder).encode()), (b"cache-control", b"max-age=600")]

    async def answer(self, scope, receive, send):
        size = 0

        async def counted(message):
            nonlocal size
            if message["type"] == "http.response.start":
                message["headers"] = [*message["headers"], *self.headers]
            size += len(message.get("body", b""))
            await send(message)

        await self.app(scope, receive, counted)
        self.sent.append((scope["path"], size))

    def stop(self):
        self.server.should_exit = self.server.force_exit = True
        self.thread.join()
