"""The runner on snippets that behave: what they print, where they run, what they see."""

import os
import sys
from pathlib import Path

import pytest

from fieldguide import runner
from fieldguide.runner import HeadError, Tolerance, examples, is_light, plan, pool, reach, read_head
from tests.small_guide import make_guide

HELLO = """
def example_hello():
    print("hello")
"""
BOTH = pytest.mark.parametrize("head", ["", 'isolation = "process"'], ids=["forked", "fresh"])


@pytest.fixture
def guide(tmp_path):
    return make_guide(tmp_path)


@BOTH
def test_examples_run_in_order_and_facts_are_returned(guide, head):
    path = guide.snippet(
        "a",
        """
        import math


        def example_second_by_name():
            print("first line", flush=True)
            print(f"{math.pi:.3f}")


        def example_a():
            print("  indented   ")
            print()


        def facts():
            return {"pi": f"{math.pi:.2f}"}
        """,
        head,
    )
    (run,) = guide.run(path)
    assert run.error is None
    assert list(run.sections.items()) == [("second_by_name", "first line\n3.142"), ("a", "  indented")]
    assert run.facts == {"pi": "3.14"}
    assert run.light == (not head)
    assert run.seconds > 0
    assert run.peak_mb > 1


def test_results_keep_the_order_of_the_request(guide):
    paths = [guide.snippet(f"n{i}", f"def example_x():\n    print({i})\n") for i in range(12)]
    paths[3] = guide.snippet("n3", "def example_x():\n    print(3)\n", 'isolation = "process"')
    done = []
    runs = guide.run(*paths, on_done=done.append)
    assert [run.sections["x"] for run in runs] == [str(i) for i in range(12)]
    assert {run.snippet for run in done} == set(paths)


def test_only_what_is_asked_for_runs(guide):
    body = """
    def example_a():
        print(1)


    def example_b():
        print(2)


    def facts():
        return {"x": "1"}
    """
    path = guide.snippet("a", body)
    assert guide.run(path, examples={"b"}, facts=False)[0].sections == {"b": "2"}
    (only_facts,) = guide.run(path, examples=False)
    assert (only_facts.sections, only_facts.facts) == ({}, {"x": "1"})


@BOTH
def test_every_example_starts_from_the_same_random_numbers(guide, head):
    body = "import random\n\nimport numpy as np\n\n\n" + "".join(
        f"def example_{name}():\n    print(random.random(), np.random.rand())\n\n\n" for name in "ab"
    )
    (run,) = guide.run(guide.snippet("a", body, head))
    assert run.error is None
    assert run.sections["a"] == run.sections["b"]


@BOTH
def test_the_hash_seed_is_the_one_asked_for(guide, head):
    path = guide.snippet("a", "def example_x():\n    print({'alpha', 'beta', 'gamma', 'delta'})\n", head)
    seeds = [guide.run(path, hash_seeds=[seed])[0].sections["x"] for seed in (0, 0, 1)]
    assert seeds[0] == seeds[1] != seeds[2]


@BOTH
def test_a_snippet_sees_a_small_fixed_environment(guide, head, monkeypatch):
    monkeypatch.setenv("HTTPS_PROXY", "http://proxy.example:1")
    monkeypatch.setenv("SECRET_TOKEN", "x")
    body = """
    import os
    import sys
    import tempfile
    import time


    def example_x():
        for name in ("HTTPS_PROXY", "SECRET_TOKEN", "OMP_NUM_THREADS", "LC_ALL", "CUDA_VISIBLE_DEVICES"):
            print(name, repr(os.environ.get(name)))
        here = os.getcwd()
        print(time.tzname[0], here == tempfile.gettempdir() == os.path.expanduser("~"), os.listdir(here))
        print(sys.stdin.read() == "", sys.argv[0].endswith("a.py"), __name__)
    """
    (run,) = guide.run(guide.snippet("a", body, head))
    assert run.error is None
    assert run.sections["x"].split("\n") == [
        "HTTPS_PROXY None",
        "SECRET_TOKEN None",
        "OMP_NUM_THREADS '1'",
        "LC_ALL 'C.UTF-8'",
        "CUDA_VISIBLE_DEVICES ''",
        "UTC True []",
        "True True snippets.inference.a",
    ]


