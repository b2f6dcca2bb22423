"""The machine around the services: the search, other users, boot, the journal. Runs inside a box (../test_systemd.py)."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from opsagent_tools.logs.journal import Journals, last_lines
from opsagent_tools.supervisors.discover import Machine, Wanted, discover, look_at, open_supervisor
from opsagent_tools.supervisors.systemd.adapter import SystemdSupervisor
from opsagent_tools.supervisors.systemd.polkit import RULES
from opsagent_tools.units import UnitId
from tests.support.supervisors import spec
from tests.support.systemd import Services, start_user_manager, systemctl, unit_text
from tests.support.systemd_boot import SCRATCH_USER
from tests.support.systemd_box import inside
from tests.support.waiting import eventually, until

pytestmark = pytest.mark.skipif(not inside(), reason="runs inside a box: tests/contract/test_systemd.py")

API = UnitId.local("systemd", "api")
_AS_USER = """
import asyncio, json, sys
from opsagent_tools.supervisors.port import SupervisorError
from opsagent_tools.supervisors.systemd.adapter import SystemdSupervisor
from opsagent_tools.units import UnitId

async def main() -> None:
    systemd = SystemdSupervisor()
    said = {"units": [unit.name for unit in await systemd.list()]}
    for asked in sys.argv[1:]:
        verb, name, *more = asked.split(":")
        try:
            await getattr(systemd, verb)(UnitId.local("systemd", name), *map(int, more))
            said[asked] = "done"
        except SupervisorError as error:
            said[asked] = f"{type(error).__name__}: {error}"
    await systemd.close()
    print(json.dumps(said))

