"""Agents that kill themselves (SIGKILL) at a given moment of their work. Only tests start it.

A nursery: it loads the agent once, then forks one agent per line that it reads, `{"home", "die_at", "log", …}`, and says
how each ended. Services outlive their agent; what nobody waits for any more is reaped here.

The moments are named after what was just written or done, and counted: `end_step done#1` is the first step that was
written down as done. `hands start begin` and `hands start end` stand around the hands, `learn begin` and `learn end`
around the memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import functools
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
import traceback
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from unittest import mock

import psutil

from opsagent import check, consent, planning, reconcile, settle, supervised, verify, waiting
from opsagent.config import Config
from opsagent.hands import Hands
from opsagent.home import Home
from opsagent.investigate import Investigator
from opsagent.model import Act, Check, CheckKind, Decision, Escalate, Plan, Step
from opsagent.own_agent import owning
from opsagent.planning_parts import action_of
from opsagent.policy import Policy
from opsagent.recall import MemoryDesk
from opsagent.store.journal import Journal
from opsagent_memory import Episode, Memory
from opsagent_memory.testing import HashEmbedder
from opsagent_tools.actions import ActionName
from opsagent_tools.processes.proc import is_alive, key_of
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.fake import FakeSupervisor, _Service
from opsagent_tools.supervisors.found import Found
from opsagent_tools.supervisors.port import Daemon
from opsagent_tools.units import ProcessKey, Unit, UnitId, UnitState

_SUBREAPER = 36
"""PR_SET_CHILD_SUBREAPER, include/uapi/linux/prctl.h."""
UNIT = UnitId.local("fake", "store")
SERVICE = """
echo $$ >> "$1/starts"
[ -e "$1/lock" ] && exit 3
[ -e "$1/ill" ] && exit 4
exec sleep 1000
"""
"""Counts its own starts; does not run beside a lock, nor while it is ill."""

_WRITES: dict[str, Callable[..., str]] = {
    "open_incident": lambda incident: "",
    "record_plan": lambda plan, *_, **__: "",
    "intend_step": lambda plan, ordinal, step, before, rule="": "undo" if rule == "undo" else step.action.name.value,
    "end_step": lambda step_id, status, detail="": status,
    "end_plan": lambda plan_id, status, detail="": status,
    "set_incident": lambda incident_id, **values: str(values.get("status", "")),
    "add_event": lambda incident_id, kind, *_, **__: kind,
    "ask": lambda *_, **__: "",
    "use_approval": lambda *_, **__: "",
}
"""What the journal is asked to write in a repair, and what names the moment after."""


@dataclass
class Moments:
    """Counts moments, and ends the process at one of them."""

    die_at: str
    log: Path

    def __post_init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def at(self, name: str) -> None:
        self._seen[name] += 1
        moment = f"{name}#{self._seen[name]}"
        with self.log.open("a", encoding="ascii") as log:
            log.write(f"{moment}\n")
        if moment == self.die_at:
            os.kill(os.getpid(), signal.SIGKILL)


def watched(moments: Moments) -> None:
    """Put moments around everything that a repair writes and does. For the rest of this process."""

    def after(owner: Any, method: str, name_of: Callable[..., str]) -> None:
        original = getattr(owner, method)

        @functools.wraps(original)
        def wrapper(self: Any, *args: Any, **kwargs: Any) -> Any:
            answer = original(self, *args, **kwargs)
            moments.at(f"{method} {name_of(*args, **kwargs)}".strip())
            return answer

        setattr(owner, method, wrapper)

    for method, name_of in _WRITES.items():
        after(Journal, method, name_of)
    do, learn = Hands.do, Memory.learn

    async def done(self: Hands, action: Any, *say: Any) -> Any:
        moments.at(f"hands {action.name.value} begin")
        outcome = await do(self, action, *say)
        moments.at(f"hands {action.name.value} end")
        return outcome

    def learnt(self: Memory, episode: Any) -> Any:
        moments.at("learn begin")
        answer = learn(self, episode)
        moments.at("learn end")
        return answer

    Hands.do = done  # type: ignore[method-assign, assignment]
    Memory.learn = learnt  # type: ignore[method-assign]


class Outliving(FakeSupervisor):
    """The supervisor in memory, kept in a file: one service, whose process is real and outlives its agent."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._file = folder / "supervisor.json"
        self._reading = False
        super().__init__(())
        spec = ServiceSpec(name=UNIT.name, command=("store",), cwd=folder, autorestart=False, port=9)
        super().apply((spec,)) if not self._file.exists() else self._know(spec)

    def _know(self, spec: ServiceSpec) -> None:
        self._services[spec.name] = _Service(spec, spec.instances)
        self._read()

    def _read(self) -> None:
        kept = json.loads(self._file.read_text())
        service = self._services[UNIT.name]
        service.processes[:] = [ProcessKey(pid, started) for pid, started in kept["processes"]]
        service.state, service.instances = UnitState(kept["state"]), kept["instances"]
        service.restarts, service.last_exit = kept["restarts"], kept["last_exit"]

    def _keep(self) -> None:
        service = self._services[UNIT.name]
        kept = {
            "processes": [(key.pid, key.started) for key in service.processes],
            "state": service.state.value,
            "instances": service.instances,
            "restarts": service.restarts,
            "last_exit": service.last_exit,
        }
        fresh = self._file.with_suffix(".new")
        fresh.write_text(json.dumps(kept))
        fresh.replace(self._file)

    def _tell(self, *args: Any, **kwargs: Any) -> None:
        if UNIT.name in self._services:
            self._keep()
        super()._tell(*args, **kwargs)

    async def daemon(self) -> Daemon:
        return replace(await super().daemon(), pid=os.getppid())  # the nursery: it outlives all agents

    async def list(self) -> Sequence[Unit]:
        self._of(UNIT)
        return await super().list()

    def _of(self, unit: UnitId) -> Any:
        if not self._reading:
            self._reading = True
            for key in [key for key in self._services[UNIT.name].processes if not is_alive(key)]:
                self.die(UNIT, key.pid)
            self._keep()
            self._reading = False
        return super()._of(unit)

    async def start(self, unit: UnitId) -> None:
        await super().start(unit)
        self._keep()

    async def stop(self, unit: UnitId) -> None:
        await super().stop(unit)
        self._keep()

    def _spawn(self, name: str) -> ProcessKey:
        child = subprocess.Popen(["sh", "-c", SERVICE, "sh", str(self._folder)], start_new_session=True)
        key = key_of(child.pid)
        assert key is not None  # nobody has reaped it
        self._services[name].processes.append(key)
        return key

    def _end(self, unit: UnitId, keys: Iterable[ProcessKey]) -> None:
        for key in list(keys):
            with contextlib.suppress(ProcessLookupError):
                os.kill(key.pid, signal.SIGKILL)
            self._services[unit.name].processes.remove(key)


