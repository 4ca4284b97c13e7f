"""Snippets that misbehave, each stopped with the right words. Nothing that they start survives."""

import os
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from fieldguide.guide import outputs
from fieldguide.proof import record as verify
from tests.small_guide import make_guide

QUICK = "timeout_s = 5\nmemory_mb = 300"
SECONDS = f"8{os.getpid():07d}"
"""How long processes sleep that should not survive: a number by which this run finds its own."""
ANY = object()
"""The line depends on the moment."""
SNIPPETS = {
    "endless_loop": """
        # timeout_s = 0.6
        def spin():
            while True:
                pass


        def example_x():
            print("a")
            spin()
        """,
    "endless_sleep": """
        # timeout_s = 0.6
        # isolation = "process"
        import time


        def example_x():
            time.sleep(1000)
        """,
    "endless_thread": """
        # timeout_s = 0.6
        import threading
        import time


        def example_x():
            print("a")
            threading.Thread(target=time.sleep, args=(1000,)).start()
        """,
    "memory_hog": """
        def example_x():
            held = []
            while True:
                held.append(b"x" * 20_000_000)
        """,
    "brief_hog": """
        def example_x():
            print(len(b"x" * 400_000_000))
        """,
    "hog_in_a_child": """
        import os
        import time


        def example_x():
            if os.fork() == 0:
                held = b"x" * 400_000_000
                time.sleep(1000)
            os.wait()
        """,
    "flood": """
        def example_x():
            while True:
                print("x" * 1000)
        """,
    "orphan": """
        import os
        import time


        def example_x():
            print("a")
            if os.fork() == 0:
                os.setsid()
                if os.fork() == 0:
                    time.sleep(1000)
                os._exit(0)
            os.wait()
        """,
    "daemon": """
        import subprocess


        def example_x():
            print("a")
            subprocess.Popen(["sleep", "SECONDS"], start_new_session=True)
        """,
    "listener": """
        import socket

        KEPT = []


        def example_x():
            print("a")
            KEPT.append(socket.create_server(("127.0.0.1", 0)))
        """,
    "thread": """
        import threading
        import time


        def example_x():
            threading.Thread(target=time.sleep, args=(SECONDS,), name="clock", daemon=True).start()
            print("a")
        """,
    "shared_memory": """
        from multiprocessing import resource_tracker, shared_memory


        def example_x():
            block = shared_memory.SharedMemory(create=True, size=8)
            resource_tracker.unregister(block._name, "shared_memory")
            print("a")
        """,
    "network": """
        import socket


        def example_x():
            socket.create_connection(("192.0.2.1", 80))
        """,
    "network_swallowed": """
        import socket


        def example_x():
            connection = socket.socket()
            try:
                connection.connect(("192.0.2.1", 80))
            except OSError:
                print("never mind")
        """,
    "lookup": """
        import urllib.request


        def example_x():
            try:
                urllib.request.urlopen("http://example.com")
            except Exception:
                print("offline")
        """,
    "open_server": """
        import socket


        def example_x():
            print("a")
            socket.create_server(("0.0.0.0", 18080)).close()
        """,
    "write_outside": """
        from pathlib import Path


        def example_x():
            (Path(__file__).parent / "left.txt").write_text("x")
        """,
    "write_swallowed": """
        import os


        def example_x():
            try:
                os.mkdir(os.path.join(os.path.dirname(__file__), "left"))
            except OSError:
                print("never mind")
        """,
    "write_through_a_link": """
        import os


        def example_x():
            os.symlink(os.path.dirname(__file__), "here")
            open("here/left.txt", "w").close()
        """,
    "delete_outside": """
        import os


        def example_x():
            os.remove(__file__)
        """,
    "exit_code_zero": """
        import os


        def example_x():
            print("a")
            os._exit(0)


        def example_y():
            print("b")
        """,
    "exit_at_import": """
        import os

        os._exit(0)


        def example_x():
            print("a")
        """,
    "sys_exit": """
        import sys


        def example_x():
            print("a")
            sys.exit(0)
        """,
    "crash": """
        import os
        import signal


        def example_x():
            os.kill(os.getpid(), signal.SIGSEGV)
        """,
    "fails_at_exit": """
        import atexit
        import os


        def example_x():
            print("a")
            atexit.register(os._exit, 3)
        """,
    "binary": """
        import sys


        def example_x():
            print("a")
            sys.stdout.buffer.write(bytes([255, 254, 10]))
        """,
    "escape_codes": """
        def example_x():
            print(chr(27) + "[31mred")
        """,
    "silent": """
        def example_x():
            print("   ")
        """,
    "marker": """
        def example_x():
            print("# --" + "8<-- [end:x]")
        """,
    "exception": """
        def f():
            return 1 / 0


        def example_x():
            print("a")
            f()
        """,
    "interrupt": """
        def example_x():
            raise KeyboardInterrupt
        """,
}


def bad(guide, name, file=""):
    """Write a snippet of the collection; comments at its beginning are lines for its head."""
    body = textwrap.dedent(SNIPPETS[name]).strip("\n").replace("SECONDS", SECONDS) + "\n"
    head = "\n".join(line[2:] for line in body.split("\n") if line.startswith("# "))
    return guide.snippet(file or name, body, head or QUICK)