asyncio.run(main())
"""


@pytest.fixture
def services() -> Iterator[Services]:
    found = Services("system")
    yield found
    found.end()


@pytest.fixture
async def systemd() -> AsyncIterator[SystemdSupervisor]:
    supervisor = SystemdSupervisor()
    yield supervisor
    await supervisor.close()


def run(services: Services, folder: Path, *names: str, lines: tuple[str, ...] = ()) -> None:
    """Have services run that sleep. `lines`: more for their [Service] sections."""
    for name in names:
        services.write(f"{name}.service", unit_text(spec(name, folder), *lines))
    services.tell()
    services.start([f"{name}.service" for name in names])


def as_user(*asked: str) -> dict[str, Any]:
    """What systemd says to a user who asks for these things (`restart:api`)."""
    _, uid = SCRATCH_USER
    done = subprocess.run(
        [sys.executable, "-B", "-c", _AS_USER, *asked],
        user=uid, group=uid, extra_groups=[], cwd="/", env={"PATH": os.environ["PATH"]},
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    assert isinstance(answer, dict)
    return answer


def test_a_refusal_names_the_smallest_rule_and_that_rule_is_enough(services: Services, tmp_path: Path) -> None:
    assert shutil.which("pkaction"), "needs polkit: apt-get install polkitd"
    run(services, tmp_path, "api", "other")
    user, _ = SCRATCH_USER
    rule = RULES / f"50-opsagent-{user}-api-restart.rules"

    refused = as_user("restart:api")["restart:api"]

    assert refused.startswith(f"NotPermitted: user {user} may not restart api.service")
    assert str(rule) in refused
    before = systemctl("show", "--property=InvocationID", "api.service")
    text = refused[refused.index("// ") :] + "\n"
    try:
        rule.write_text(text)
        eventually(lambda: as_user("restart:api")["restart:api"] == "done", why="polkit has read the rule")
        assert systemctl("show", "--property=InvocationID", "api.service") != before

        answers = as_user("stop:api", "restart:other", "signal:api:15")
        assert answers["units"] == ["api", "other"]
        assert answers["stop:api"].startswith(f"NotPermitted: user {user} may not stop api.service")
        assert answers["restart:other"].startswith(f"NotPermitted: user {user} may not restart other.service")
        assert answers["signal:api:15"].startswith(f"NotPermitted: user {user} may not kill api.service")
    finally:
        rule.unlink(missing_ok=True)


async def test_what_runs_is_enabled_and_what_cannot_be_is_told(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    service = unit_text(spec("api", tmp_path))
    for name, text in {"api": f"{service}[Install]\nWantedBy=multi-user.target\n", "plain": service}.items():
        (services.folder / f"{name}.service").write_text(text)
        services.texts[f"{name}.service"], services.instances[f"{name}.service"] = text, 1
    services.tell()
    services.start(["api.service", "plain.service"])

    said = await systemd.persist()

    assert said == "enabled api.service; plain.service has no [Install] section: it is not started at boot"
    assert systemctl("is-enabled", "api.service") == "enabled"
    assert (await systemd.persist()).startswith("1 was enabled already")


async def test_what_would_hurt_is_found(services: Services, systemd: SystemdSupervisor, tmp_path: Path) -> None:
    def write(name: str, text: str) -> None:
        services.write(f"{name}.service", text)
        (services.folder / "multi-user.target.wants" / f"{name}.service").unlink()

    install = "[Install]\nWantedBy=multi-user.target\n"
    write("bare", f"[Service]\nExecStart=sleep 600\nKillMode=process\n{install}")
    code = "import os,time; held = [os.open('/dev/null', 0) for _ in range(30)]; time.sleep(600)"
    write("full", f'[Service]\nRestart=always\nExecStart={sys.executable} -S -c "{code}"\nLimitNOFILE=36\n{install}')
    write(
        "loop",
        f"[Unit]\nStartLimitIntervalSec=0\n[Service]\nRestart=always\nRestartSec=20ms\nExecStart=sh -c 'exit 9'\n{install}",
    )
    write("dead", f"[Service]\nRestart=no\nExecStart=sh -c 'exit 4'\n{install}")
    write("still", "[Service]\nRestart=on-failure\nRestartSec=1\nExecStart=sleep 600\n")
    services.write("worker@.service", "[Service]\nExecStart=sleep 600\n", instances=2)
    services.tell()
    services.start(["bare.service", "full.service", "loop.service", "dead.service", "still.service", "worker@.service"])
    (services.folder / "bare.service").write_text(services.texts["bare.service"] + "\n# changed\n")

    async def found() -> dict[str, list[str]] | None:
        checks: dict[str, list[str]] = {}
        for finding in await systemd.findings():
            checks.setdefault(finding.unit.name if finding.unit else "", []).append(finding.check.partition("/")[2])
            assert finding.mend, finding.check
        there = "crash_loop" in checks.get("loop", ()) and "files_limit" in checks.get("full", ())
        return checks if there else None

    seen = await until(found)

    assert sorted(seen["bare"]) == ["leaves_processes", "no_restart", "not_enabled", "unit_file_changed"]
    assert sorted(seen["full"]) == ["files_limit", "gives_up_early", "not_enabled"]
    assert sorted(seen["loop"]) == ["crash_loop", "never_gives_up"]
    assert sorted(seen["dead"]) == ["failed", "no_restart"]
    assert seen["still"] == ["not_enabled"]  # it has no [Install] section
    assert seen["worker@"] == ["no_restart"]  # once, not of each instance


async def test_a_secret_in_a_unit_file_is_masked(
    services: Services, systemd: SystemdSupervisor, tmp_path: Path
) -> None:
    run(services, tmp_path, "api", lines=("Environment=API_TOKEN=s3cr3t-s3cr3t PORT=8000", "MemoryMax=300M"))

    setup = await systemd.setup(API)

    assert (setup.env["PORT"], setup.max_memory) == ("8000", 300 * 1024 * 1024)
    assert "s3cr3t" not in setup.env["API_TOKEN"]
    assert (setup.command, setup.cwd) == (("sleep", "600"), tmp_path)
    assert (setup.stop_signal, setup.stop_timeout_s, setup.shape) == (signal.SIGTERM, 5.0, "simple")
    assert setup.config_file == services.folder / "api.service"
    assert setup.at_boot
    assert setup.more["Restart"] == "always"


async def test_both_instances_of_systemd_are_found_and_opened(services: Services, tmp_path: Path) -> None:
    start_user_manager()
    run(services, tmp_path, "api", "noisy")
    own = Services("user")
    own.write("mine.service", unit_text(spec("mine", tmp_path)))
    own.tell()
    own.start(["mine.service"])
    machine = Machine.here()
    machine = Machine(sweep=machine.sweep, uid=0, environ={"XDG_RUNTIME_DIR": "/run/user/0"}, home=Path("/root"))
    os.environ["XDG_RUNTIME_DIR"], before = "/run/user/0", os.environ["XDG_RUNTIME_DIR"]
    try:
        wanted = Wanted(systemd_units=("systemd-journald", "dbus.service"), systemd_exclude=("nois*",))
        found = {one.kind: one for one in discover(wanted, machine=machine)}
        assert sorted(found) == ["systemd", "systemd-user"]

        for kind, names in {"systemd": ["api"], "systemd-user": ["mine"]}.items():
            supervisor = open_supervisor(found[kind])
            try:
                units = await supervisor.list()
            finally:
                await supervisor.close()
            assert [unit.name for unit in units] == names
            assert look_at(found[kind]) == tuple(units)
            assert supervisor.kind == kind
    finally:
        os.environ["XDG_RUNTIME_DIR"] = before
        own.end()


async def test_what_a_login_stands_on_is_never_watched() -> None:
    supervisor = SystemdSupervisor(named=("systemd-logind", "polkit", "dbus"))
    try:
        assert list(await supervisor.list()) == []
    finally:
        await supervisor.close()


def test_lines_of_the_journal_come_as_they_are_written(services: Services, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    services.write("api.service", f"[Service]\nExecStart=sh -c 'exec cat {pipe} {pipe}'\n")
    services.write(
        "worker@.service", "[Service]\nExecStart=sh -c 'echo worker %i speaks; exec sleep 600'\n", instances=1
    )
    services.tell()
    journals = Journals()
    api, workers = journals.tail("system/api.service"), journals.tail("system/worker@*.service")
    seen: list[bytes] = []
    try:
        services.start(["api.service", "worker@.service"])
        with pipe.open("wb", buffering=0) as writer:
            writer.write(b"first\n\xff\xfe broken\nlast \xc3\xa9\n")
            eventually(lambda: len(_add(seen, api.look())) >= 3, why="the journal has three lines")
        assert seen == [b"first", b"\xff\xfe broken", b"last \xc3\xa9"]
        eventually(lambda: workers.look() == [b"worker 1 speaks"] or None)
    finally:
        journals.close()
    assert last_lines("system/api.service", 1)
    assert b"first" in last_lines("system/api.service", 10)


def _add(seen: list[bytes], more: list[bytes]) -> list[bytes]:
    seen += more
    return seen
