"""How a unit was just before a change of its instances, and what its logs say since then."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from opsagent.ends import Ends
from opsagent_tools.logs.journal import last_lines
from opsagent_tools.logs.signature import signature
from opsagent_tools.logs.since import LogMark, errors, known_signatures
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.processes.listening import holders, listening
from opsagent_tools.supervisors.port import Supervisor, SupervisorError
from opsagent_tools.units import Unit, UnitId, UnitSetup

_POLL_S = 0.05
_JOURNAL_LINES = 500
"""So many lines of a journal's end are looked at."""
_LOG_PATIENCE_S = 0.6
"""Between the end of a process and its last words in the log."""


@dataclass(slots=True, kw_only=True)
class Before:
    """How a unit was before the first new instance."""

    unit: Unit
    setup: UnitSetup | None
    owners: frozenset[int] | None
    """Whose log files are read; None: anybody's."""
    mark: LogMark
    at: float = field(default_factory=time.time)
    """When it was taken down, seconds since the epoch: what its journal says later is new."""
    known: frozenset[str]
    """Signatures of the error lines that its logs have already."""
    ports: frozenset[int]
    """Where every old instance listens itself."""
    others: set[int] = field(default_factory=set)
    """New instances that were started since."""
    ends: Ends | None = None
    """Tells how its processes end, where somebody listens."""
    latencies_s: list[float] = field(default_factory=list)
    """Of probes that old instances answered."""

    async def fresh_errors(self, supervisor: Supervisor) -> list[str]:
        """Return the error lines since then of a kind that its logs did not have."""
        files = log_files(supervisor, self.unit.id)
        lines = await asyncio.to_thread(self._lines, files)
        return [line for line in errors(lines) if signature(line) not in self.known]

    async def last_lines(self, supervisor: Supervisor) -> Sequence[bytes] | None:
        """Return what was written since then, waiting a moment for an error; None where it writes to no file."""
        deadline = asyncio.get_running_loop().time() + _LOG_PATIENCE_S
        while True:
            files = await asyncio.to_thread(self.mark.with_siblings, log_files(supervisor, self.unit.id))
            lines = await asyncio.to_thread(self._lines, files)
            if errors(lines) or asyncio.get_running_loop().time() >= deadline:
                return lines if files or self.unit.journal else None
            await asyncio.sleep(_POLL_S)

    def _lines(self, files: Sequence[Path]) -> list[bytes]:
        """Return what came since then, in files and in systemd's journal."""
        lines = list(self.mark.lines(files, self.owners))
        return lines + (last_lines(self.unit.journal, _JOURNAL_LINES, since=self.at) if self.unit.journal else [])


async def take_down(supervisor: Supervisor, unit: Unit, ends: Ends | None = None) -> Before:
    """Take down how the unit is now. `ends`: hears how its processes end from now on."""
    if ends is not None:
        await ends.follow()
    files = log_files(supervisor, unit.id)
    setup: UnitSetup | None = None
    owners: frozenset[int] | None = None
    with suppress(SupervisorError):
        setup = await supervisor.setup(unit.id)
    with suppress(SupervisorError):
        owners = _owners((await supervisor.daemon()).uid, unit.uid)
    return Before(
        unit=unit,
        ends=ends,
        setup=setup,
        owners=owners,
        mark=await asyncio.to_thread(LogMark.now, files),
        known=await asyncio.to_thread(_known, files, owners, unit.journal),
        ports=await asyncio.to_thread(common_ports, [process.pid for process in unit.processes]),
    )


def _known(files: Sequence[Path], owners: frozenset[int] | None, journal: str) -> frozenset[str]:
    """Return the signatures of the errors that its files and its journal have already."""
    lines = last_lines(journal, _JOURNAL_LINES) if journal else []
    return known_signatures(files, owners) | {signature(line) for line in errors(lines)}


def log_files(supervisor: Supervisor, unit: UnitId) -> Sequence[Path]:
    """Return where the unit writes; nothing where its supervisor does not know it any more."""
    try:
        return supervisor.log_files(unit)
    except SupervisorError:
        return ()


def _owners(daemon: int, unit: int) -> frozenset[int] | None:
    """Return whose files may be read: what a user's supervisor tells is read as that user (docs/security.md)."""
    return None if daemon in {0, os.geteuid()} else frozenset({daemon, unit})


def common_ports(pids: Sequence[int]) -> frozenset[int]:
    """Return the ports on which each of these processes (or one below it) listens."""
    sockets = {one.inode: one.port for one in listening()}
    tree = parents()
    each: list[frozenset[int]] = []
    for pid in pids:
        held = holders(sockets, with_descendants([pid], tree)).by_inode
        each.append(frozenset(sockets[inode] for inode in held))
    return frozenset.intersection(*each) if each else frozenset()
