"""The boot units say what they must, whatever is in the paths."""

from __future__ import annotations

import plistlib
import subprocess
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest

from opsagent.boot.errors import BootError
from opsagent.boot.install import Boot, install, remove
from opsagent.boot.units import BootFile, Launch, launchd_files, systemd_files

LAUNCH = Launch(python=Path("/opt/agent/bin/python"), home=Path("/var/lib/op sagent"), path="/usr/bin:/bin", user="ops")


def test_systemd_restarts_watches_and_limits_the_agent_and_runs_the_engine_before_it() -> None:
    engine, agent = systemd_files(LAUNCH, Path("/etc/systemd/system"), target="multi-user.target")
    assert agent.path == Path("/etc/systemd/system/opsagent.service")
    for line in ("Type=notify", "WatchdogSec=60", "Restart=always", "LimitNOFILE=65536", "User=ops"):
        assert line in agent.text.splitlines()
    assert "After=opsagent-engine.service" in agent.text
    assert 'watch --home "/var/lib/op sagent"' in agent.text
    assert "WatchdogSec" not in engine.text
    for unit in (engine, agent):  # what they start outlives them
        assert "KillMode=process" in unit.text.splitlines()


def test_a_path_cannot_write_lines_of_its_own() -> None:
    evil = Launch(python=Path("/bin/p"), home=Path('/h"\nExecStartPre=/bin/evil %h $HOME'), path="/bin")
    for unit in systemd_files(evil, Path("/x"), target="default.target"):
        assert not any(line.startswith("ExecStartPre") for line in unit.text.splitlines())
        assert "%%h" in unit.text
        assert "$$HOME" in unit.text


def test_systemd_itself_finds_nothing_wrong(require: Callable[[str], Path], tmp_path: Path) -> None:
    program = require("systemd-analyze")
    launch = Launch(python=Path("/bin/true"), home=tmp_path / "a home", path="/usr/bin")
    files = systemd_files(launch, tmp_path, target="multi-user.target")
    for file in files:
        file.path.write_text(file.text)
    done = subprocess.run(
        [program, "verify", *(file.path for file in files)], capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("files_of", [partial(systemd_files, target="default.target"), launchd_files])
def test_the_boot_of_another_home_is_not_taken_away(
    files_of: Callable[[Launch, Path], tuple[BootFile, ...]], tmp_path: Path
) -> None:
    mine, other = (files_of(replace(LAUNCH, home=tmp_path / home), tmp_path) for home in ("a home", "other"))
    assert [file.whose for file in mine] == ["", ""]
    for file in other:
        file.path.write_text(file.text)
    assert {file.whose for file in mine} == {f"home {tmp_path / 'other'}"}
    assert [file.whose for file in other] == ["", ""]
    boot = Boot(kind="systemd", system=True, files=mine, running=False)
    said: list[str] = []
    assert remove(boot, engine_too=True, say=said.append) == 0
    assert all(file.path.exists() for file in other)
    assert all(line.startswith("left alone") for line in said)
    with pytest.raises(BootError, match="other"):
        install(boot, now=True, say=said.append)
    assert all(file.path.read_text() == file.text for file in other)


def test_launchd_gets_property_lists_that_read_back() -> None:
    for file in launchd_files(LAUNCH, Path("/Library/LaunchDaemons")):
        content = plistlib.loads(file.text.encode())
        assert content["KeepAlive"] is True
        assert content["UserName"] == "ops"
        assert content["EnvironmentVariables"]["OPSAGENT_HOME"] == "/var/lib/op sagent"
        assert content["AbandonProcessGroup"] is True
