"""Refuses network beyond this machine and writes outside the snippet's own folder.

An audit hook cannot be removed, and sees what the interpreter itself does. It sees neither C libraries that call the
system directly nor other programs that the snippet starts. It is a fence against accidents, not against malice.
"""

# Paths come as the interpreter has them, on every event: str, bytes or a descriptor.
# ruff: noqa: PTH100, PTH115, PTH117, PTH118
import errno
import ipaddress
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND
STAGE: list[str | None] = [None]
"""What the child is doing; goes into each report."""
DEVICES = ("/dev/null", "/dev/tty", "/dev/shm/", "/dev/fd/", "/proc/self/", "/dev/stdout", "/dev/stderr")


def install(folder: Path, snippets: Path, report: int) -> None:
    """Stand guard over this process from now on: it may write in `folder`.

    Each refusal is written to the open descriptor `report` as a line of JSON, with the place in a file below
    `snippets`, so that a snippet which swallows the exception is caught all the same.
    """
    allowed = os.path.realpath(folder) + os.sep
    own = str(snippets) + os.sep

    def refuse(kind: str, what: str, number: int) -> None:
        frame = sys._getframe(2)
        while frame is not None and not frame.f_code.co_filename.startswith(own):
            frame = frame.f_back  # type: ignore[assignment]
        where = (frame.f_code.co_filename, frame.f_lineno) if frame else (None, None)
        line = json.dumps({"kind": kind, "what": what, "stage": STAGE[0], "file": where[0], "line": where[1]})
        os.write(report, line.encode() + b"\n")
        raise PermissionError(number, f"refused by the runner: {what}")

    def write(path: Any, folder_fd: int = -1, *, follow: bool = True) -> None:
        if isinstance(path, int) or path is None:
            return  # a file that is already open
        name = os.fsdecode(path)
        if folder_fd is not None and folder_fd >= 0 and not os.path.isabs(name):
            name = os.path.join(os.readlink(f"/proc/self/fd/{folder_fd}"), name)
        if name.startswith(DEVICES):
            return
        head, tail = os.path.split(os.path.abspath(name))
        real = os.path.realpath(name) if follow else os.path.join(os.path.realpath(head), tail)
        if not (real + os.sep).startswith(allowed) and not real.startswith(DEVICES):
            refuse("write", f"it writes to {name}", errno.EACCES)

    def on_open(path: Any, mode: Any, flags: Any) -> None:
        if isinstance(flags, int) and flags & WRITES:
            write(path)

    def on_remove(path: Any, folder_fd: int = -1) -> None:
        write(path, folder_fd, follow=False)

    def on_rename(source: Any, target: Any, source_fd: int = -1, target_fd: int = -1) -> None:
        write(source, source_fd, follow=False)
        write(target, target_fd, follow=False)

    def on_link(source: Any, target: Any, *fds: int) -> None:
        write(target, fds[-1] if fds else -1, follow=False)

    def on_sqlite(database: Any) -> None:
        name = os.fsdecode(database)
        if name.startswith("file:"):
            name = "" if "mode=memory" in name or "mode=ro" in name else name[5:].partition("?")[0]
        if name not in ("", ":memory:"):
            write(name)

    def is_remote(connection: socket.socket, address: Any) -> bool:
        inet = connection.family in (socket.AF_INET, socket.AF_INET6)
        return inet and bool(address) and not is_local(str(address[0]))

    def on_address(connection: socket.socket, address: Any) -> None:
        if not is_remote(connection, address):
            return
        if connection.type == socket.SOCK_DGRAM:
            # Sends nothing, and is the usual way to ask for one's own address: answer as if offline.
            raise OSError(errno.ENETUNREACH, "the runner has no network")
        refuse("network", f"it connects to {address[0]}:{address[1]}", errno.ENETUNREACH)

    def on_send(connection: socket.socket, address: Any = None) -> None:
        if is_remote(connection, address):
            refuse("network", f"it sends to {address[0]}:{address[1]}", errno.ENETUNREACH)

    def on_bind(connection: socket.socket, address: Any) -> None:
        if not is_remote(connection, address) or (str(address[0]) in ("", "0.0.0.0", "::") and address[1] == 0):
            return  # the latter is the usual way to find a free port
        where = f"{address[0] or '0.0.0.0'}:{address[1]}"
        refuse("network", f"it listens on {where} instead of 127.0.0.1", errno.EACCES)

    def on_lookup(host: Any, *rest: Any) -> None:
        name = os.fsdecode(host) if isinstance(host, (str, bytes)) else ""
        if name not in ("", "0.0.0.0", "::", socket.gethostname()) and not is_local(name):
            refuse("network", f"it looks up {name}", errno.ENETUNREACH)

    hooks: dict[str, Callable[..., None]] = {
        "open": on_open,
        "os.remove": on_remove, "os.rmdir": on_remove, "shutil.rmtree": on_remove,
        "os.rename": on_rename, "os.link": on_link, "os.symlink": on_link,
        "os.mkdir": lambda path, mode=0, fd=-1: write(path, fd, follow=False),
        "os.chmod": lambda path, mode=0, fd=-1: write(path, fd),
        "os.chown": lambda path, uid=0, gid=0, fd=-1: write(path, fd),
        "os.utime": lambda path, times=None, ns=None, fd=-1: write(path, fd),
        "os.truncate": lambda path, length=0: write(path),
        "sqlite3.connect": on_sqlite,
        "socket.connect": on_address, "socket.bind": on_bind, "socket.sendto": on_send, "socket.sendmsg": on_send,
        "socket.getaddrinfo": on_lookup, "socket.gethostbyname": on_lookup,
    }  # fmt: skip

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event in hooks:
            hooks[event](*arguments)

    sys.addaudithook(hook)


def is_local(host: str) -> bool:
    """Whether an address is this machine's loopback."""
    try:
        address = ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return host.lower() in ("localhost", "localhost.localdomain", "ip6-localhost")
    mapped = getattr(address, "ipv4_mapped", None)
    return address.is_loopback or bool(mapped and mapped.is_loopback)