def plan_of(name: str, folder: Path, unit: Unit, incident: str) -> Plan:
    """Return the plan that is tried in this row of the table."""
    lock = folder / "lock"
    start = Step(action=action_of(ActionName.START, UNIT), goal=Check(kind=CheckKind.HEALTHY, unit=UNIT), timeout_s=5.0)
    aside = planning.quarantine_steps(unit, lock, sha256(lock.read_bytes() if lock.exists() else b"").hexdigest())
    rows = {
        "start": (start,),
        "move the lock aside, and start": (*aside, start),
        "move the lock aside, and start what stays ill": (*aside, start),
        "stop and start": (*planning.stop_steps(unit), start),
    }
    return planning.new_plan(
        unit=UNIT, steps=rows[name], remedy=f"crash/{name}", origin="agent", source="runbook", incident=incident
    )


async def _live(request: dict[str, Any], moments: Moments, supervisor: Outliving) -> None:
    home = Home.open(Path(request["home"]))
    described = ServiceSpec(name=UNIT.name, command=("store",), cwd=home.path / "service")
    config = Config(policy=Policy(mode=request["mode"]), services=(described,))
    async with owning(home, config, wait_s=0.0) as agent:
        running = asyncio.create_task(agent.run())
        while not (supervisor.is_followed and agent.senses is not None and agent.senses.ready.is_set()):
            await asyncio.sleep(0.01)
            if running.done():
                break
        moments.at("hears")
        await running


