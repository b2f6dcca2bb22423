"""What `doctor` says of screens: what lacks, what is lost by it, and the line that mends it."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType

import pytest

from opsagent.cli import checkup_screens
from opsagent.cli.checkup_screens import screens, vision
from opsagent.cli.finding import Finding
from opsagent.config_screens import read
from opsagent.home import Home
from opsagent_tools.gui.display import installed
from opsagent_tools.gui.x11 import xlib


def found(about: str) -> list[Finding]:
    return [one for one in screens() if one.about == about]


def test_programs_that_lack_are_named_with_their_packages(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(installed, "NEEDED", {"no-such-server": "no-such-package", "sh": "dash"})
    (display,) = found("display")
    assert (display.level, display.mend) == ("note", "apt-get install no-such-package")
    assert "no-such-server" in display.detail
    monkeypatch.setattr(installed, "NEEDED", {"sh": "dash"})
    monkeypatch.setattr(checkup_screens, "_FONTS", (tmp_path,))
    assert found("display")[0].mend == "apt-get install fonts-dejavu-core"


def test_what_is_lost_without_the_accessibility_bus_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(installed, "_LAUNCHERS", (tmp_path / "launcher",))
    assert [one.mend for one in found("accessibility") if "bus:" in one.detail] == ["apt-get install at-spi2-core"]


def test_a_library_that_lacks_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert found("screens")[0].level == "ok"
    monkeypatch.setattr(checkup_screens, "_EXTRA", ("no-such-library", "mss"))
    (libraries,) = found("screens")
    assert (libraries.detail, libraries.mend) == (
        "not installed: no-such-library",
        "python -m pip install 'opsagent[gui]'",
    )


def test_an_old_library_under_the_same_name_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    old = ModuleType("Xlib")
    old.__version__ = (0, 15)  # type: ignore[attr-defined]
    monkeypatch.setattr(xlib, "_library", [])
    monkeypatch.setattr(xlib, "_PARTS", ())
    monkeypatch.setitem(sys.modules, "Xlib", old)
    (libraries,) = found("screens")
    assert libraries.level == "note"
    assert libraries.mend == "python -m pip install --force-reinstall 'python-xlib>=0.33'"


def test_a_desktop_is_said_to_be_shared(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("DISPLAY", raising=False)
    assert found("desktop") == []
    monkeypatch.setenv("DISPLAY", ":7")
    assert found("desktop")[0].detail.startswith(":7 ")


def test_a_vision_model_that_may_not_be_asked_is_told_with_the_reason(tmp_path: Path) -> None:
    home = Home.open(tmp_path)
    assert list(vision(home, read({}))) == []
    (found,) = vision(home, read({"model": {"name": "anthropic:some"}}))
    assert (found.level, "send = true" in found.detail) == ("note", True)
