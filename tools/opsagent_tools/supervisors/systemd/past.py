"""What systemd wrote into its journal about the processes of units. Pure: its own messages in, events out.

Only what the journal itself says came from systemd counts (`_PID=1`, or the user's manager by its own name and user): any
program may send an entry that names a unit.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from opsagent_tools.supervisors.past import PastEvent, PastKind, Stops

FIELDS = "MESSAGE,_SYSTEMD_UNIT,_SYSTEMD_USER_UNIT,UNIT,USER_UNIT,_PID,_COMM,_UID"
_EXITED = re.compile(r"\S+: Main process exited, code=(?P<how>exited|killed|dumped), status=(?P<status>\d+)(?:/\S*)?")
_AGAIN = re.compile(r"\S+: Start request repeated too quickly\.")
_STOPPING = "Stopping "


def is_systemds(entry: Mapping[str, Any], scope: str, uid: int) -> bool:
    """Tell whether systemd itself wrote this entry, of the machine's manager or of that of user `uid`."""
    if scope == "system":
        return str(entry.get("_PID")) == "1"
    return entry.get("_COMM") == "systemd" and str(entry.get("_UID")) == str(uid)


def events(entries: Iterable[tuple[float, str, str]]) -> Iterator[PastEvent]:
    """Tell what systemd says. Each entry: when, of which unit (as it is named here), the message."""
    return Stops().told(_events(entries))


def _events(entries: Iterable[tuple[float, str, str]]) -> Iterator[PastEvent]:
    stopping: set[str] = set()
    runs: set[str] = set()
    for at, unit, message in entries:
        if message.startswith(_STOPPING):
            stopping.add(unit)
        elif message.startswith("Started "):
            stopping.discard(unit)
            runs.add(unit)
            yield PastEvent(kind=PastKind.SPAWNED, at=at, name=unit)
        elif (exited := _EXITED.match(message)) is not None:
            runs.discard(unit)
            kind = PastKind.ENDED if unit in stopping else PastKind.DIED
            yield PastEvent(kind=kind, at=at, name=unit, exit_code=_code(exited))
        elif _AGAIN.match(message):
            yield PastEvent(kind=PastKind.GAVE_UP, at=at, name=unit, reason="it was restarted too often")
        elif message.startswith("Stopped ") and unit in stopping:
            stopping.discard(unit)
            if unit in runs:  # it ended with code 0, which systemd does not tell
                runs.discard(unit)
                yield PastEvent(kind=PastKind.ENDED, at=at, name=unit)


def _code(exited: re.Match[str]) -> int:
    status = int(exited["status"])
    return status if exited["how"] == "exited" else -status
