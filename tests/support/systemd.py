"""Services of a real systemd for the supervisors' contract. Only inside a box (tests/support/systemd_box.py)."""

from __future__ import annotations

import os
import shlex
import signal
import subprocess
from collections.abc import Iterable, Mapping
from pathlib import Path

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.port import Supervisor
from opsagent_tools.supervisors.systemd.adapter import SystemdSupervisor
from opsagent_tools.supervisors.systemd.endpoint import Endpoint, Scope
from opsagent_tools.units import UnitId
from tests.support.supervisors import Can

_FOLDERS: Mapping[Scope, Path] = {"system": Path("/etc/systemd/system"), "user": Path("/etc/systemd/user")}
_WANTS: Mapping[Scope, str] = {"system": "multi-user.target.wants", "user": "default.target.wants"}
_BUS = Endpoint(path=Path("/run/dbus/system_bus_socket"), private=False, uids=frozenset({0}))
_PRIVATE = Endpoint(path=Path("/run/user/0/systemd/private"), private=True, uids=frozenset({0}))


def systemctl(*arguments: str, scope: Scope = "system", check: bool = True) -> str:
    """Run systemctl as a person does; return what it printed."""
    environment = {"PATH": os.environ["PATH"], "XDG_RUNTIME_DIR": "/run/user/0"}
    command = ["systemctl", *(["--user"] if scope == "user" else []), *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, env=environment, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


def start_user_manager() -> None:
    """Start root's own systemd beside process 1. It needs no PAM this way."""
    drop_in = Path("/etc/systemd/system/user@0.service.d/box.conf")
    if not drop_in.exists():
        drop_in.parent.mkdir(exist_ok=True)
        drop_in.write_text("[Service]\nPAMName=\nEnvironment=XDG_RUNTIME_DIR=/run/user/0\n")
        systemctl("daemon-reload")
    if systemctl("is-active", "user@0.service", check=False) != "active":
        systemctl("reset-failed", "user@0.service", check=False)
        systemctl("start", "user@0.service")


class Services:
    """Unit files of one scope, written, started and taken away again."""

    def __init__(self, scope: Scope) -> None:
        self.scope: Scope = scope
        self.folder = _FOLDERS[scope]
        self.texts: dict[str, str] = {}
        """By unit file; a template's is `api@.service`."""
        self.instances: dict[str, int] = {}

    def write(self, file: str, text: str, instances: int = 1) -> None:
        """Describe a unit, and enable it; systemd is not told yet."""
        (self.folder / file).write_text(text)
        self.texts[file], self.instances[file] = text, instances
        wants = self.folder / _WANTS[self.scope]
        wants.mkdir(exist_ok=True)
        for one in self.files(file):
            (wants / one).unlink(missing_ok=True)
            (wants / one).symlink_to(self.folder / file)

    def files(self, file: str) -> list[str]:
        """What is started of it: itself, or its instances."""
        stem, at, rest = file.partition("@")
        return [f"{stem}{at}{number}{rest}" for number in range(1, self.instances[file] + 1)] if at else [file]

    def remove(self, *files: str) -> None:
        """Stop and forget these, with all instances of them."""
        patterns = [file.replace("@.", "@*.") for file in files]
        if not files:
            return
        systemctl("stop", *patterns, scope=self.scope, check=False)
        systemctl("reset-failed", *patterns, scope=self.scope, check=False)
        for file, pattern in zip(files, patterns, strict=True):
            for link in (self.folder / _WANTS[self.scope]).glob(pattern):
                link.unlink()
            (self.folder / file).unlink()
            del self.texts[file], self.instances[file]

    def tell(self) -> None:
        """Have systemd read its unit files."""
        systemctl("daemon-reload", scope=self.scope)

    def start(self, files: Iterable[str]) -> None:
        """Start these, all instances of them."""
        wanted = [one for file in files for one in self.files(file)]
        if wanted:
            systemctl("start", *wanted, scope=self.scope)

    def end(self) -> None:
        """Take all of them away."""
        if self.texts:
            self.remove(*self.texts)
            self.tell()


class SystemdHarness:
    """Process 1 over the system bus. Every service is a template, whose instances systemd can count."""

    scope: Scope = "system"
    can = Can(know_ports=False, outlives=True)

    def __init__(self, at: Endpoint | None = _BUS) -> None:
        self.services = Services(self.scope)
        self.supervisor: Supervisor = SystemdSupervisor(self.scope, at=at)

    def id(self, name: str) -> UnitId:
        return UnitId.local("systemd", f"{name}@")

    async def apply(self, specs: Iterable[ServiceSpec]) -> None:
        wanted = {self._file(spec): spec for spec in specs}
        self.services.remove(*(self.services.texts.keys() - wanted.keys()))
        new = [file for file, spec in wanted.items() if self.services.texts.get(file) != unit_text(spec)]
        for file in new:
            self.services.write(file, unit_text(wanted[file]), wanted[file].instances)
        self.services.tell()  # also where nothing is new: a person may do that at any time
        self.services.start(new)

    def kill(self, unit: UnitId, pid: int) -> None:
        os.kill(pid, signal.SIGKILL)

    def lose(self) -> None:
        systemctl("stop", "dbus.socket", "dbus.service")

    async def come_back(self) -> None:
        systemctl("start", "dbus.socket", "dbus.service")

    async def end(self) -> None:
        await self.supervisor.close()
        self.services.end()

    def _file(self, spec: ServiceSpec) -> str:
        return f"{spec.name}@.service"


class SystemdUserHarness(SystemdHarness):
    """The systemd of one user (root's own, beside process 1), over its private socket. Plain units where one is enough."""

    scope: Scope = "user"
    can = Can(grow_alone=False, know_ports=False, keep_stopped=False)

    def __init__(self) -> None:
        start_user_manager()
        self.services = Services(self.scope)
        self.supervisor = SystemdSupervisor(self.scope, at=_PRIVATE)

    def id(self, name: str) -> UnitId:
        template = f"{name}@.service" in self.services.texts
        return UnitId.local("systemd-user", f"{name}@" if template else name)

    def lose(self) -> None:
        systemctl("kill", "--kill-whom=main", "--signal=SIGKILL", "user@0.service")

    async def come_back(self) -> None:
        start_user_manager()

    async def end(self) -> None:
        if systemctl("is-active", "user@0.service", check=False) != "active":
            start_user_manager()  # a test failed while it was lost
        await super().end()

    def _file(self, spec: ServiceSpec) -> str:
        return f"{spec.name}@.service" if spec.instances > 1 else f"{spec.name}.service"


def unit_text(spec: ServiceSpec, *lines: str) -> str:
    """A service as a unit file. `lines`: more for its [Service] section."""
    command = shlex.join(spec.command).replace("%", "%%").replace("$", "$$")
    body = [
        f"ExecStart={command}",
        f"WorkingDirectory={spec.cwd}",
        f"Restart={'always' if spec.autorestart else 'no'}",
        f"KillSignal={spec.stop_signal}",
        f"TimeoutStopSec={spec.stop_timeout_s:g}",
        *(f"StandardOutput=append:{path}" for path in spec.logs[:1]),
        *lines,
    ]
    return "\n".join(["[Unit]", "StartLimitIntervalSec=0", "[Service]", *body, ""])