@BOTH
def test_its_own_folder_is_free_to_use_and_gone_afterwards(guide, head):
    body = """
    import os
    import shutil
    import sqlite3
    import tempfile
    from pathlib import Path


    def example_x():
        Path("a.txt").write_text("x")
        folder = Path(tempfile.mkdtemp())
        sqlite3.connect(folder / "x.db").close()
        sqlite3.connect(":memory:").close()
        (folder / "b").symlink_to("/etc")
        os.rename("a.txt", folder / "c")
        shutil.rmtree(folder)
        with open(os.devnull, "w") as nothing:
            nothing.write("x")
        print(os.getcwd())
    """
    (run,) = guide.run(guide.snippet("a", body, head))
    assert run.error is None
    assert not Path(run.sections["x"]).exists()


@BOTH
def test_loopback_subprocesses_and_pools_are_allowed(guide, head):
    body = """
    import multiprocessing
    import socket
    import subprocess
    import threading


    def square(n):
        return n * n


    def example_x():
        with socket.create_server(("127.0.0.1", 0)) as server:
            with socket.create_connection(server.getsockname()) as one:
                other, _ = server.accept()
                with other:
                    one.sendall(b"hi")
                    print(other.recv(2))
        socket.getaddrinfo("localhost", 80)
        subprocess.run(["echo", "from a subprocess"], check=True)
        for method in ("fork", "spawn"):
            with multiprocessing.get_context(method).Pool(2) as pool:
                print(pool.map(square, [1, 2, 3]))
        thread = threading.Thread(target=print, args=("from a thread",))
        thread.start()
        thread.join()
    """
    (run,) = guide.run(guide.snippet("a", body, head))
    assert run.error is None
    assert run.sections["x"].split("\n") == [
        "b'hi'", "from a subprocess", "[1, 4, 9]", "[1, 4, 9]", "from a thread"
    ]  # fmt: skip


def test_snippets_of_an_area_build_on_each_other(guide):
    guide.snippet("base", "import numpy as np\n\n\ndef double(n):\n    return int(np.int64(2) * n)\n")
    path = guide.snippet(
        "above", "from snippets.inference.base import double\n\n\ndef example_x():\n    print(double(4))\n"
    )
    files, libraries = reach(path, guide.root)
    assert guide.root / "snippets/inference/base.py" in files
    assert libraries == {"numpy"}
    assert is_light(path, guide.root)
    assert guide.run(path)[0].sections == {"x": "8"}


def test_a_folder_that_no_import_statement_can_name(guide):
    path = guide.write("snippets/post-training/lora.py", '"""X."""\n\n\ndef example_x():\n    print(__name__)\n')
    test = guide.write(
        "tests/post-training/test_lora.py",
        'import importlib\nx = importlib.import_module("snippets.post-training.lora")\n',
    )
    assert guide.run(path)[0].sections == {"x": "snippets.post-training.lora"}
    assert path in reach(test, guide.root)[0]


@pytest.mark.parametrize(
    ("body", "head", "light"),
    [
        ("import numpy\nimport torch.nn.functional\nimport json", "", True),
        ("from transformers import LlamaForCausalLM\nfrom tokenizers import Tokenizer\nimport scipy.stats", "", True),
        ("import yaml", "", False),
        ("import trl\nimport transformers", "", False),
        ("def f():\n    import pyspark", "", False),
        ("import json", 'needs = ["git"]', False),
        ("import json", 'environment = "vllm"', False),
        ("import json", 'isolation = "process"', False),
        ("import json", "timeout_s = 3", True),
    ],
)
def test_what_is_light(guide, body, head, light):
    assert is_light(guide.snippet("a", body, head), guide.root) is light


def test_a_heavy_import_behind_another_snippet_is_found(guide):
    guide.snippet("engine", "import yaml\n")
    assert not is_light(guide.snippet("a", "import snippets.inference.engine\n"), guide.root)
    assert not is_light(guide.snippet("b", "from snippets.inference import engine\n"), guide.root)


def test_where_fork_is_unsafe_everything_is_fresh(guide, monkeypatch):
    monkeypatch.setattr(plan, "FORK_IS_SAFE", False)
    (run,) = guide.run(guide.snippet("a", HELLO))
    assert (run.sections, run.error) == ({"hello": "hello"}, None)


