"""What apps say on PM2's bus, beside the events of all supervisors: exceptions, messages, and lines of output."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from opsagent_tools.redact import redact
from opsagent_tools.supervisors.pm2.bus import Bus, Message
from opsagent_tools.supervisors.pm2.core import Core
from opsagent_tools.supervisors.pm2.exception import words_of
from opsagent_tools.supervisors.pm2.lines import LONGEST_LINE, Lines
from opsagent_tools.supervisors.pm2.units import text, unit_name
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import UnitId

_OUTPUT = {"log:out": "out", "log:err": "err"}


class Said(StrEnum):
    """What kind of thing an app said."""

    EXCEPTION = "exception"
    """Nobody caught it (or the app reported it)."""
    MESSAGE = "message"
    """`process.send`."""
    NOTICE = "notice"
    """An event that the app emitted for people."""
    OUT = "out"
    ERR = "err"
    LOST = "lost"
    """More was said than could be taken; `text` tells how much of what."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AppSaid:
    """One thing that one process of an app said. The text is masked, and trusted no further than any log line."""

    kind: Said
    unit: UnitId | None
    pm_id: int | None
    text: UntrustedText
    at: float
    """Seconds since the epoch, by PM2's clock; 0 where it does not say."""


_KINDS = {"process:exception": Said.EXCEPTION, "process:msg": Said.MESSAGE, "human:event": Said.NOTICE}


async def listen(
    core: Core, *, output: bool = False, opened: Callable[[], None] | None = None
) -> AsyncIterator[AppSaid]:
    """Yield what apps say from now on, until the daemon goes away. `output`: lines of their output too.

    `opened`: called once nothing more is missed.

    Raises SupervisorUnreachable, NotPermitted where the bus is not there.
    """
    bus = await Bus.open(core.home, frozenset({*_KINDS, *(_OUTPUT if output else ()), "process:event"}))
    lines = Lines()
    if opened is not None:
        opened()
    try:
        while (message := await bus.next()) is not None:
            for said in _read(core, lines, message):
                yield said
    finally:
        bus.close()


def _read(core: Core, lines: Lines, message: Message) -> list[AppSaid]:
    data = message.data
    if not message.topic:
        lost = ", ".join(f"{count} of {topic}" for topic, count in data.items())
        return [AppSaid(kind=Said.LOST, unit=None, pm_id=None, text=UntrustedText(lost), at=0.0)]
    process = data.get("process")
    if not isinstance(process, Mapping):
        return []
    if message.topic == "process:event":
        if data.get("event") != "exit":
            return []
        rest = lines.end(_key(process))
        return [_said(core, Said(stream), process, line, data) for stream, line in rest]
    if message.topic in _OUTPUT:
        stream = _OUTPUT[message.topic]
        whole = lines.feed(_key(process), stream, str(data.get("data", "")))
        return [_said(core, Said(stream), process, line, data) for line in whole]
    return [_said(core, _KINDS[message.topic], process, _words(message), data)]


def _said(core: Core, kind: Said, process: Mapping[str, Any], words: str, data: Mapping[str, Any]) -> AppSaid:
    name = unit_name(text(process.get("name")), text(process.get("namespace")))
    pm_id, at = process.get("pm_id"), data.get("at")
    return AppSaid(
        kind=kind,
        unit=core.id_of(name) if name else None,
        pm_id=pm_id if isinstance(pm_id, int) and not isinstance(pm_id, bool) else None,
        text=UntrustedText(redact(words)),
        at=at / 1000 if isinstance(at, int | float) and not isinstance(at, bool) else 0.0,
    )


def _key(process: Mapping[str, Any]) -> str:
    return f"{process.get('pm_id')!s:.40}"


def _words(message: Message) -> str:
    data = message.data
    if message.topic == "process:exception" and isinstance(data.get("data"), Mapping):
        return words_of(data)
    found = data.get("raw", data.get("data"))
    said = found if isinstance(found, str) else json.dumps(found, ensure_ascii=False, default=str)
    return said[:LONGEST_LINE]
