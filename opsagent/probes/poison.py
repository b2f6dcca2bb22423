"""The one item of a spool that a service opens last before each of its deaths, as the kernel sees it.

It is watched over the next restarts of its supervisor, for some seconds: which files in the service's own data folders
are opened, and when its processes die. What a file is called, or what a log says of it, shows nothing. An item of a spool
is a file that came since the service was last well, in a folder of such files, or one whose siblings of then are gone:
they were worked off. Code, configuration, databases, locks, logs, and what the service itself writes are none.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from opsagent import kept_modes
from opsagent.model import EvidenceKind, Scalar, Signal
from opsagent.own_files import is_shared, open_files, own_folders
from opsagent.probes.own_logs import seen
from opsagent.probes.room import Found, Room
from opsagent.probes.service import last_lines, log_paths
from opsagent.world import World
from opsagent_tools.files import UnsafeFile, read_owned, sha256_of
from opsagent_tools.processes.touched import Touch, Touches
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

WATCHED_S = 14.0
"""At most; it ends as soon as it is clear."""
_POLL_S = 0.02
_SLACK_S = 0.1
"""What the kernel told is read so much later, at most."""
_OFTEN = 5
"""Nobody opens an item more often than this in one life."""
_SURE = 2
"""So many deaths in a row, each right after the same item was opened."""
_LIVES = 3
"""And so many before that: once is an accident."""
_MOST_FOLDERS = 200
_MOST_FILES = 2000
_LEFT_OUT = frozenset({"node_modules", ".git", "__pycache__", ".venv", "venv", "site-packages", "lib", "bin"})
_NO_ITEM = frozenset(
    ".py .pyc .js .mjs .cjs .ts .pl .pm .rb .sh .bash .jar .class .java .so .php .lua .go .rs .c .h .exe .dll .wasm "
    ".toml .ini .conf .cfg .env .properties .service .pem .key .crt .cer .db .db3 .sqlite .sqlite3 .wal .shm .journal "
    ".lock .lck .pid .log .out .err .sock .tmp .swp .part .ldb .rdb .aof".split()
)
_NO_ITEMS_NAME = re.compile(
    r"(?:^|[._-])(?:config|settings?|schema|state|index|manifest|offsets?|checkpoint|cursor|catalog|lock|pid|db|cache)"
    r"(?:$|[._-])",
    re.IGNORECASE,
)
_EXCUSES = re.compile(
    r"ECONN\w+|[Cc]onnection (?:was )?(?:refused|reset)|ENOTFOUND|EAI_\w+|getaddrinfo|[Nn]ame or service not known"
    r"|ETIMEDOUT|ENOSPC|[Nn]o space left|EACCES|EPERM|[Pp]ermission denied|EADDRINUSE|[Aa]ddress already in use"
    r"|OutOfMemoryError|MemoryError|heap out of memory|EMFILE|[Tt]oo many open files|UnknownHost\w*"
)
"""How runtimes and libc call what another cause than an item has."""
_LINES_READ = 60
_DATABASES = (b"SQLite format 3\0", b"\x7fELF", b"#!")


async def poison_item(room: Room, unit_id: UnitId) -> Found:
    """Watch the unit over its next restarts, and tell which item it opens last before each death."""
    unit, spec, world = await room.unit(unit_id), room.spec(unit_id), room.world
    logs = await log_paths(room, unit_id)
    home = room.last_good_dir.parent if room.last_good_dir is not None else None
    if len(world.past(unit_id).deaths) < _LIVES:
        return _nothing(f"{unit.name} has not died {_LIVES} times")
    folders = await asyncio.to_thread(_data_folders, spec, home)
    if not await asyncio.to_thread(_has_items, folders, unit, home):
        return _nothing(f"{unit.name} has no spool: nothing in its folders comes and goes")
    touches = await asyncio.to_thread(Touches.of, folders)
    if touches is None:
        return _nothing("nothing can be watched here")
    try:
        lives = await _watch(touches, world, unit_id)
    finally:
        touches.close()
    facts = await asyncio.to_thread(_judge, lives, world, unit, spec, home)
    excuse = await asyncio.to_thread(_excuse, logs) if facts["found"] else ""
    if excuse:
        return _nothing(f"{facts['said']}; but its last words speak of something else ({excuse})")
    return Found(kind=EvidenceKind.KERNEL, facts=facts)


def _nothing(said: str) -> Found:
    return Found(kind=EvidenceKind.KERNEL, facts={"found": False, "said": said})


@dataclass(frozen=True, slots=True)
class _Life:
    """One life of the unit's process, as far as it was seen, and what was touched since the death before it."""

    born: float | None
    """Seconds since the epoch; None: it came and went before anybody looked at it."""
    died: float
    touches: tuple[Touch, ...]

    def strangers(self) -> set[str]:
        """Return what was opened while no process of the unit was there, or far too often: by somebody else."""
        opened = [touch for touch in self.touches if touch.opened]
        outside = {touch.path for touch in opened if self.born is not None and touch.at < self.born - _SLACK_S}
        often = {touch.path for touch in opened if sum(one.path == touch.path for one in opened) > _OFTEN}
        return outside | often