@pytest.mark.parametrize("zygote", ["raise SystemExit", "import sys; sys.stdin.readline()"], ids=["early", "late"])
def test_a_zygote_that_ends_too_early_is_done_without(guide, monkeypatch, zygote):
    monkeypatch.setattr(pool, "ZYGOTE", zygote)
    paths = [guide.snippet(f"n{i}", f"def example_x():\n    print({i})\n") for i in range(4)]
    assert [run.sections for run in guide.run(*paths)] == [{"x": str(i)} for i in range(4)]


@pytest.mark.parametrize("library", ["torch", "matplotlib", "numpy"])
def test_a_zygote_warms_its_library_and_forks(guide, monkeypatch, library):
    lost = []
    monkeypatch.setattr(pool.Pool, "_lost", lambda self, zygote: lost.append(zygote) or self.active.clear())
    path = guide.snippet("a", f"import {library}\n\n\ndef example_x():\n    print({library}.__name__)\n")
    (run,) = guide.run(path)
    assert not lost and run.sections == {"x": library}


def test_pytorch_is_seeded_and_single_threaded(guide):
    body = """
    import torch


    def example_x():
        print(torch.get_num_threads(), torch.rand(2).tolist())


    def example_y():
        print(torch.get_num_threads(), torch.rand(2).tolist())
    """
    (run,) = guide.run(guide.snippet("a", body))
    assert run.error is None
    assert run.sections["x"] == run.sections["y"]
    assert run.sections["x"].startswith("1 ")


def test_output_can_be_watched_while_it_comes(guide):
    told = []
    path = guide.snippet(
        "a", "def example_a():\n    print(1)\n    print(2)\n\n\ndef example_b():\n    print(3, end='')\n"
    )
    guide.run(path, watch=lambda snippet, example, text: told.append((snippet.name, example, text)))
    assert {name for name, _, _ in told} == {"a.py"}
    assert "".join(text for _, example, text in told if example == "a") == "1\n2\n"
    assert told[-1][1:] == ("b", "3")


def test_standard_error_is_no_output_but_explains_a_failure(guide):
    body = """
    import sys


    def example_x():
        print("out")
        print("a warning", file=sys.stderr)
        raise KeyError("missing")
    """
    (run,) = guide.run(guide.snippet("a", body))
    assert run.sections == {"x": "out"}
    assert run.error.kind == "exception"
    assert run.error.message == "KeyError: 'missing'"
    assert "a warning" in run.error.detail
    assert "fieldguide" not in run.error.detail.split("standard error")[0]


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("[1]", "facts() returned list, not a dict of texts"),
        ("{'a': 1}", "the fact 'a' must be one line of text"),
        ("{'a': ''}", "the fact 'a' must be one line of text"),
        ("{'a': 'x\\ny'}", "the fact 'a' must be one line of text"),
        ("{'a': '<b>'}", "the fact 'a' must be one line of text"),
        ("{'a b': 'x'}", "'a b' cannot name a fact"),
    ],
)
def test_facts_are_named_lines_of_text(guide, value, message):
    (run,) = guide.run(guide.snippet("a", f"def facts():\n    return {value}\n"))
    assert message in run.error.message
    assert run.facts == {}


def test_a_missing_program_is_named_with_what_brings_it(guide, monkeypatch):
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent / "nowhere"))
    (run,) = guide.run(guide.snippet("a", HELLO, 'needs = ["java"]'))
    assert run.error.kind == "needs"
    assert "needs `java`, which is not installed" in run.error.message
    assert "apt-get install openjdk-17-jre-headless" in run.error.message


def test_a_missing_environment_is_named_with_the_command_that_makes_it(guide):
    (run,) = guide.run(guide.snippet("a", HELLO, 'environment = "vllm"'))
    assert run.error.kind == "needs"
    assert ".venv-vllm" in run.error.message
    assert "`make test` makes it" in run.error.message


def test_an_environment_of_its_own_is_used(guide):
    folder = guide.root / ".venv-vllm/bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    body = 'def example_x():\n    import os\n\n    print(".venv-vllm/bin" in os.environ["PATH"])\n'
    (run,) = guide.run(guide.snippet("a", body, 'environment = "vllm"'))
    assert (run.sections, run.error) == ({"x": "True"}, None)


def test_a_missing_library_is_named(guide):
    (run,) = guide.run(guide.snippet("a", "import no_such_library\n" + HELLO))
    assert run.error.kind == "needs"
    assert "`no_such_library`, which is not installed" in run.error.message


