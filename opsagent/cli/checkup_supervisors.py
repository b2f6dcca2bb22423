"""What `doctor` says of supervisors: found, refused, unreachable; and the rules by which another user's units are let in."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from opsagent.cli.finding import Finding

if TYPE_CHECKING:
    from opsagent.cli.services import Running
    from opsagent_tools.supervisors.found import Found

_VERBS = ("start", "stop", "restart", "reload")


def supervisors(running: Running) -> Iterator[Finding]:
    """Look over the supervisors beside the engine."""
    for one in running.others:
        yield _found(one, running)
    if not running.others:
        yield Finding(about="supervisors", level="ok", detail="none is found beside the engine")
    for name, units in running.described.unclear().items():
        full = [f"{unit.supervisor}:{unit.name}" for unit in units]
        yield Finding(
            about="names",
            level="note",
            detail=f"[services.{name}] may mean {' or '.join(full)}: the careful half of it holds for each",
            mend=f'write it in full: [services."{full[0]}"]',
        )


def descriptions(running: Running) -> Iterator[Finding]:
    """Look for what is said of services that nobody runs: a typo would leave the right one unprotected."""
    silent = bool(running.silent) or not running.engine_running
    for name in () if silent else running.described.of_nobody():
        yield Finding(
            about="names",
            level="note",
            detail=f"[services.{name}] is about a service that nobody runs here: what it says holds for none",
            mend="check the name: `opsagent ps` lists them",
        )


def _found(one: Found, running: Running) -> Finding:
    about = one.kind or one.family
    where = f"{one.address} ({one.why})"
    if one.refused:
        return Finding(about=about, level="note", detail=f"{where} is refused: {one.refused}", mend=_of_another(one))
    silent = running.silent.get(one.kind)
    if one.state == "died":
        mend = f'`opsagent do "start {one.kind}"` brings it back with what it ran'
        return Finding(about=about, level="note", detail=f"{where}: its daemon died", mend=mend)
    if silent:
        return Finding(about=about, level="note", detail=f"{where} does not answer: {silent}")
    if one.state == "idle":
        return Finding(about=about, level="ok", detail=f"{where}: does not run")
    units = sum(unit.id.supervisor == one.kind for unit in running.units)
    process = f", process {one.pid}" if one.pid is not None else ""
    return Finding(about=about, level="ok", detail=f"{where}{process}: {units} services")


def _of_another(one: Found) -> str:
    """Say how what belongs to another user is kept: by an agent of that user."""
    from opsagent_tools.supervisors.found import user_of

    if one.uid == os.geteuid() or "let an agent of that user keep it" not in one.refused:
        return ""
    return f"sudo -u {user_of(one.uid)} -H opsagent startup"


def rights(running: Running, named: Sequence[str]) -> Iterator[Finding]:
    """Print the smallest rules by which this user may do something with the system's units that are named.

    `named`: units of `supervisors.systemd_units`. Root needs none.
    """
    machine = next((one for one in running.others if one.family == "systemd" and one.address == "system"), None)
    if machine is None or os.geteuid() == 0:
        return
    if not named:
        yield Finding(
            about="rights",
            level="note",
            detail="the system's units are watched; this user may change none of them",
            mend='name those that it may, [supervisors] systemd_units = ["nginx.service"], and look here again',
        )
    from opsagent_tools.supervisors.systemd.polkit import polkit_rule, user_name

    for unit in named:
        if any(sign in unit for sign in "*?["):
            continue  # a rule is for one unit, by its name
        file = unit if "." in unit else f"{unit}.service"
        rule = polkit_rule(user_name(), file, _VERBS)
        systemctl = shutil.which("systemctl") or "/usr/bin/systemctl"
        sudo = ", ".join(f"{systemctl} {verb} {file}" for verb in _VERBS)
        yield Finding(
            about="rights",
            level="note",
            detail=f"whether this user may change {file} is for polkit to say",
            mend=f"as root, {rule.path} with the lines below; or, for people with sudo alone, in /etc/sudoers.d: "
            f"{user_name()} ALL=(root) NOPASSWD: {sudo}",
            text=rule.text,
        )