def _be_an_agent(request: dict[str, Any]) -> None:
    home = Path(request["home"])
    folder = home / "service"
    moments = Moments(request["die_at"], Path(request["log"]))
    watched(moments)
    supervisor = Outliving(folder)
    found = Found(family="pm2", address="/srv/.pm2", uid=os.getuid(), kind="fake", why="a test made it up")
    mock.patch.object(supervised, "discover", return_value=(found,)).start()
    mock.patch.object(supervised, "open_supervisor", return_value=supervisor).start()
    desk = MemoryDesk.__init__
    MemoryDesk.__init__ = lambda self, at, settings=None: desk(self, at, settings, embedder=HashEmbedder())  # type: ignore[method-assign,misc,assignment]
    if request["plan"] != "decided":

        async def decide(self: Investigator, file: Any) -> Decision:
            if file.attempts:
                return Escalate(why="it was tried")
            return Act(plan=plan_of(request["plan"], folder, await supervisor.describe(UNIT), file.incident.id))

        Investigator.decide = decide  # type: ignore[method-assign]
    asyncio.run(_live(request, moments, supervisor))


def _hasten() -> None:
    """Wait as little as the order of things needs."""
    settle._CONFIRM_S, settle._POLL_S = 0.02, 0.02
    settle._STABLE_S, settle._STABLE_DEFAULT_S = {}, 0.2
    verify._POLL_S, verify._PATIENCE_S = 0.02, 5.0
    check._POLL_S, reconcile._LOOK_S, consent._POLL_S = 0.02, 0.5, 0.02
    waiting._RECHECK_S, waiting._QUIET_S = 0.05, 0.3
    new_plan = planning.new_plan
    planning.new_plan = lambda **values: new_plan(**{**values, "verify_s": 0.1})


def _warm_up() -> None:
    """Load here what every agent would load: it costs more than all that they do."""
    with tempfile.TemporaryDirectory() as folder:
        database = Path(folder) / "opsagent.db"
        with Journal.open(f"sqlite:///{database}") as journal:
            journal.incidents()
        with Memory.open(database, Path(folder) / "chroma", embedder=HashEmbedder()) as memory:
            fields = {"remedy": "crash/start", "outcome": "worked", "class": "crash"}
            memory.learn(Episode(scope="unit/fake/store", text="crash", fields=fields, created_at=datetime.now(UTC)))
            memory.remedies("crash", scope="unit/fake/store")


def main() -> None:
    """Fork one agent per line of standard input; say `{"pid", "status"}` for each that ended."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)
    _hasten()
    _warm_up()
    agents: dict[int, str] = {}
    stdin = sys.stdin.fileno()
    pending, open_ = b"", True
    while open_ or agents:
        ready, _, _ = select.select([stdin] if open_ else [], [], [], 0.02)
        if ready:
            chunk = os.read(stdin, 65536)
            open_ = bool(chunk)
            *lines, pending = (pending + chunk).split(b"\n")
            for line in lines:
                request = json.loads(line)
                pid = os.fork()
                if not pid:
                    _child(request)
                agents[pid] = request["id"]
                print(json.dumps({"id": request["id"], "pid": pid}), flush=True)
        if not open_:
            _end_all()
        with contextlib.suppress(ChildProcessError):
            while (found := os.waitpid(-1, os.WNOHANG))[0]:
                if found[0] in agents:
                    ended = {"id": agents.pop(found[0]), "ended": os.waitstatus_to_exitcode(found[1])}
                    print(json.dumps(ended), flush=True)
    _end_all()


def _end_all() -> None:
    """End agents and services: whatever its agent left behind is a child of this process."""
    for child in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            child.kill()


def _child(request: dict[str, Any]) -> None:
    log = os.open(request["log"] + ".out", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for stream in (0, 1, 2):
        os.dup2(log if stream else os.open(os.devnull, os.O_RDONLY), stream)
    code = 1
    try:
        _be_an_agent(request)
        code = 0
    except BaseException:  # noqa: BLE001  # it is forked: nobody above may go on with it
        traceback.print_exc()
    finally:
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    main()
