"""What is missing is named, with the line that installs it."""

import re
import subprocess
import sys
import textwrap

import pytest

from fieldguide.commands import environments
from fieldguide.guide.project import Project

OTHERS = sorted({path.stem for path in (environments.ROOT / "requirements").glob("*.in")} - {"site", "test", "uv"})


def test_an_old_python_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    with pytest.raises(environments.Missing, match=r"Python 3\.11\.5 or newer is needed; this is 3\.10\.2"):
        environments.ensure("test")


@pytest.mark.parametrize(("tool", "how"), [("browser", "apt-get install chromium"), ("java", "openjdk-17")])
def test_a_system_package_that_cannot_be_had_is_named(monkeypatch, tool, how):
    monkeypatch.setattr(environments.shutil, "which", lambda name: None)
    monkeypatch.delenv("FIELDGUIDE_CHROMIUM", raising=False)
    with pytest.raises(environments.Missing, match=how):
        getattr(environments, tool)()


def test_the_browser_can_be_pointed_at(monkeypatch):
    monkeypatch.setenv("FIELDGUIDE_CHROMIUM", "/somewhere/chrome")
    assert environments.browser() == "/somewhere/chrome"


def test_a_failing_step_shows_its_last_lines():
    with pytest.raises(environments.Missing, match="no such luck"):
        environments._run([sys.executable, "-c", "import sys; print('no such luck'); sys.exit(3)"])


def test_settings_for_pip_hold_for_uv_as_well(monkeypatch):
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    assert environments._tool_environment()["UV_FIND_LINKS"] == "/wheels"


def test_locks_are_current_with_their_inputs():
    for kind in ("site", "test", *OTHERS):
        wanted = [
            re.split(r"==|\[", line)[0].strip().lower()
            for line in (environments.ROOT / f"requirements/{kind}.in").read_text().splitlines()
            if line.strip() and not line.startswith(("#", "-"))
        ]
        locked = {
            line.split("==")[0].lower()
            for line in (environments.ROOT / f"requirements/{kind}.txt").read_text().splitlines()
            if "==" in line and not line.startswith(" ")
        }
        assert set(wanted) <= locked, f"run make lock: {sorted(set(wanted) - locked)}"


def test_the_site_needs_no_engine():
    locked = (environments.ROOT / "requirements/site.txt").read_text().lower()
    assert not [
        name for name in ("torch", "transformers", "pyspark", "ray", "vllm", "numpy") if f"\n{name}==" in locked
    ]


def snippet(folder, head):
    path = folder / "a.py"
    path.write_text(f"# /// fieldguide\n# {head}\n# ///\n")
    return path


def test_what_the_heads_of_snippets_declare_is_made(monkeypatch):
    made = []
    monkeypatch.setattr(environments, "ensure", made.append)
    monkeypatch.setattr(environments, "java", lambda: made.append("java"))
    environments.ensure_declared(Project().snippet_files)
    assert made == [name for name in ("java", *OTHERS) if name in made]
    assert set(made) - {"java"} == set(OTHERS)


def test_java_is_installed_where_a_snippet_needs_it(monkeypatch, tmp_path):
    made = []
    monkeypatch.setattr(environments, "java", lambda: made.append("java"))
    environments.ensure_declared([snippet(tmp_path, 'needs = ["gcc"]')])
    assert made == []
    environments.ensure_declared([snippet(tmp_path, 'needs = ["gcc", "java"]')])
    assert made == ["java"]


def test_an_environment_that_cannot_be_had_is_named(monkeypatch, tmp_path):
    def ensure(kind):
        raise environments.Missing("This failed: uv", "no wheel for this platform")

    monkeypatch.setattr(environments, "ensure", ensure)
    with pytest.raises(environments.Missing, match=r"\.venv-vllm is needed[\s\S]*no wheel for this platform"):
        environments.ensure_declared([snippet(tmp_path, 'environment = "vllm"')])


def test_an_environment_without_a_lock_is_named(tmp_path):
    with pytest.raises(environments.Missing, match=r"no requirements/nowhere\.txt[\s\S]*make lock"):
        environments.ensure_declared([snippet(tmp_path, 'environment = "nowhere"')])


def test_corrections_of_an_environment_are_used_for_lock_and_install():
    assert environments._overrides("vllm") == ["--override", str(environments.ROOT / "requirements/vllm.overrides")]
    assert environments._overrides("site") == []


def test_the_environment_of_the_site_is_enough_for_its_commands():
    """What the tests need beside is missing there."""
    code = """
        import sys
        sys.modules |= dict.fromkeys(["pytest", "torch", "numpy", "matplotlib", "hypothesis", "playwright", "scipy"])
        import fieldguide.commands.cli, fieldguide.site.build, fieldguide.site.markdown
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("kind", ["site", "test", *OTHERS, "uv"])
def test_every_package_of_a_lock_has_its_hashes(kind):
    text = (environments.ROOT / f"requirements/{kind}.txt").read_text()
    packages = re.findall(r"^[\w.-]+==.*(?:\n .*)*", text, re.M)
    assert packages
    assert not [package.split()[0] for package in packages if "--hash=sha256:" not in package]


def test_a_wheel_of_the_folder_stands_in_for_the_same_version_and_no_other(tmp_path, monkeypatch):
    ours = f"cp{sys.version_info[0]}{sys.version_info[1]}"
    for name in (
        f"torch-2.13.0+cpu-{ours}-{ours}-any.whl",
        "numpy-1.0-py3-none-any.whl",
        "torchao-0.1-cp27-cp27-any.whl",
    ):
        (tmp_path / name).touch()
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    lock = "torch==2.13.0 \\\n    --hash=sha256:0\nnumpy==2.0 \\\n    --hash=sha256:1\ntorchao==0.1 \\\n    --hash=sha256:2\n"
    assert list(environments._wheels(lock)) == ["torch"]
    monkeypatch.delenv("PIP_FIND_LINKS")
    assert environments._wheels(lock) == {}