def test_a_head_is_read_with_its_defaults(guide):
    head = 'timeout_s = 60\nneeds = ["git"]\ntolerance.train = {rel = 0.05, reason = "order of sums"}'
    found = read_head(guide.snippet("a", HELLO, head))
    assert (found.timeout_s, found.memory_mb, found.needs) == (60, 2000, ("git",))
    assert found.tolerance == {"train": Tolerance(rel=0.05, reason="order of sums")}
    assert read_head(guide.snippet("b", HELLO)) == runner.Head()
    assert read_head(guide.write("c.py", '"""Doc."""\n\n# /// fieldguide\n# timeout_s = 3\n# ///\n')).timeout_s == 3


@pytest.mark.parametrize(
    ("head", "line", "message"),
    [
        ("timeout = 3", 2, "unknown key `timeout`; known are timeout_s"),
        ("memory_mb = 10\ntimeout_s = 'x'", 3, "`timeout_s` must be a number of seconds"),
        ("timeout_s = true", 2, "`timeout_s` must be a number of seconds"),
        ("timeout_s =", 2, "is not TOML"),
        ('isolation = "thread"', 2, '`isolation` can only be "process"'),
        ("tolerance.a = {rel = 0.1}", 2, "`tolerance.a` gives no reason"),
        ('tolerance.a = {relative = 0.1, reason = "x"}', 2, "`tolerance.a` has `rel` or `abs`, and a `reason`"),
        ("tolerance.a = 3", 2, "`tolerance.a` has `rel` or `abs`, and a `reason`"),
    ],
)
def test_a_malformed_head_is_refused_with_its_line(guide, head, line, message):
    path = guide.snippet("a", HELLO, head)
    with pytest.raises(HeadError) as caught:
        read_head(path)
    assert caught.value.line == line
    assert message in str(caught.value)
    (run,) = guide.run(path)
    assert (run.error.kind, run.error.line) == ("head", line)


def test_a_head_that_is_never_closed_is_refused(guide):
    path = guide.write("snippets/inference/a.py", "# /// fieldguide\n# timeout_s = 3\n\nx = 1\n")
    with pytest.raises(HeadError, match="never closed"):
        read_head(path)


def test_a_snippet_that_is_not_utf8_is_refused_with_its_line(guide):
    (run,) = guide.run(guide.snippet("a", b'"""A."""\nx = "\xff"\n'))
    assert (run.error.kind, run.error.line, run.error.message) == ("head", 2, "the snippet is not UTF-8.")


def test_a_syntax_error_has_its_line(guide):
    (run,) = guide.run(guide.write("snippets/inference/a.py", "x = 1\ndef example_x(:\n    pass\n"))
    assert (run.error.kind, run.error.line) == ("exception", 2)
    assert run.error.message.startswith("SyntaxError")


def test_a_file_that_does_not_exist_is_a_failure(guide):
    (run,) = guide.run(guide.root / "snippets/inference/none.py")
    assert run.error.kind == "head"
    assert "cannot be read" in run.error.message


def test_examples_are_listed_without_running(guide):
    path = guide.snippet("a", "raise SystemExit\n\n\ndef example_b():\n    pass\n\n\ndef helper():\n    pass\n")
    assert examples(path) == {"b": 5}


def test_the_folder_of_snippets_stays_clean(guide):
    guide.run(guide.snippet("a", HELLO), guide.snippet("b", HELLO, 'isolation = "process"'))
    assert not list(guide.root.rglob("__pycache__"))


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "localhost", "::ffff:127.0.0.1", "::1%lo"])
def test_loopback_is_local(host):
    assert runner.guard.is_local(host)


@pytest.mark.parametrize("host", ["192.0.2.1", "example.com", "::ffff:192.0.2.1", "0.0.0.0", "localhost.example.com"])
def test_the_rest_is_not(host):
    assert not runner.guard.is_local(host)


def test_many_light_snippets_are_quick(guide):
    """The target is 200 in 10 s on two cores; a loaded machine gets three times as long for 40."""
    body = """
    import numpy as np


    def example_x():
        a = np.arange(100.0).reshape(10, 10)
        print(np.trace(a @ a))
    """
    paths = [guide.snippet(f"n{i}", body) for i in range(40)]
    began = os.times().elapsed
    runs = guide.run(*paths)
    assert {run.sections["x"] for run in runs} == {"261525.0"}
    assert os.times().elapsed - began < 6
