"""How far an action reaches beyond what its supervisor does: the unit, files of the unit's own, or the machine. Pure."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterable, Iterator
from enum import IntEnum
from pathlib import Path

from opsagent.naming import is_host
from opsagent_tools.actions import Action, ActionName
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit


class Reach(IntEnum):
    """Changes beyond the supervisor are a class of their own: it knows nothing of them, and cannot take them back."""

    UNIT = 0
    """The unit and its processes, through its supervisor or a signal."""
    OWN_FILES = 1
    """Files below the unit's folders, its logs, and what its description declares."""
    MACHINE = 2
    """Files of the machine or of others, and processes that nobody supervises."""


FILE_ACTIONS: frozenset[ActionName] = frozenset(
    {
        ActionName.ROLLBACK_CONFIG,
        ActionName.QUARANTINE,
        ActionName.RESTORE_MODE,
        ActionName.ROTATE_LOG,
        ActionName.TRUNCATE_LOG,
        ActionName.SET_LOG_LEVEL,
        ActionName.RUN_RUNBOOK_COMMAND,
    }
)
"""Actions that touch the files that their arguments name."""

NOBODYS = frozenset(
    "/ /bin /boot /dev /dev/shm /etc /home /lib /lib64 /media /mnt /opt /proc /root /run /sbin /srv /sys /tmp /usr "
    "/usr/local /var /var/lib /var/log /var/run /var/spool /var/tmp".split()
)
"""Folders that belong to nobody in particular: a service that starts there does not own what is below."""
SYSTEM = ("/bin", "/boot", "/dev", "/etc", "/lib", "/lib64", "/proc", "/sbin", "/sys", "/usr")
"""What is below is the machine's, unless a description declares that very file."""


def paths_in(action: Action) -> tuple[str, ...]:
    """Return the absolute paths that the arguments of an action name, `..` and doubled slashes taken out.

    An argument may be a path, a line with paths in it (a command), or a list in JSON with paths in it.
    """
    found: dict[str, None] = {}
    for value in action.args.values():
        for word in _words(value, split=action.name is ActionName.RUN_RUNBOOK_COMMAND):
            if word.startswith("/"):
                found[posixpath.normpath("/" + word.lstrip("/"))] = None
    return tuple(found)


def _words(value: object, *, split: bool) -> Iterator[str]:
    if isinstance(value, list):
        for one in value:
            yield from _words(one, split=split)
    if not isinstance(value, str):
        return
    if value.startswith("["):
        try:
            yield from _words(json.loads(value), split=split)
        except ValueError:
            pass
        else:
            return
    yield value
    if split:
        yield from value.replace("=", " ").replace(",", " ").replace(":", " ").split()


def reach_of(action: Action, unit: Unit | None, spec: ServiceSpec | None, folders: Iterable[str] = ()) -> Reach:
    """Return how far an action reaches. `folders` are the unit's own beside what `spec` declares."""
    if action.name is ActionName.FREE_PORT or (is_host(action.unit) and action.name is not ActionName.ESCALATE):
        return Reach.MACHINE
    if action.name not in FILE_ACTIONS or action.name is ActionName.RUN_RUNBOOK_COMMAND:
        return Reach.UNIT
    if "definition" in action.args:  # what its supervisor is told, and no file
        return Reach.UNIT
    paths = paths_in(action)
    if not paths:  # a signal to the unit's own process, or nobody knows which file: then it is the machine's
        return Reach.UNIT if action.name is ActionName.SET_LOG_LEVEL else Reach.MACHINE
    declared, below = _declared(unit, spec), tuple(_folders(spec, folders))
    own = all(path in declared or _is_below(path, below) for path in paths)
    return Reach.OWN_FILES if own else Reach.MACHINE


def _declared(unit: Unit | None, spec: ServiceSpec | None) -> frozenset[str]:
    """Return the files that people, or the supervisor, named as the unit's."""
    named: list[Path | None] = [*(unit.logs if unit is not None else ())]
    if spec is not None:
        named += [*spec.config_files, *spec.logs, spec.out_file, spec.error_file, spec.log_file, spec.pid_file]
    return frozenset(posixpath.normpath(str(path)) for path in named if path is not None)


def _folders(spec: ServiceSpec | None, folders: Iterable[str]) -> Iterable[str]:
    for folder in (*((str(spec.cwd),) if spec is not None else ()), *folders):
        plain = posixpath.normpath(folder)
        if plain.startswith("/") and plain not in NOBODYS and not _is_below(plain, SYSTEM):
            yield plain


def _is_below(path: str, folders: Iterable[str]) -> bool:
    return any(path == folder or path.startswith(folder + "/") for folder in folders)