@pytest.fixture(scope="module")
def guide(tmp_path_factory):
    guide = make_guide(tmp_path_factory.mktemp("sabotage"))
    for name in SNIPPETS:
        bad(guide, name)
    return guide


@pytest.fixture(scope="module")
def runs(guide):
    """Every bad snippet once, and what the folder of snippets and the process table looked like around it."""
    before = guide.files()
    found = guide.run(*(guide.root / f"snippets/inference/{name}.py" for name in SNIPPETS))
    assert guide.files() == before
    return {run.snippet.stem: run for run in found}


@pytest.mark.parametrize(
    ("name", "kind", "message", "marked"),
    [
        ("endless_loop", "timeout", "it ran longer than 0.6 s (timeout_s in its head)", ANY),
        ("endless_sleep", "timeout", "it ran longer than 0.6 s", "time.sleep"),
        ("endless_thread", "timeout", "a thread or process that it started does not end", None),
        ("memory_hog", "memory", "MB of memory at once; 300 MB are allowed (memory_mb in its head)", ANY),
        ("brief_hog", "memory", "300 MB are allowed", ANY),
        ("hog_in_a_child", "memory", "300 MB are allowed", ANY),
        ("flood", "output", "it printed more than 1,000 kB", ANY),
        ("orphan", "leftover", "it left something behind, which was ended: a forked copy of the snippet", None),
        ("daemon", "leftover", f"it left something behind, which was ended: `sleep {SECONDS}`", None),
        ("thread", "leftover", "a thread still ran when it had ended: `clock`", None),
        ("shared_memory", "leftover", "the shared memory psm_", None),
        ("listener", "leftover", "it ended while still listening on port", None),
        ("network", "network", "it looks up 192.0.2.1: a snippet has no network beyond this machine", "create_connection"),
        ("network_swallowed", "network", "it connects to 192.0.2.1:80", "connection.connect"),
        ("lookup", "network", "it looks up example.com", "urlopen"),
        ("open_server", "network", "it listens on 0.0.0.0:18080 instead of 127.0.0.1", "create_server"),
        ("write_outside", "write", "left.txt: a snippet writes only in the folder where it starts", "write_text"),
        ("write_swallowed", "write", "left: a snippet writes only in", "os.mkdir"),
        ("write_through_a_link", "write", "here/left.txt: a snippet writes only in", "open("),
        ("delete_outside", "write", "delete_outside.py: a snippet writes only in", "os.remove"),
        ("exit_code_zero", "exit", "it ended with exit code 0 in the middle of example `x`", "def example_x"),
        ("exit_at_import", "exit", "it ended with exit code 0 while it was imported", None),
        ("sys_exit", "exit", "it called exit(0)", "sys.exit"),
        ("crash", "exit", "it was killed by SIGSEGV in the middle of example `x`", "def example_x"),
        ("fails_at_exit", "exit", "it ended with exit code 3 after its last example", None),
        ("binary", "binary", "printed bytes that are not UTF-8 (line 2 of its output, byte 0xff)", "def example_x"),
        ("escape_codes", "binary", "printed the control character '\\x1b' (line 1 of its output)", "def example_x"),
        ("silent", "silent", "example `x` printed nothing", "def example_x"),
        ("marker", "binary", "printed a region marker", "def example_x"),
        ("exception", "exception", "ZeroDivisionError: division by zero", "return 1 / 0"),
        ("interrupt", "exception", "KeyboardInterrupt", "raise"),
    ],
)  # fmt: skip
def test_it_is_stopped_and_named(guide, runs, name, kind, message, marked):
    error = runs[name].error
    assert error is not None
    assert (error.kind, message in error.message) == (kind, True), error
    if marked is not ANY:
        assert error.line == (guide.line(f"snippets/inference/{name}.py", marked) if marked else None)


def test_an_endless_loop_is_found_where_it_turns(guide, runs):
    at = guide.line("snippets/inference/endless_loop.py", "while True")
    assert runs["endless_loop"].error.line in (at, at + 1)


def test_every_bad_snippet_was_judged(runs):
    assert set(runs) == set(SNIPPETS)
    assert all(run.error for run in runs.values())


def test_nothing_survives(runs):
    assert runs["daemon"].error
    assert f"sleep {SECONDS}" not in processes()


def test_nothing_survives_a_caller_that_is_killed(tmp_path):
    """The caller gets SIGKILL, which it cannot handle; its wardens notice."""
    guide = make_guide(tmp_path)
    seconds = f"9{os.getpid():07d}"
    light = guide.snippet(
        "a",
        "import subprocess\n\n\ndef example_x():\n    subprocess.run(['sleep', 'SECONDS'])\n".replace(
            "SECONDS", seconds
        ),
    )
    fresh = guide.snippet("b", "import time\n\n\ndef example_x():\n    time.sleep(1000)\n", "isolation = 'process'")
    code = f"""
        from pathlib import Path
        from fieldguide import runner
        runner.run([Path({str(light)!r}), Path({str(fresh)!r})], Path({str(guide.root)!r}), jobs=2)
    """
    root = Path(__file__).parents[2]
    caller = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(code)], cwd=root, env={**os.environ, "TMPDIR": str(tmp_path)}
    )
    try:
        wait_until(lambda: f"sleep {seconds}" in processes() and str(tmp_path) in processes())
    finally:
        caller.kill()
        caller.wait()
    wait_until(lambda: f"sleep {seconds}" not in processes() and str(tmp_path) not in processes())


