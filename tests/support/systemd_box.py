"""A real systemd as PID 1 of namespaces of its own, and programs that run in there. Needs root, unshare and systemd."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import IO, Any

import pytest

from tests.support import systemd_boot
from tests.support.waiting import eventually

ROOT = Path(__file__).resolve().parents[2]
_BOOT_S = 60.0


def inside() -> bool:
    """Tell whether we run inside a box."""
    return Path(systemd_boot.MARK).exists()


def needed() -> None:
    """Go on where a box can be booted; else skip, and under CI=true fail."""
    reason = why_not()
    if reason and os.environ.get("CI") == "true":
        pytest.fail(f"a real systemd {reason}", pytrace=False)
    if reason:
        pytest.skip(f"a real systemd {reason}")


def why_not() -> str:
    """Return why no box can be had here; empty: it can."""
    if not sys.platform.startswith("linux"):
        return "needs Linux"
    if os.geteuid() != 0:
        return "needs root: a real systemd is booted in namespaces"
    missing = [name for name in ("unshare", "nsenter", "setpriv", "mount") if shutil.which(name) is None]
    if missing:
        return f"needs {', '.join(missing)}: apt-get install util-linux"
    if not Path(systemd_boot.SYSTEMD).exists():
        return "needs systemd: apt-get install systemd dbus"
    if _cgroup2() is None:
        return "needs cgroup2: mount it, or boot with it"
    tried = subprocess.run(["unshare", "--pid", "--fork", "--mount", "true"], capture_output=True, check=False)
    return "" if tried.returncode == 0 else "may not unshare namespaces here"


class Box:
    """One booted systemd."""

    def __init__(self, boot: subprocess.Popen[bytes], said: IO[bytes], cgroup: Path) -> None:
        self._boot = boot
        self._said = said
        self._cgroup = cgroup
        self.pid = self._first_process()
        """Its PID 1, as seen from outside."""

    def command(self, *arguments: str) -> list[str]:
        """Return the command that runs `arguments` inside."""
        return ["nsenter", "-t", str(self.pid), "-m", "-p", "-C", "--", *arguments]

    def run(self, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a program inside and return what it said."""
        return subprocess.run(self.command(*arguments), capture_output=True, text=True, check=False, **options)

    def pytest(self, *arguments: str, timeout_s: float = 240.0) -> subprocess.CompletedProcess[str]:
        """Run tests of this repository inside, as root, with an environment of their own."""
        environment = {"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/root", "PYTHONDONTWRITEBYTECODE": "1"}
        if "CI" in os.environ:
            environment["CI"] = os.environ["CI"]
        command = [
            "env",
            "-C",
            str(ROOT),
            "-i",
            *(f"{name}={value}" for name, value in environment.items()),
            sys.executable,
            "-m",
        ]
        command += ["pytest", "-q", "-p", "no:cacheprovider"]
        return self.run(*command, *arguments, timeout=timeout_s)

    def is_up(self) -> bool:
        """Tell whether it has booted. Fails with what was said where its PID 1 ended."""
        try:
            name = Path(f"/proc/{self.pid}/comm").read_text().strip()
        except OSError:
            name = ""
        assert name, f"the box's PID 1 ended:\n{self._complaint()}"
        return name == "systemd" and self.run("systemctl", "is-system-running").stdout.strip() in {
            "running",
            "degraded",
        }

    def _first_process(self) -> int:
        def child() -> int | None:
            assert self._boot.poll() is None, f"the box did not come to be:\n{self._complaint()}"
            found = Path(f"/proc/{self._boot.pid}/task/{self._boot.pid}/children").read_text().split()
            return int(found[0]) if found else None

        return eventually(child, why="unshare forks")

    def _complaint(self) -> str:
        self._said.seek(0)
        return self._said.read().decode(errors="replace")[-2000:]


@contextlib.contextmanager
def booted(keep: Sequence[Path] = ()) -> Iterator[Box]:
    """Boot a box, and end it whatever happens. `keep`: further folders that stay visible inside."""
    mounted = _cgroup2()
    assert mounted is not None
    cgroup = mounted / f"opsagent-box-{os.getpid()}-{time.monotonic_ns()}"
    cgroup.mkdir()
    with tempfile.TemporaryFile() as said:
        boot = _unshare(cgroup, [str(path) for path in (*_needed(), *keep)], said)
        try:
            box = Box(boot, said, cgroup)
            eventually(box.is_up, timeout=_BOOT_S, why="the box boots")
            yield box
        finally:
            boot.kill()  # and with it, by --kill-child, its PID 1; the kernel ends the rest
            boot.wait()
            _remove(cgroup)


def _unshare(cgroup: Path, keep: list[str], said: IO[bytes]) -> subprocess.Popen[bytes]:
    # setpriv: dies with us, whatever ends us. The cgroup is entered before its namespace is made: it is the box's root.
    python = Path(sys.executable).resolve()
    enter = "import os, sys; open(sys.argv[1], 'w').write(str(os.getpid())); os.execvp(sys.argv[2], sys.argv[2:])"
    command = ["setpriv", "--pdeathsig", "KILL", str(python), "-S", "-c", enter, str(cgroup / "cgroup.procs")]
    command += ["unshare", "--pid", "--fork", "--kill-child=SIGKILL", "--mount", "--mount-proc", "--cgroup"]
    command += [str(python), "-S", str(Path(systemd_boot.__file__)), *keep]
    return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=said, stderr=said)


def _needed() -> tuple[Path, ...]:
    """The repository and the interpreter with all that it imports, wherever they are."""
    executable = Path(sys.executable)
    found = {ROOT, Path(sys.prefix).resolve(), Path(sys.base_prefix).resolve(), executable.resolve().parents[1]}
    return tuple(path for path in sorted(found) if str(path) != "/usr")


def _cgroup2() -> Path | None:
    for line in Path("/proc/self/mounts").read_text().splitlines():
        _, where, kind, *_ = line.split()
        if kind == "cgroup2":
            return Path(where)
    return None


def _remove(cgroup: Path) -> None:
    """Remove a cgroup with all below it, once the kernel has taken the last process out."""

    def gone() -> bool:
        for folder, _, _ in os.walk(cgroup, topdown=False):
            with contextlib.suppress(OSError):
                os.rmdir(folder)  # noqa: PTH106
        return not cgroup.exists()

    eventually(gone, why="the box's cgroup is empty")