async def _watch(touches: Touches, world: World, unit: UnitId) -> list[_Life]:
    """Return what was touched before each death that was seen, all of it up to then."""
    loop = asyncio.get_running_loop()
    until = loop.time() + WATCHED_S
    deaths = world.past(unit).deaths
    last: Signal | None = deaths[-1] if deaths else None
    begun: list[Touch] = []
    lives: list[_Life] = []
    while loop.time() < until and len(lives) <= _SURE:
        await asyncio.sleep(_POLL_S)
        begun += touches.take()
        newest = deaths[-1] if deaths else None
        if newest is None or newest is last:
            continue
        last, at = newest, newest.at.timestamp()
        before = tuple(touch for touch in begun if touch.at <= at + _SLACK_S)
        begun = [touch for touch in begun if touch.at > at + _SLACK_S]
        lives.append(_Life(newest.process.started if newest.process is not None else None, at, before))
    # Of the first life the beginning was not seen; it counts only where it has anything to tell.
    return [life for number, life in enumerate(lives) if number or any(touch.opened for touch in life.touches)]


def _judge(
    lives: Sequence[_Life], world: World, unit: Unit, spec: ServiceSpec | None, home: Path | None
) -> dict[str, Scalar]:
    if len(lives) < _SURE:
        return {
            "found": False,
            "lives": len(lives),
            "said": f"{unit.name} died {len(lives)} times while it was watched",
        }
    touched = [touch for life in lives for touch in life.touches]
    written = {touch.path for touch in touched if touch.written}.union(*(life.strangers() for life in lives))
    eaten = {os.path.dirname(touch.path) for touch in touched if touch.gone}  # noqa: PTH120
    known = kept_modes.known_files(home, unit.id) if home is not None else {}
    no_item = {str(path) for path in (*(spec.config_files if spec is not None else ()), *unit.logs)}
    owners = {unit.uid, os.geteuid()}
    last: list[str | None] = []
    verdicts: dict[str, bool] = {}
    for life in lives:
        opened = [touch.path for touch in life.touches if touch.opened and touch.path not in written]
        for path in opened:
            if path not in verdicts:
                verdicts[path] = path not in no_item and _is_item(path, owners, known, eaten)
        last.append(next((path for path in reversed(opened) if verdicts[path]), None))
    item = last[-1]
    if item is not None and _reads_all_at_once(item, lives, verdicts, owners, known):
        return {
            "found": False,
            "said": f"{unit.name} opens all items of its spool before each death: which of them is not known",
        }
    if item is not None and (beside := _read_whole(item, lives[-1], known)):
        return {
            "found": False,
            "said": f"{unit.name} reads {os.path.dirname(item)} whole, {os.path.basename(beside)} too, which was there"  # noqa: PTH119, PTH120
            f" when it was last well: that is no spool, whatever {os.path.basename(item)} is",  # noqa: PTH119
        }
    if item is None or any(each != item for each in last[-_SURE:]) or last.count(item) < len(last) - 1:
        return {
            "found": False,
            "lives": len(lives),
            "said": f"no item of a spool is opened before each death of {unit.name}",
        }
    return _told(Path(item), len(lives), world, unit, owners)


def _reads_all_at_once(
    item: str, lives: Sequence[_Life], verdicts: Mapping[str, bool], owners: Iterable[int], known: Mapping[str, int]
) -> bool:
    """Tell whether several items are opened in one life, and none waits: the last that was opened tells nothing then."""
    opened = {touch.path for life in lives for touch in life.touches if touch.opened and verdicts.get(touch.path)}
    opened = {path for path in opened if os.path.lexists(path)}  # what was worked off tells nothing
    if len(opened) < 2:
        return False
    folder = os.path.dirname(item)  # noqa: PTH120
    try:
        there = [os.path.join(folder, name) for name in os.listdir(folder)]  # noqa: PTH118, PTH208
    except OSError:
        return True
    return not any(path not in opened and _is_item(path, owners, known, (folder,)) for path in there)


