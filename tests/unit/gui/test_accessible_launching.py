"""Programs are started so that they tell what they show."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent_tools.gui.accessible import launching
from opsagent_tools.gui.accessible.launching import accessible_argv, accessible_env, missing_for_java

WRAPPER = "org.GNOME.Accessibility.AtkWrapper"


@pytest.fixture
def jar(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    path = tmp_path / "java-atk-wrapper.jar"
    path.touch()
    monkeypatch.setattr(launching, "_JARS", (tmp_path / "nowhere.jar", path))
    return path


def test_chromium_is_told_to_tell_once() -> None:
    argv = accessible_argv(["/usr/bin/chromium", "http://127.0.0.1:9001/"])
    assert argv == ("/usr/bin/chromium", "--force-renderer-accessibility", "http://127.0.0.1:9001/")
    assert accessible_argv(argv) == argv


def test_java_and_its_tools_load_the_wrapper(jar: Path) -> None:
    assert accessible_argv(["java", "-jar", "console.jar"])[1:3] == (
        f"-Xbootclasspath/a:{jar}",
        f"-Djavax.accessibility.assistive_technologies={WRAPPER}",
    )
    tool = accessible_argv(["jconsole"])
    assert tool[1] == f"-J-Xbootclasspath/a:{jar}"
    assert accessible_argv(tool) == tool
    assert missing_for_java() == ""


def test_a_script_that_starts_java_is_reached_by_the_environment(jar: Path) -> None:
    env = accessible_env(["./console.sh"], {"JDK_JAVA_OPTIONS": "-Xmx1g"})
    assert env["JDK_JAVA_OPTIONS"].startswith(f"-Xmx1g -Xbootclasspath/a:{jar}")
    assert env["QT_LINUX_ACCESSIBILITY_ALWAYS_ON"] == "1"


def test_without_the_wrapper_java_is_started_as_it_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launching, "_JARS", ())
    assert accessible_argv(["java", "-jar", "console.jar"]) == ("java", "-jar", "console.jar")
    assert "JDK_JAVA_OPTIONS" not in accessible_env(["./console.sh"], {})
    assert "libatk-wrapper-java" in missing_for_java()


def test_others_are_started_as_they_are() -> None:
    assert accessible_argv(["galculator"]) == ("galculator",)
    assert accessible_argv([]) == ()
