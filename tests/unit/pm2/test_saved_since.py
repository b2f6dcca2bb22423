"""What people stopped after `pm2 save`, read from the daemon's log where the daemon is dead."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opsagent_tools.processes.proc import key_of
from opsagent_tools.supervisors.pm2.saved_since import since
from opsagent_tools.supervisors.pm2.survivors import Outlived, Survivor

BORN = "--- New PM2 Daemon started ----------"


def up(name: str, number: int) -> str:
    return f"App [{name}:{number}] starting in -fork mode-"


def stop(name: str, number: int) -> list[str]:
    return [
        f"Stopping app:{name} id:{number}",
        f"App [{name}:{number}] exited with code [0] via signal [SIGINT]",
    ]


def app(name: str, namespace: str = "default", status: str = "online") -> dict[str, str]:
    return {"name": name, "namespace": namespace, "status": status}


@pytest.mark.parametrize(
    ("said", "saved", "statuses"),
    [
        pytest.param([up("api", 0), *stop("api", 0)], [app("api")], ["stopped"], id="stopped"),
        pytest.param([up("api", 0), *stop("api", 0), up("api", 0)], [app("api")], ["online"], id="restarted"),
        pytest.param([up("api", 0), *stop("api", 0), up("api", 4)], [app("api")], ["online"], id="deleted and anew"),
        pytest.param([*stop("api", 0), BORN, up("api", 0)], [app("api")], ["online"], id="by a daemon before"),
        pytest.param([up("w", 0), up("w", 1), *stop("w", 1)], [app("w"), app("w")], ["online", "stopped"], id="one of two"),
        pytest.param(stop("w", 1), [app("w"), app("w")], ["online", "stopped"], id="one of two, the log was cut"),
        pytest.param(
            [up("w", 0), up("w", 1), *stop("w", 1)], [app("w"), app("w", "b")], ["stopped", "stopped"], id="which is not known"
        ),
        pytest.param([*stop("api", 0), "PM2 successfully stopped"], [app("api")], ["online"], id="pm2 kill stops all"),
    ],
)  # fmt: skip
def test_the_saved_list_is_corrected_by_the_log(
    tmp_path: Path, said: list[str], saved: list[dict[str, str]], statuses: list[str]
) -> None:
    (tmp_path / "pm2.log").write_text("\n".join(f"2026-01-01T00:00:00: PM2 log: {line}" for line in said) + "\n")

    now = since(saved, tmp_path, os.getuid(), Outlived())

    assert [one["status"] for one in now.apps] == statuses


def test_what_outlived_its_daemon_was_not_stopped(tmp_path: Path) -> None:
    key = key_of(os.getpid())
    assert key is not None
    (tmp_path / "pm2.log").write_text("\n".join([up("w", 0), up("w", 1), *stop("w", 1)]) + "\n")
    left = Outlived(sure=(Survivor(key=key, unit="b/w", pm_id="0"), Survivor(key=key, unit="idle", pm_id="2")))

    now = since([app("w"), app("w", "b"), app("idle", status="stopped")], tmp_path, os.getuid(), left)

    assert [one["status"] for one in now.apps] == ["stopped", "online", "online"]
    assert now.stopped == ("w",)
