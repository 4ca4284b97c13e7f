"""What is missing is named, with the line that installs it."""

import re
import sys

import pytest

from fieldguide.commands import environments as bootstrap


def test_an_old_python_is_refused(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 10, 2))
    with pytest.raises(bootstrap.Missing, match=r"Python 3\.11\.5 or newer is needed; this is 3\.10\.2"):
        bootstrap.ensure("test")


@pytest.mark.parametrize(("tool", "how"), [("browser", "apt-get install chromium"), ("java", "openjdk-17")])
def test_a_system_package_that_cannot_be_had_is_named(monkeypatch, tool, how):
    monkeypatch.setattr(bootstrap.shutil, "which", lambda name: None)
    monkeypatch.delenv("FIELDGUIDE_CHROMIUM", raising=False)
    with pytest.raises(bootstrap.Missing, match=how):
        getattr(bootstrap, tool)()


def test_the_browser_can_be_pointed_at(monkeypatch):
    monkeypatch.setenv("FIELDGUIDE_CHROMIUM", "/somewhere/chrome")
    assert bootstrap.browser() == "/somewhere/chrome"


def test_a_failing_step_shows_its_last_lines():
    with pytest.raises(bootstrap.Missing, match="no such luck"):
        bootstrap._run([sys.executable, "-c", "import sys; print('no such luck'); sys.exit(3)"])


def test_settings_for_pip_hold_for_uv_as_well(monkeypatch):
    monkeypatch.delenv("UV_FIND_LINKS", raising=False)
    monkeypatch.setenv("PIP_FIND_LINKS", "/wheels")
    assert bootstrap._tool_environment()["UV_FIND_LINKS"] == "/wheels"


def test_locks_are_current_with_their_inputs():
    for kind in ("site", "test", *bootstrap.declared_environments()):
        wanted = [
            re.split(r"==|\[", line)[0].strip().lower()
            for line in (bootstrap.ROOT / f"requirements/{kind}.in").read_text().splitlines()
            if line.strip() and not line.startswith(("#", "-"))
        ]
        locked = {
            line.split("==")[0].lower()
            for line in (bootstrap.ROOT / f"requirements/{kind}.txt").read_text().splitlines()
            if "==" in line and not line.startswith(" ")
        }
        assert set(wanted) <= locked, f"run make lock: {sorted(set(wanted) - locked)}"


def test_the_site_needs_no_engine():
    locked = (bootstrap.ROOT / "requirements/site.txt").read_text().lower()
    assert not [
        name
        for name in ("torch", "transformers", "pyspark", "ray", "vllm", "numpy")
        if f"\n{name}==" in locked
    ]


def test_the_suite_makes_every_environment_that_a_snippet_declares(monkeypatch):
    made = []
    monkeypatch.setattr(bootstrap, "ensure", made.append)
    bootstrap.ensure_suite()
    assert made == ["test", *sorted(bootstrap.declared_environments())]
    assert "vllm" in made


def test_an_environment_that_cannot_be_had_is_named(monkeypatch):
    def ensure(kind):
        if kind != "test":
            raise bootstrap.Missing("This failed: uv", "no wheel for this platform")

    monkeypatch.setattr(bootstrap, "ensure", ensure)
    with pytest.raises(bootstrap.Missing, match=r"\.venv-vllm is needed[\s\S]*no wheel for this platform"):
        bootstrap.ensure_suite()


def test_an_environment_without_a_lock_is_named(monkeypatch):
    monkeypatch.setattr(bootstrap, "ensure", lambda kind: None)
    monkeypatch.setattr(bootstrap, "declared_environments", lambda: {"nowhere"})
    with pytest.raises(bootstrap.Missing, match=r"no requirements/nowhere\.txt[\s\S]*make lock"):
        bootstrap.ensure_suite()


def test_corrections_of_an_environment_are_used_for_lock_and_install():
    assert bootstrap._overrides("vllm") == ["--override", str(bootstrap.ROOT / "requirements/vllm.overrides")]
    assert bootstrap._overrides("test") == []
