"""The hands of `rollback` and `rollback_config`: content that is kept is put back, never over what somebody changed since."""

from __future__ import annotations

from pathlib import Path

from opsagent.kept_contents import keep
from opsagent.releases import restore
from opsagent.releases.manifest import Content, content_of, load
from opsagent_tools.actions import Action, Outcome
from opsagent_tools.files import UnsafeFile, read_owned, sha256_of
from opsagent_tools.supervisors.port import NotSupported, Redefines, Supervisor
from opsagent_tools.units import UnitId

_PRIVATE = 0o600


def roll_back(action: Action, folder: Path, uid: int) -> Outcome:
    """Take the unit's release from the state `replaces` to the state `release`, both kept manifests. Blocks.

    Raises UnsafeFile, OSError.
    """
    before, after = (load(folder, str(action.args[name])) for name in ("replaces", "release"))
    if not before.unit == after.unit == action.unit:
        raise UnsafeFile(f"that is a release of {after.unit.name}")
    restore.restore(before, after, folder=folder, uid=uid)
    count = len(after.files) + len(after.config)
    files = f" ({count} file{'s' if count != 1 else ''})" if count else ""
    # What a rollback puts there holds what differs alone: its label would not be the release's.
    where = f"{Path(after.link).name} leads to {after.target}{files}" if after.link else f"what differed is back{files}"
    return Outcome(done=True, detail=where)


def roll_back_config(action: Action, folder: Path, uid: int) -> Outcome:
    """Give a configuration file its content `sha256` in place of `replaces`; empty: there is no such file. Blocks.

    Raises UnsafeFile, OSError.
    """
    path, good = Path(str(action.args["path"])), str(action.args["sha256"])
    before = Content(str(action.args["replaces"]))
    if before.there:
        keep(folder, read_owned(path, uid))  # so that the undo has it
    after = Content(good, int(action.args.get("mode", _PRIVATE)))
    restore.put_config(path, before, after, folder, uid)
    return Outcome(
        done=True, detail=f"{path.name} has its content {good[:12]} again" if good else f"{path.name} is gone"
    )


async def redefine(supervisor: Supervisor, action: Action, folder: Path) -> Outcome:
    """Have a unit run with the kept `definition` in place of `replaces`. Raises UnsafeFile, NotSupported, SupervisorError."""
    if not isinstance(supervisor, Redefines):
        raise NotSupported(f"what {action.unit.name} is started with is its supervisor's to say")
    wanted = str(action.args["definition"])
    now = await supervisor.definition(action.unit)
    if sha256_of(now) == wanted:
        return Outcome(done=True, detail=f"{action.unit.name} is started with that already")
    if sha256_of(now) != str(action.args["replaces"]):
        raise UnsafeFile(f"what {action.unit.name} is started with changed since it was looked at")
    keep(folder, now)  # so that the undo has it
    await supervisor.redefine(action.unit, content_of(folder, wanted))
    return Outcome(done=True, detail=f"{action.unit.name} is started with the command and environment it had before")


def stands(manifest: str, folder: Path, unit: UnitId, uid: int) -> bool:
    """Tell whether a unit's link, files and configuration are as a kept manifest says. Blocks.

    Raises UnsafeFile, OSError.
    """
    wanted = load(folder, manifest)
    return wanted.unit == unit and restore.stands(wanted, uid)
