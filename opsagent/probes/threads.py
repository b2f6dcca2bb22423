"""What each thread of a unit waits for at this moment: kept before it is restarted. Nothing is stopped or attached to.

Of every thread the state, where it sleeps in the kernel (wchan), its system call, and its kernel stack, where we may
read them. No debugger, no signal: SIGQUIT and SIGUSR1 make some programs talk, and end others.
"""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from pathlib import Path

from opsagent.model import EvidenceKind, Scalar
from opsagent.probes.room import Found, Room, name_of
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import UnitId

# ruff: noqa: PTH208

_MOST_PROCESSES, _MOST_THREADS, _MOST_FRAMES = 8, 24, 6


async def threads(room: Room, unit_id: UnitId) -> Found:
    """Look at the threads of the unit's processes once."""
    direct = [process.pid for process in (await room.unit(unit_id)).processes]
    lines, waits, count = await asyncio.to_thread(_look, direct)
    if not count:
        said = f"{unit_id.name} has no process"
        return Found(kind=EvidenceKind.KERNEL, facts={"failed": said, "said": said})
    most = ", ".join(f"{number} in {where}" for where, number in waits.most_common(4))
    facts: dict[str, Scalar] = {"threads": count, "said": f"{count} threads: {most}"}
    return Found(kind=EvidenceKind.KERNEL, facts=facts, text=UntrustedText("\n".join(lines)))


def _look(direct: list[int]) -> tuple[list[str], Counter[str], int]:
    lines: list[str] = []
    waits: Counter[str] = Counter()
    count = 0
    for pid in with_descendants(direct, parents())[:_MOST_PROCESSES]:
        try:
            tasks = sorted(os.listdir(f"/proc/{pid}/task"), key=int)
        except OSError:
            continue
        for tid in tasks[:_MOST_THREADS]:
            folder = Path(f"/proc/{pid}/task/{tid}")
            state, name = _state(folder)
            if not state:
                continue
            where = _text(folder / "wchan") or "0"
            where = "running" if where == "0" and state == "R" else where
            waits[where] += 1
            count += 1
            call = _text(folder / "syscall").partition(" ")[0]
            frames = [line.partition("] ")[2].partition("+")[0] for line in _text(folder / "stack").splitlines()]
            stack = f", {' < '.join(frames[:_MOST_FRAMES])}" if frames else ""
            lines.append(f"{pid}/{tid} {name}: {state}, {where}, system call {call or 'not told'}{stack}")
    return lines, waits, count


def _state(folder: Path) -> tuple[str, str]:
    text = _text(folder / "stat")
    name, _, rest = text.partition("(")[2].rpartition(") ")
    return rest[:1], name_of(name)


def _text(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8", errors="replace").strip()
    except OSError:
        return ""
