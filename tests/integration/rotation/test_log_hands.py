"""What the hands do to logs, each time looking again at whose log it is; and who rotates a log already."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from opsagent.check import Checker
from opsagent.hands import Hands
from opsagent.rotators import rotated_by
from opsagent.world import World
from opsagent_tools.actions import Action, ActionName, Outcome
from opsagent_tools.logs import logrotate
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.port import Daemon
from opsagent_tools.units import Unit, UnitId, UnitSetup, UnitState
from tests.integration.rotation.test_rounds import API, OneService
from tests.unit.logs.rotating import Writer, writing


class Bench:
    """One service with a real log, and the hands."""

    def __init__(self, folder: Path, writer: Writer, log: Path) -> None:
        spec = ServiceSpec(name="api", command=("api",), cwd=folder)
        self.log = log
        self.supervisor = OneService(spec, log, writer)
        supervisors = {"fake": self.supervisor}
        self.hands = Hands(supervisors, Checker(supervisors, World((spec,))), last_good_dir=folder)

    async def do(self, name: ActionName, path: Path | None = None) -> Outcome:
        return await self.hands.do(Action(name=name, unit=API, args={"path": str(path or self.log)}))


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    folder = tmp_path / "logs"
    folder.mkdir()
    with writing(folder / "api.log") as writer:
        yield Bench(tmp_path, writer, folder / "api.log")


async def test_a_file_that_is_no_log_of_the_service_is_refused(bench: Bench, tmp_path: Path) -> None:
    other = tmp_path / "other.log"
    other.write_text("mine\n" * 10_000)
    for name in (ActionName.ROTATE_LOG, ActionName.TRUNCATE_LOG):
        outcome = await bench.do(name, other)
        assert (outcome.done, "is no log of api" in outcome.detail) == (False, True)
    assert other.read_text() == "mine\n" * 10_000


async def test_a_log_is_emptied_and_only_the_one_that_the_service_holds(bench: Bench) -> None:
    before = bench.log.stat().st_size
    outcome = await bench.do(ActionName.TRUNCATE_LOG)
    assert (outcome.done, "emptied api.log" in outcome.detail, before > 0) == (True, True, True)
    bench.log.rename(bench.log.with_name("held"))
    bench.log.write_text("not held\n")
    outcome = await bench.do(ActionName.TRUNCATE_LOG)
    assert (outcome.done, "no process of the service holds" in outcome.detail) == (False, True)
    assert bench.log.read_text() == "not held\n"


@pytest.mark.parametrize("name", [ActionName.ROTATE_LOG, ActionName.TRUNCATE_LOG])
async def test_the_hands_follow_no_link_to_etc_shadow(name: ActionName, bench: Bench) -> None:
    before = Path("/etc/shadow").stat()
    bench.log.unlink()
    bench.log.symlink_to("/etc/shadow")
    outcome = await bench.do(name)
    assert (outcome.done, "is a link" in outcome.detail) == (False, True)
    after = Path("/etc/shadow").stat()
    assert (after.st_size, after.st_mtime_ns, after.st_ino) == (before.st_size, before.st_mtime_ns, before.st_ino)


async def test_a_supervisor_that_cannot_open_logs_anew_says_so(bench: Bench) -> None:
    outcome = await bench.do(ActionName.REOPEN_LOG)
    assert (outcome.done, outcome.refused) == (False, "not supported")


async def test_who_rotates_it_already_is_told(bench: Bench, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    unit = await bench.supervisor.describe(API)
    assert await rotated_by(bench.supervisor, unit, bench.log) == ""
    rules = tmp_path / "etc/logrotate.d"
    rules.mkdir(parents=True)
    (rules / "api").write_text(f"# logs\n{bench.log.parent}/*.log {{\n  daily\n}}\n")
    monkeypatch.setattr("opsagent.rotators.rule_for", lambda logs: logrotate.rule_for(logs, tmp_path))
    assert await rotated_by(bench.supervisor, unit, bench.log) == "logrotate (by /etc/logrotate.d/api)"
    outcome = await bench.do(ActionName.ROTATE_LOG)
    assert (outcome.done, "rotates" in outcome.detail) == (False, True)
    assert [path.name for path in bench.log.parent.iterdir()] == ["api.log"]


class Daemonic(OneService):
    """One whose own daemon writes the log."""

    maxbytes = ""

    async def daemon(self) -> Daemon:
        (writer,) = self.writer.pids
        return replace(await super().daemon(), pid=writer)

    async def setup(self, unit: UnitId) -> UnitSetup:
        return replace(await super().setup(API), more={"stdout_logfile_maxbytes": self.maxbytes})


async def test_what_the_engine_or_supervisord_writes_itself_is_theirs_to_rotate(bench: Bench) -> None:
    spec = ServiceSpec(name="api", command=("api",), cwd=bench.log.parent)
    supervisor = Daemonic(spec, bench.log, bench.supervisor.writer)
    for kind, maxbytes, expected in (
        ("circus", "", "the engine"),
        ("supervisord", "50MB", "supervisord"),
        ("supervisord", "0", ""),
        ("systemd", "", ""),
    ):
        supervisor.maxbytes = maxbytes
        unit = Unit(id=UnitId.local(kind, "api"), state=UnitState.RUNNING, uid=os.geteuid())
        assert await rotated_by(supervisor, unit, bench.log) == expected, kind
