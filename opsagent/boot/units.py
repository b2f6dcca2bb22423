"""The texts of the boot units, for systemd and for launchd. Pure."""

from __future__ import annotations

import plistlib
import re
from dataclasses import dataclass, field
from pathlib import Path

from opsagent.boot.notify import MEMORY_MAX

AGENT, ENGINE = "opsagent", "opsagent-engine"
_WATCHDOG_S = 60
_MEMORY_MAX_MB = 1024
_OPEN_FILES = 65536
_HOME = re.compile(r"OPSAGENT_HOME(?:=|</key>\s*<string>)([^\"\n<]*)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """What a boot unit starts, and as whom."""

    python: Path
    home: Path
    path: str
    """PATH that services which the engine starts will find their programs on."""
    user: str = ""
    """Account to run as, in a unit of the whole system; empty in a unit of the user's own."""
    environment: dict[str, str] = field(default_factory=dict)

    def agent(self) -> list[str]:
        """Return the agent's command line."""
        return [str(self.python), "-m", "opsagent", "watch", "--home", str(self.home)]

    def engine(self) -> list[str]:
        """Return the command line of what keeps the engine."""
        return [str(self.python), "-m", "opsagent.boot.keep_engine", str(self.home)]


@dataclass(frozen=True, slots=True, kw_only=True)
class BootFile:
    """One unit file: where it goes and what it says."""

    name: str
    path: Path
    text: str

    @property
    def whose(self) -> str:
        """Return the home that the file which stands there now is for, or what else it is; empty: it is ours, or none.

        The name of the unit is the same for every home: one of them starts at boot.
        """
        try:
            stands = _HOME.search(self.path.read_text(errors="replace"))
        except OSError:
            return ""
        ours = _HOME.search(self.text)
        if stands is None:
            return "nothing that opsagent wrote"
        return "" if ours is None or stands[1] == ours[1] else f"home {stands[1]}"


def systemd_files(launch: Launch, folder: Path, *, target: str) -> tuple[BootFile, ...]:
    """Return the units of agent and engine. `target` is what wants them (`multi-user.target`, `default.target`)."""
    texts = {
        f"{ENGINE}.service": _systemd(
            launch,
            "opsagent's engine: runs the services of `opsagent up`",
            launch.engine(),
            target,
            # Only its keeper is signalled: it ends the services in their own way. Services outlive a dead keeper.
            ["KillMode=process", "TimeoutStopSec=120"],
        ),
        f"{AGENT}.service": _systemd(
            launch,
            "opsagent: an on-call engineer for the processes of this machine",
            launch.agent(),
            target,
            # What the agent brings back (an engine, a PM2) stays in its control group and must outlive it: so no
            # MemoryMax, which would count those too. The agent measures itself and ends above this limit.
            [
                f"Environment={MEMORY_MAX}={_MEMORY_MAX_MB}",
                f"WatchdogSec={_WATCHDOG_S}",
                "KillMode=process",
                "TimeoutStopSec=30",
            ],
            after=f"{ENGINE}.service",
        ),
    }
    return tuple(BootFile(name=name, path=folder / name, text=text) for name, text in texts.items())


def _systemd(
    launch: Launch, description: str, command: list[str], target: str, service: list[str], *, after: str = ""
) -> str:
    environment = {"OPSAGENT_HOME": str(launch.home), "PATH": launch.path, **launch.environment}
    lines = [
        "# Written by `opsagent startup`; `opsagent unstartup` takes it away.",
        "[Unit]",
        f"Description={description}",
        *([f"After={after}"] if after else []),
        "StartLimitIntervalSec=0",
        "",
        "[Service]",
        "Type=notify",
        "NotifyAccess=main",
        f"ExecStart={' '.join(_quoted(word.replace('$', '$$')) for word in command)}",
        "WorkingDirectory=/",
        *([f"User={launch.user}"] if launch.user else []),
        *(f"Environment={_quoted(f'{name}={value}')}" for name, value in environment.items() if value),
        "Restart=always",
        "RestartSec=2",
        f"LimitNOFILE={_OPEN_FILES}",
        "UMask=0077",
        "OOMScoreAdjust=-500" if launch.user == "root" else "OOMPolicy=continue",
        *service,
        "",
        "[Install]",
        f"WantedBy={target}",
        "",
    ]
    return "\n".join(lines)


def _quoted(word: str) -> str:
    """Quote one word as systemd.syntax(7) wants it: C-style, `%` doubled."""
    escaped = word.replace("\\", "\\\\").replace('"', '\\"').replace("%", "%%").replace("\n", "\\n")
    return f'"{escaped}"' if escaped != word or any(sign in word for sign in " \t';") or not word else word


def launchd_files(launch: Launch, folder: Path) -> tuple[BootFile, ...]:
    """Return the property lists of agent and engine for macOS."""
    commands = {ENGINE: launch.engine(), AGENT: launch.agent()}
    environment = {"OPSAGENT_HOME": str(launch.home), "PATH": launch.path, **launch.environment}
    found = []
    for name, command in commands.items():
        label = f"io.opsagent.{name}"
        content = {
            "Label": label,
            "ProgramArguments": command,
            "EnvironmentVariables": environment,
            "RunAtLoad": True,
            "KeepAlive": True,
            "ThrottleInterval": 2,
            "Umask": 0o077,
            "AbandonProcessGroup": True,
            "SoftResourceLimits": {"NumberOfFiles": _OPEN_FILES},
            "StandardErrorPath": str(launch.home / "logs" / f"{name}.err"),
            **({"UserName": launch.user} if launch.user else {}),
        }
        text = plistlib.dumps(content).decode()
        found.append(BootFile(name=label, path=folder / f"{label}.plist", text=text))
    return tuple(found)