def _read_whole(item: str, life: _Life, known: Mapping[str, int]) -> str:
    """Return a file of the same kind that was read beside the item as it is each time, or nothing.

    A folder of rules, of plugins, of configuration is read whole at each start, and what is in it stays.
    """
    folder, suffix = os.path.dirname(item), os.path.splitext(item)[1]  # noqa: PTH120, PTH122
    alike = (
        touch.path
        for touch in life.touches
        if touch.opened and touch.path != item and touch.path in known and os.path.dirname(touch.path) == folder  # noqa: PTH120
    )
    return next((path for path in alike if os.path.splitext(path)[1] == suffix and os.path.lexists(path)), "")  # noqa: PTH122


def _excuse(logs: Iterable[Path]) -> str:
    """Return what in its last words explains its deaths without any item. Text only ever keeps from doing something."""
    found = _EXCUSES.search("\n".join(last_lines(logs)[-_LINES_READ:]))
    return found.group(0) if found is not None else ""


def _told(item: Path, lives: int, world: World, unit: Unit, owners: Iterable[int]) -> dict[str, Scalar]:
    others = [one.unit.name for one in seen(world) if one.unit.id != unit.id and _holds(one.pids, item)]
    if others:
        return {
            "found": False,
            "said": f"{item} is opened before each death of {unit.name}, and {others[0]} has it open",
        }
    try:
        uid = item.lstat().st_uid
        content = read_owned(item, uid) if uid in owners else b""
    except (OSError, UnsafeFile) as error:
        return {
            "found": False,
            "said": f"{item} is opened before each death of {unit.name}, but cannot be read ({error})",
        }
    return {
        "found": True,
        "path": str(item),
        "sha256": sha256_of(content),
        "lives": lives,
        "uid": uid,
        "said": f"{unit.name} died {lives} times while it was watched, each time right after it had opened {item}",
    }


def _holds(pids: Iterable[int], item: Path) -> bool:
    return any(file.path == str(item) for pid in pids for file in open_files(pid))


def _is_item(path: str, owners: Iterable[int], known: Mapping[str, int], eaten: Iterable[str]) -> bool:
    """Tell whether a file is one item of many that come and go."""
    folder, name = os.path.split(path)
    suffix = os.path.splitext(name)[1].lower()  # noqa: PTH122
    if suffix in _NO_ITEM or name.startswith(".") or _NO_ITEMS_NAME.search(name):
        return False
    try:
        status = os.lstat(path)
        if not stat.S_ISREG(status.st_mode) or status.st_nlink != 1 or status.st_uid not in owners:
            return False
        if status.st_mode & 0o111 or _begins_like_a_database(path):
            return False
        beside = set(os.listdir(folder))  # noqa: PTH208
    except OSError:
        return False
    then = [os.path.basename(one) for one in known if os.path.dirname(one) == folder]  # noqa: PTH119, PTH120
    worked_off = folder in eaten or any(one not in beside for one in then)
    return worked_off or path not in known


def _has_items(folders: Iterable[str], unit: Unit, home: Path | None) -> bool:
    """Tell whether anything in these folders may be an item: else there is nothing to watch for."""
    known = kept_modes.known_files(home, unit.id) if home is not None else {}
    owners, looked_at = {unit.uid, os.geteuid()}, 0
    for folder in folders:
        try:
            names = os.listdir(folder)  # noqa: PTH208
        except OSError:
            continue
        for name in names:
            looked_at += 1
            if looked_at > _MOST_FILES:
                return True
            if _is_item(os.path.join(folder, name), owners, known, ()):  # noqa: PTH118
                return True
    return False


def _begins_like_a_database(path: str) -> bool:
    descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    try:
        return os.read(descriptor, 16).startswith(_DATABASES)
    finally:
        os.close(descriptor)


def _data_folders(spec: ServiceSpec | None, home: Path | None) -> list[str]:
    found: dict[str, None] = {}
    for top in own_folders(spec, home):
        if is_shared(top):
            continue
        for where, folders, _ in os.walk(top):
            folders[:] = sorted(name for name in folders if name not in _LEFT_OUT and not name.startswith("."))
            found[where] = None
            if len(found) >= _MOST_FOLDERS:
                return list(found)
    return list(found)