def processes():
    return subprocess.run(["ps", "-eww", "-o", "args"], capture_output=True, text=True, check=True).stdout


def wait_until(holds, seconds=15):
    until = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.05)


UNSTABLE = {
    "a set": "def example_x():\n    for name in {'alpha', 'beta', 'gamma', 'delta'}:\n        print(name)\n",
    "the machine's randomness": "import random\n\n\ndef example_x():\n    print(random.SystemRandom().random())\n",
    "an address": "def example_x():\n    print(object())\n",
    "the process id": "import os\n\n\ndef example_x():\n    print(os.getpid())\n",
    "the day": "import datetime\n\n\ndef example_x():\n    print(datetime.date.today())\n",
    "the clock": "import time\n\n\ndef example_x():\n    print(int(time.time()) // 10_000_000)\n",
    "the time zone": "import time\n\n\ndef example_x():\n    print(time.strftime('%H', time.localtime(0)))\n",
    "the order of files": "import os\nfrom pathlib import Path\n\n\ndef example_x():\n"
    "    for name in 'abc':\n        Path(name).touch()\n    print(os.listdir())\n",
    "the order of entries": "from pathlib import Path\n\n\ndef example_x():\n"
    "    for name in 'abc':\n        Path(name).touch()\n    print([path.name for path in Path().iterdir()])\n",
    "the global seed": "import random\n\n\ndef example_x():\n    print(random.random())\n",
}  # fmt: skip


@pytest.fixture
def demo(tmp_path):
    return make_guide(tmp_path, demo=True)


@pytest.mark.parametrize("body", UNSTABLE.values(), ids=UNSTABLE)
def test_output_that_changes_is_not_recorded(demo, body):
    demo.snippet("demo/more", body)
    before = demo.files()
    changes, refused = verify.record(demo.project, [demo.project.trio("inference/demo")])
    (breach,) = refused
    assert breach.rule == "unstable"
    assert breach.path == "snippets/inference/demo/more.py"
    assert "example `x` changes from run to run:" in breach.message
    assert (changes, demo.files()) == ([], before)


def test_a_snippet_that_changes_the_checkout_is_named(demo):
    victim = demo.root / "docs/inference/demo.md"
    body = f"import subprocess\n\n\ndef example_x():\n    subprocess.run(['touch', {str(victim)!r}], check=True)\n    print(1)\n"
    demo.snippet("demo/more", body)
    _, refused = verify.record(demo.project, [demo.project.trio("inference/demo")])
    assert any("docs/inference/demo.md changed" in breach.message for breach in refused)


def test_a_timing_is_recorded_where_it_is_declared(demo):
    demo.snippet("demo/more", "import os\n\n\ndef example_x():\n    print(f'{os.getpid()} ms  # measured')\n")
    _, refused = verify.record(demo.project, [demo.project.trio("inference/demo")])
    assert refused == []
    assert demo.read("snippets/inference/demo/more.out.txt").endswith(" ms  # measured\n# --8<-- [end:x]\n")


@pytest.mark.parametrize("name", ["exception", "exit_code_zero", "binary", "silent", "flood"])
def test_a_failing_snippet_loses_nothing(demo, name):
    bad(demo, name, "demo/more")
    demo.write("snippets/inference/demo/more.out.txt", "# --8<-- [start:x]\nprecious\n# --8<-- [end:x]\n")
    before = demo.files()
    changes, refused = verify.record(demo.project, [demo.project.trio("inference/demo")])
    assert [breach.path for breach in refused] == ["snippets/inference/demo/more.py"]
    assert (changes, demo.files()) == ([], before)


def test_the_good_half_is_recorded_beside_a_failing_snippet(demo):
    bad(demo, "exception", "demo/more")
    demo.write("snippets/inference/demo/more.out.txt", "# --8<-- [start:x]\nprecious\n# --8<-- [end:x]\n")
    demo.path("snippets/inference/demo/double.out.txt").unlink()
    changes, _ = verify.record(demo.project, [demo.project.trio("inference/demo")])
    assert [change.path.name for change in changes] == ["double.out.txt"]
    assert "precious" in demo.read("snippets/inference/demo/more.out.txt")


def test_a_write_that_is_interrupted_leaves_the_old_file(demo, monkeypatch):
    demo.replace("snippets/inference/demo/double.py", "(1, 10)", "(1, 10, 100)")
    before = demo.files()

    def full_disk(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(outputs.os, "fsync", full_disk)
    with pytest.raises(OSError, match="No space left"):
        verify.record(demo.project, [demo.project.trio("inference/demo")])
    assert demo.files() == before
