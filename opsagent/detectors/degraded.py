"""It answers, but far more slowly than it did, or only part of the time; and that for longer than a pause takes.

What is usual is the median of the answers from before (the median absolute deviation says how much they differ), so
that neither a few slow ones nor the trouble itself move it. Slow means many times slower *and* slower than people
notice; part of the time means again and again within a minute, with good answers in between. One slow stretch at the
start of a process (a cold cache), or a pause of some seconds, is nothing.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import pairwise
from statistics import median

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.suspicion import Suspicion
from opsagent.detectors.wording import quoted
from opsagent.model import EvidenceKind, Fault, Scalar, Signal, SignalKind
from opsagent.notice import Notice, NoticeKind
from opsagent.world import World
from opsagent_tools.units import UnitId, UnitState

_KEPT_USUAL = 400
_KEPT_RECENT = 240
_LEAST_S = 0.001


@dataclass(slots=True)
class _Record:
    """The answers of one unit's probe."""

    usual: deque[float] = field(default_factory=lambda: deque(maxlen=_KEPT_USUAL))
    """Seconds that good answers took, from before the last while."""
    recent: deque[Signal] = field(default_factory=lambda: deque(maxlen=_KEPT_RECENT))
    told: bool = False


class DegradedDetector:
    """Learns how each unit's probe answers, and tells when it does so badly for long enough."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._records: dict[UnitId, _Record] = {}
        self._slow: dict[UnitId, Notice] = {}

    @property
    def slow(self) -> Mapping[UnitId, Notice]:
        """Units that answer far more slowly than they did, with what there is to say about it; a live view."""
        return self._slow

    def know(self, units: list[UnitId]) -> None:
        """Forget units that are gone."""
        for gone in self._records.keys() - set(units):
            self.forget(gone)

    def forget(self, unit: UnitId) -> None:
        """It was stopped, or is gone."""
        self._records.pop(unit, None)
        self._slow.pop(unit, None)

    def over(self, unit: UnitId) -> None:
        """Its incident is over: what comes now is news, and what was before is not counted again."""
        record = self._records.get(unit)
        if record is not None:
            record.recent.clear()
            record.told = False
        self._slow.pop(unit, None)

    def observe(self, answer: Signal, world: World) -> Suspicion | None:
        """Take one answer of a probe, good or bad."""
        unit = answer.unit
        if unit is None:
            return None
        record = self._records.setdefault(unit, _Record())
        record.recent.append(answer)
        self._settle(record, answer.at)
        limit_s = self._limit_s(record)
        found = self._judge(unit, record, limit_s, world)
        if found is None:
            if answer.kind is SignalKind.PROBE_OK and not self._is_bad(answer, limit_s):
                self._slow.pop(unit, None)
            return None
        if record.told:
            return None
        record.told = True
        return found

    def _settle(self, record: _Record, now: datetime) -> None:
        """What is older than the window counts as usual, unless it was bad."""
        limit_s = self._limit_s(record)
        oldest = now - timedelta(seconds=self._config.degraded_window_s)
        while record.recent and record.recent[0].at <= oldest:
            gone = record.recent.popleft()
            if gone.kind is SignalKind.PROBE_OK and not self._is_bad(gone, limit_s):
                record.usual.append(_took_s(gone))

    def _limit_s(self, record: _Record) -> float | None:
        """Return from how many seconds on an answer is slow; None where too little is known."""
        known = list(record.usual)
        if len(known) < self._config.degraded_answers:
            # young: the first answers of what is remembered, before any trouble can have begun
            first = [_took_s(one) for one in record.recent if one.kind is SignalKind.PROBE_OK]
            known += first[: self._config.degraded_answers - len(known)]
        if len(known) < self._config.degraded_answers:
            return None
        usual = median(known)
        spread = median(abs(one - usual) for one in known)
        times = self._config.degraded_times
        return max(self._config.degraded_least_s, times * usual, usual + 2 * times * spread)

    @staticmethod
    def _is_bad(answer: Signal, limit_s: float | None) -> bool:
        return answer.kind is SignalKind.PROBE_FAILED or (limit_s is not None and _took_s(answer) > limit_s)

    def _judge(self, unit: UnitId, record: _Record, limit_s: float | None, world: World) -> Suspicion | None:
        seen = world.units.get(unit)
        if seen is None or seen.state is not UnitState.RUNNING or not seen.processes or limit_s is None:
            return None
        recent, now = list(record.recent), record.recent[-1].at
        if self._is_young(unit, world, now):
            return None
        slow = self._slow_throughout(recent, limit_s)
        if slow is not None:
            self._slow[unit] = _notice(unit, recent[-1], record, limit_s)
            return _suspicion(unit, slow, record, limit_s)
        part = self._bad_in_part(recent, limit_s)
        return _suspicion(unit, part, record, limit_s) if part is not None else None

    def _is_young(self, unit: UnitId, world: World, now: datetime) -> bool:
        """Tell whether a process of it was started, or ended, a short while ago: a start is slow, and no trouble."""
        seen, past = world.units[unit], world.history.get(unit)
        born = max(process.key.started for process in seen.processes)
        died = past.deaths[-1].at.timestamp() if past is not None and past.deaths else 0.0
        return now.timestamp() - max(born, died) < self._config.degraded_young_s

    def _slow_throughout(self, recent: list[Signal], limit_s: float) -> list[Signal] | None:
        """Return the answers since it is slow nearly all the time; at least the last one must be good and slow."""
        if recent[-1].kind is not SignalKind.PROBE_OK or not self._is_bad(recent[-1], limit_s):
            return None
        row: list[Signal] = []
        good = 0
        for answer in reversed(recent):
            good += not self._is_bad(answer, limit_s)
            row.append(answer)
            if good > self._config.degraded_good_share * len(row):
                break
        bad = [answer for answer in row if self._is_bad(answer, limit_s)]
        began = _asked_at(bad[-1])
        lasts = recent[-1].at - began >= timedelta(seconds=self._config.degraded_s)
        return bad[::-1] if lasts and len(bad) >= self._config.degraded_row else None

    def _bad_in_part(self, recent: list[Signal], limit_s: float) -> list[Signal] | None:
        """Return its bad answers, if they come again and again with good ones in between."""
        bad = [answer for answer in recent if self._is_bad(answer, limit_s)]
        if not bad or bad[-1] is not recent[-1]:
            return None
        runs = sum(self._is_bad(now, limit_s) and not self._is_bad(before, limit_s) for before, now in pairwise(recent))
        since = [answer for answer in recent if answer.at >= bad[0].at]
        lasts = bad[-1].at - bad[0].at >= timedelta(seconds=self._config.degraded_s)
        often = len(bad) >= self._config.degraded_share * len(since)
        return bad if runs >= self._config.degraded_runs and lasts and often else None


def _took_s(answer: Signal) -> float:
    return max(_LEAST_S, float(answer.data.get("latency_s", 0.0)))


def _asked_at(answer: Signal) -> datetime:
    return answer.at - timedelta(seconds=_took_s(answer))


def _suspicion(unit: UnitId, bad: list[Signal], record: _Record, limit_s: float) -> Suspicion:
    began = _asked_at(bad[0])
    worst = max(bad, key=_took_s)
    told = Signal(
        kind=worst.kind,
        unit=unit,
        at=worst.at,
        evidence=worst.evidence,
        data={**worst.data, "limit_s": round(limit_s, 3), "bad": len(bad), "of": _answers_since(record, bad[0].at)},
    )
    symptoms = (told,) if worst is bad[-1] else (told, bad[-1])
    return Suspicion(fault=Fault.DEGRADED, unit=unit, began_at=began, symptoms=symptoms, may_be_upstream=True)


def _answers_since(record: _Record, since: datetime) -> int:
    return sum(answer.at >= since for answer in record.recent)


def _notice(unit: UnitId, answer: Signal, record: _Record, limit_s: float) -> Notice:
    usual = median(record.usual) if record.usual else limit_s
    text = f"{quoted(unit.name)} answers its probe in {_took_s(answer):.2f} s, {usual:.3f} s is usual"
    data: dict[str, Scalar] = {"metric": "latency", "latency_s": round(_took_s(answer), 4), "usual_s": round(usual, 4)}
    kind = NoticeKind.LEVEL_SHIFT
    return Notice(kind=kind, unit=unit, at=answer.at, evidence=EvidenceKind.PROBE, text=text, data=data)
