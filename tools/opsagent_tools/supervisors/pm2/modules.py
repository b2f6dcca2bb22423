"""PM2's modules (pm2-logrotate, say): which there are, how they are set, and how that is changed. None is ever installed
or doubled here.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from opsagent_tools.files import UnsafeFile, read_owned, replace_content, sha256_of
from opsagent_tools.redact import redact_env
from opsagent_tools.supervisors.pm2.core import Core
from opsagent_tools.supervisors.pm2.hands import patience
from opsagent_tools.supervisors.pm2.home import MODULES, Home
from opsagent_tools.supervisors.pm2.units import App, text
from opsagent_tools.supervisors.port import NotPermitted, NotSupported, SupervisorError, UnknownUnit

_LONGEST = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class Module:
    """One module that a daemon runs."""

    name: str
    version: str
    state: str
    """PM2's own word: `online`, `stopped`, `errored` …"""
    settings: Mapping[str, str] = field(default_factory=dict)
    """What a person set (`pm2 set`); what is missing has the module's own default. Masked."""


def modules_of(core: Core) -> tuple[Module, ...]:
    """Return the modules of the last list."""
    settings = _read(core.home.path, core.home.uid)[0]
    return tuple(
        Module(
            name=app.name,
            version=text(app.env.get("version")),
            state=app.status,
            settings=redact_env(_plain(settings.get(app.name))),
        )
        for app in core.apps
        if app.module
    )


async def configure(core: Core, name: str, settings: Mapping[str, str]) -> str:
    """Set what `pm2 set NAME:KEY VALUE` sets, and restart the module so that it takes it up.

    Raises UnknownUnit where it is not installed, SupervisorError.
    """
    await core.raw()
    found = [app for app in core.apps if app.module and app.name == name]
    if not found:
        raise UnknownUnit(f"PM2 in {core.home.path} has no module {name!r}: `pm2 install {name}` is for a person")
    if any(not key or len(str(value)) > _LONGEST or not key.isidentifier() for key, value in settings.items()):
        raise NotSupported(f"a setting of {name} has a plain name and up to {_LONGEST} characters")
    merged = _write(core.home, name, settings)
    for app in found:
        await _restart(core, app, merged)
    said = ", ".join(f"{key}={value}" for key, value in redact_env(dict(settings)).items())
    return f"{name}: {said}"


async def _restart(core: Core, app: App, settings: Mapping[str, str]) -> None:
    env: dict[str, Any] = {**settings, app.name: json.dumps(dict(settings))}
    await core.rpc.call("restartProcessId", {"id": app.pm_id, "env": env}, timeout_s=patience(app, starts=True))


def _write(home: Home, name: str, settings: Mapping[str, str]) -> dict[str, str]:
    path, uid = home.path / MODULES, home.check()
    known, content = _read(home.path, uid)
    merged = {**_plain(known.get(name)), **settings}
    try:
        new = json.dumps({**known, name: merged}, indent=4, ensure_ascii=False).encode()
        replace_content(path, new, replaces=sha256_of(content), uid=uid)
    except UnsafeFile as error:
        raise NotPermitted(f"the settings of modules stay as they are: {error}") from error
    except OSError as error:
        raise SupervisorError(f"{path} could not be written: {error.strerror}") from error
    return merged


def _read(home: Path, uid: int) -> tuple[dict[str, Any], bytes]:
    try:
        content = read_owned(home / MODULES, uid)
        found = json.loads(content)
    except (OSError, UnsafeFile, ValueError):
        return {}, b""
    return (found if isinstance(found, dict) else {}), content


def _plain(settings: object) -> dict[str, str]:
    if not isinstance(settings, Mapping):
        return {}
    return {text(key): str(value) for key, value in settings.items() if isinstance(value, str | int | float | bool)}


def by_namespace(apps: Sequence[App]) -> dict[str, tuple[str, ...]]:
    """Return the units of each namespace."""
    found: dict[str, dict[str, None]] = {}
    for app in apps:
        if not app.module:
            found.setdefault(app.namespace, {})[app.unit] = None
    return {namespace: tuple(units) for namespace, units in found.items()}
