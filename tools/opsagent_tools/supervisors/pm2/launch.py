"""Starts what an ecosystem file describes, over the daemon's own methods: no command line of PM2, no shell.

A file says what is run as the user of this PM2, so it has to be that user's, and nobody else may write to it. JSON and
YAML are read; JavaScript is evaluated for one's own user only (docs/ecosystem.md).
"""

from __future__ import annotations

import asyncio
import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from opsagent_tools.files import UnsafeFile
from opsagent_tools.services.ecosystem import documents
from opsagent_tools.services.ecosystem.evaluate import evaluate
from opsagent_tools.services.ecosystem.reader import JS_SUFFIXES, SUFFIXES
from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.fields import Wrong
from opsagent_tools.supervisors.pm2 import hands
from opsagent_tools.supervisors.pm2.core import Core
from opsagent_tools.supervisors.pm2.launch_app import Around, Resolved, apps_of, resolve
from opsagent_tools.supervisors.pm2.revive_seen import Program
from opsagent_tools.supervisors.pm2.revive_start import environment
from opsagent_tools.supervisors.pm2.units import App, by_unit, unit_name
from opsagent_tools.supervisors.port import NotPermitted, NotSupported, SupervisorError
from opsagent_tools.trust import open_owned

_PREPARE_S = 120.0
_LONGEST = 1024 * 1024
_OF_THE_USER = ("PATH", "HOME", "USER", "LOGNAME", "LANG", "LC_ALL", "TZ")


async def start_file(
    core: Core, file: Path, *, env_name: str = "", only: Sequence[str] = (), allow_network: bool = False
) -> str:
    """Start or restart the apps of a file; return one line that says what was done.

    Raises SupervisorError: NotPermitted for a file of others, NotSupported for what the daemon cannot take over.
    """
    uid = core.home.check()
    await core.raw()  # the daemon has to live: none is ever started for a file
    document = await asyncio.to_thread(_document, file, uid, allow_network)
    wanted = _resolved(core, file, document, env_name, only)
    running = by_unit(core.apps)
    for one in wanted:
        _demand_same(one, running.get(unit_name(one.name, one.namespace), []))
    said = [await _bring_up(core, one, running.get(unit_name(one.name, one.namespace), [])) for one in wanted]
    ignored = sorted({key for one in wanted for key in one.ignored})
    await core.raw()
    return "; ".join([*said, *([f"without effect: {', '.join(ignored)}"] if ignored else [])])


def _document(file: Path, uid: int, allow_network: bool) -> object:
    suffix = file.suffix.lower()
    if suffix not in SUFFIXES:
        raise NotSupported(f"{file} is no ecosystem file: their names end with {', '.join(SUFFIXES)}")
    if suffix in JS_SUFFIXES and os.geteuid() != uid:
        raise NotPermitted(f"{file} is code, and uid {os.geteuid()} does not run code for uid {uid}: use JSON or YAML")
    text = _text(file, uid)
    try:
        if suffix in JS_SUFFIXES:
            return evaluate(file, allow_network=allow_network)
        return documents.parse_json(text) if suffix == ".json" else documents.parse_yaml(text)
    except documents.Broken as broken:
        where = f" (line {broken.line})" if broken.line else ""
        raise SupervisorError(f"{file}{where}: {broken}") from None
    except ServicesFileError as error:
        raise NotPermitted(str(error)) if "is not evaluated" in str(error) else SupervisorError(str(error)) from error


def _text(file: Path, uid: int) -> str:
    try:
        with os.fdopen(open_owned(file, uid), "rb") as opened:
            mode = os.fstat(opened.fileno()).st_mode
            content = opened.read(_LONGEST + 1)
    except UnsafeFile as error:
        raise NotPermitted(f"nothing was started: {error}") from error
    except OSError as error:
        raise SupervisorError(f"{file} cannot be read: {error.strerror}") from error
    if mode & (stat.S_IWGRP | stat.S_IWOTH):
        raise NotPermitted(f"nothing was started: others may write to {file} (chmod go-w {file})")
    if len(content) > _LONGEST:
        raise SupervisorError(f"{file} is larger than {_LONGEST} bytes: is it the right file?")
    return content.decode("utf-8-sig", "replace")


def _resolved(core: Core, file: Path, document: object, env_name: str, only: Sequence[str]) -> list[Resolved]:
    raws, deployed = apps_of(document)
    profile = deployed.get(env_name) if env_name else None
    around = Around(
        base=file.absolute().parent,
        home=core.home.path,
        user=_user(core),
        env_name=env_name,
        deployed=profile if isinstance(profile, Mapping) else {},
    )
    found: list[Resolved] = []
    for number, raw in enumerate(raws):
        where = f"{file}: app {number + 1}"
        if not isinstance(raw, Mapping):
            raise SupervisorError(f'{where} is no object: write {{ "name": "api", "script": "api.js" }}')
        try:
            found.append(resolve(raw, around))
        except Wrong as wrong:
            name, key = raw.get("name"), f".{wrong.key}" if wrong.key else ""
            raise SupervisorError(f"{where} ({name}){key} {wrong.problem}: {wrong.mend}") from None
    known = {one.name for one in found}
    if unknown := [name for name in only if name not in known]:
        raise SupervisorError(
            f"{file} describes no {', '.join(unknown)} (it has: {', '.join(sorted(known)) or 'none'})"
        )
    if env_name and not any(f"env_{env_name}" in raw for raw in raws if isinstance(raw, Mapping)) and not profile:
        raise SupervisorError(f"{file} has no env_{env_name}")
    return [one for one in found if not only or one.name in only]


def _user(core: Core) -> dict[str, str]:
    """Return what the daemon's user has in every shell. Nothing of our own environment: it holds our secrets."""
    program = core.seen.program or Program(node=Path("/usr/bin/node"), package=Path())
    found = environment(core.home.path, core.home.uid, program)
    return {name: found[name] for name in _OF_THE_USER if found.get(name)}


def _demand_same(one: Resolved, apps: Sequence[App]) -> None:
    """Refuse to call it a restart where the daemon would go on with the old program."""
    for key, word in _FIXED.items():
        if apps and one.app[key] != apps[0].env.get(key):
            runs, wants = apps[0].env.get(key), one.app[key]
            raise NotSupported(
                f"{one.name} runs with another {word} ({runs}) than the file says ({wants}), which no restart changes: "
                f"delete it first"
            )


_FIXED = {"pm_exec_path": "script", "pm_cwd": "folder", "exec_mode": "mode"}


async def _bring_up(core: Core, one: Resolved, apps: Sequence[App]) -> str:
    if not apps:
        await core.rpc.call("prepare", one.app, timeout_s=_PREPARE_S)
        return f"started {one.name}" + (f" x{one.app['instances']}" if one.app["instances"] > 1 else "")
    update: dict[str, Any] = {**one.env, "current_conf": dict(one.settings)}
    await hands.each(apps, lambda app: hands.restart(core, app, dict(update)), at_once=hands.at_once(apps))
    wanted = one.app["instances"]
    more = "" if len(apps) == wanted else f" (still {len(apps)} instances; the file says {wanted}: scale it)"
    return f"restarted {one.name} with the settings of the file{more}"
