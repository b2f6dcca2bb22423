"""`[screens]` of the configuration: strict, every error with its key and the mend; secrets by reference only."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent.config import Config, ConfigError
from opsagent.home import Home
from opsagent.screen_settings import ScreenSettings, SecretPlace
from opsagent.screens.secrets import NamedSecrets


def load(home: Path, text: str) -> Config:
    path = home / "config.toml"
    path.write_text(text)
    path.chmod(0o600)
    return Config.load(Home.open(home))


def test_nothing_needs_to_be_said(home: Path) -> None:
    assert Config.load(Home.open(home)).screens == ScreenSettings()


def test_everything_can_be_said(home: Path) -> None:
    config = load(
        home,
        """
        [screens]
        display = ":0"
        width = 1600
        height = 900
        programs = ["galculator"]
        unattended = ["export report"]
        answer_s = 60
        pictures = false
        keep_days = 7
        keep_mb = 50
        send = true

        [screens.secrets]
        console = { file = "console" }
        other = { env = "OTHER_PASSWORD" }
        """,
    )
    found = config.screens
    assert (found.display, found.width, found.height) == (":0", 1600, 900)
    assert (found.programs, found.answer_s, found.pictures) == (("galculator",), 60.0, False)
    assert (found.keep_days, found.keep_mb, found.send) == (7, 50, True)
    assert found.secrets == {"console": SecretPlace(file="console"), "other": SecretPlace(env="OTHER_PASSWORD")}
    assert config.policy.procedures == ("export report",)


@pytest.mark.parametrize(
    ("text", "place", "mend"),
    [
        ("[screens]\ndispaly = 'own'", "screens.dispaly", "known keys are display"),
        ("[screens]\ndisplay = 'remote:0'", "screens.display", '":0"'),
        ("[screens]\nkeep_days = -1", "screens.keep_days", ""),
        ("[screens.secrets]\nconsole = 'hunter2'", "screens.secrets.console", "file ="),
        ("[screens.secrets]\nconsole = { value = 'hunter2' }", "screens.secrets.console", "file ="),
        ("screens = 3", "screens", "[screens]"),
    ],
)
def test_what_is_wrong_is_told_with_its_place_and_the_mend(home: Path, text: str, place: str, mend: str) -> None:
    with pytest.raises(ConfigError) as wrong:
        load(home, text)
    assert place in str(wrong.value)
    assert mend in str(wrong.value)
    assert "hunter2" not in str(wrong.value)


def test_a_secret_is_fetched_from_its_own_file_only_and_never_shown(home: Path) -> None:
    folder = home / "screens" / "secrets"
    folder.mkdir(parents=True, mode=0o700)
    (folder / "console").write_text("hunter2\n")
    (folder / "console").chmod(0o600)
    secrets = NamedSecrets(home, {"console": SecretPlace(file="console")}, {"password": "console"})
    assert secrets.fetch("console") == "hunter2"
    assert secrets.fetch("password") == "hunter2"
    assert "hunter2" not in repr(secrets)
    assert secrets.missing(("console",)) == ""
    assert "[screens.secrets]" in secrets.missing(("nobody",))
    (folder / "console").chmod(0o644)
    assert "chmod 600" in secrets.missing(("console",))
