"""Which of several instances is ill: each answer of the configured probe is laid to the process that gave it.

The instances share one socket, so that nobody can be addressed alone; but the kernel tells who accepted the probe's
own connection. Where the probe cannot tell, the kernel's figures are compared: one that differs from all its siblings.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from opsagent.model import EvidenceKind, Scalar, SignalKind
from opsagent.probes.kernel import mood_of
from opsagent.probes.room import Found, Room
from opsagent_tools.probes.answering import Answer, ask_whom
from opsagent_tools.processes.activity import observe
from opsagent_tools.processes.family import parents, with_descendants
from opsagent_tools.services.spec import Health
from opsagent_tools.units import Process, UnitId

_MOST, _EACH = 60, 8
"""So many questions at most, and so many for each instance."""
_ENOUGH = 3
"""So many answers must an instance have given before it is judged."""
_TIME_S, _SIDE_BY_SIDE, _PATIENCE_S = 2.4, 4, 0.6
_SLOW_TIMES, _SLOW_LEAST_S = 5.0, 0.5
_WATCHED_S = 0.3


async def workers(room: Room, unit_id: UnitId) -> Found:
    """Ask the configured probe again and again, and see who answers how."""
    unit, spec = await room.unit(unit_id), room.spec(unit_id)
    if len(unit.processes) < 2:
        said = f"{unit_id.name} has one instance"
        return Found(kind=EvidenceKind.PROBE, facts={"instances": len(unit.processes), "ill_pid": 0, "said": said})
    tree = await asyncio.to_thread(parents)
    owner = {pid: one.pid for one in unit.processes for pid in with_descendants([one.pid], tree)}
    watching = asyncio.create_task(_odd(unit.processes, tree))
    answers: list[Answer] = []
    if spec is not None and spec.health is not None:
        answers = await _ask(_impatient(room, unit_id, spec.health), owner, len(unit.processes))
    odd = await watching
    bad, good = _tally(answers, owner)
    facts = _judged(unit.processes, bad, good, answers) | odd
    return Found(kind=EvidenceKind.PROBE, facts={**facts, "said": _said(unit_id, facts)})


def _impatient(room: Room, unit: UnitId, health: Health) -> Health:
    """Return the probe with less patience: what takes far longer than usual is bad, however long one could wait."""
    past = room.world.history.get(unit)
    took = (
        sorted(float(one.data["latency_s"]) for one in past.answers if one.kind is SignalKind.PROBE_OK) if past else []
    )
    usual_s = took[len(took) // 2] if took else health.timeout_s
    return replace(health, timeout_s=min(health.timeout_s, max(_PATIENCE_S, _SLOW_TIMES * usual_s)))


async def _ask(health: Health, owner: Mapping[int, int], instances: int) -> list[Answer]:
    loop = asyncio.get_running_loop()
    until = loop.time() + _TIME_S
    answers: list[Answer] = []
    while loop.time() < until and len(answers) < min(_MOST, _EACH * instances):
        # side by side: one that is ill must not use up the time of all
        some = await asyncio.gather(*(ask_whom(health, list(owner)) for _ in range(_SIDE_BY_SIDE)))
        answers += some
    return answers


def _tally(answers: Sequence[Answer], owner: Mapping[int, int]) -> tuple[Counter[int], Counter[int]]:
    """Return bad and good answers by instance; 0: nobody was seen to take it."""
    fast = sorted(one.result.latency_s for one in answers if one.result.ok)
    usual_s = fast[len(fast) // 2] if fast else 0.0
    limit_s = max(_SLOW_LEAST_S, usual_s * _SLOW_TIMES)
    bad: Counter[int] = Counter()
    good: Counter[int] = Counter()
    for one in answers:
        who = owner.get(one.pid or 0, 0)
        (good if one.result.ok and one.result.latency_s <= limit_s else bad)[who] += 1
    return bad, good


def _judged(
    processes: Sequence[Process], bad: Counter[int], good: Counter[int], answers: Sequence[Answer]
) -> dict[str, Scalar]:
    """Name the one instance whose answers are bad, where the others' are good."""
    facts: dict[str, Scalar] = {
        "instances": len(processes),
        "asked": len(answers),
        "bad": bad.total(),
        "ill_pid": 0,
        "nobody_bad": bad[0],
    }
    ill = [pid for pid in bad if pid and bad[pid] >= _ENOUGH and bad[pid] > 4 * good[pid]]
    others = [process.pid for process in processes if process.pid not in ill]
    others_bad, others_good = sum(bad[pid] for pid in others), sum(good[pid] for pid in others)
    if len(ill) == 1 and others_good >= _ENOUGH * 2 and not others_bad:
        started = next((process.key.started for process in processes if process.pid == ill[0]), 0.0)
        facts |= {
            "ill_pid": ill[0],
            "ill_started": started,
            "ill_bad": bad[ill[0]],
            "ill_good": good[ill[0]],
            "others_good": others_good,
        }
    return facts


async def _odd(processes: Sequence[Process], tree: Mapping[int, int]) -> dict[str, Scalar]:
    """Return the one instance that the kernel sees to be unlike its siblings: stopped, or spinning."""

    def watch(pid: int) -> str:
        seen = observe(with_descendants([pid], tree), _WATCHED_S)
        if seen is None:
            return ""
        word = "stopped by a signal" if seen.stopped else "spinning" if mood_of(seen)["spinning"] else ""
        return word or ("waiting for a disk" if seen.uninterruptible else "")

    words = await asyncio.gather(*(asyncio.to_thread(watch, one.pid) for one in processes))
    found = [(one.pid, word) for one, word in zip(processes, words, strict=True) if word]
    if len(found) != 1 or len(processes) < 3:
        return {"odd_pid": 0, "odd": ""}
    return {"odd_pid": found[0][0], "odd": found[0][1]}


def _said(unit: UnitId, facts: Mapping[str, Scalar]) -> str:
    if facts["ill_pid"]:
        return (
            f"instance {facts['ill_pid']} of {unit.name} gave {facts['ill_bad']} bad answers and {facts['ill_good']} "
            f"good ones, the others {facts['others_good']} good ones and no bad one"
        )
    odd = f"; instance {facts['odd_pid']} is {facts['odd']}" if facts.get("odd_pid") else ""
    return f"{facts['bad']} of {facts['asked']} answers of {unit.name} were bad{odd}"
