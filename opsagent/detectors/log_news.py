"""Something is logged that was not logged before: at all, since a release, or since it was thought repaired."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TypeVar

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.wording import ago, quoted
from opsagent.model import EvidenceKind, Incident, Signal, SignalKind
from opsagent.notice import Notice, NoticeKind
from opsagent_tools.units import UnitId

_ERRORS = frozenset({"error", "fatal"})
_V = TypeVar("_V")
_KEPT = 500
"""Signatures that are remembered of one unit."""
_OLD_INCIDENT_S = 600.0
"""Of an incident of an earlier life it is not known whether its errors were common: what is logged this soon is."""


@dataclass(slots=True)
class _Repaired:
    """An error signature of an incident that was repaired."""

    incident: str
    at: datetime
    sure: bool
    """False: nobody knows whether it was common before the incident."""


@dataclass(slots=True)
class _Known:
    """What is known of one unit."""

    since: datetime
    last_new: datetime
    """When it logged something new that was no error."""
    released: datetime | None = None
    errors: OrderedDict[str, datetime] = field(default_factory=OrderedDict)
    """When each error signature was seen first."""
    repaired: OrderedDict[str, _Repaired] = field(default_factory=OrderedDict)
    pending: OrderedDict[str, None] = field(default_factory=OrderedDict)
    """Errors that were new while nobody wanted to hear of it: news if they go on afterwards."""


class NewsDetector:
    """Knows for how long it knows each unit, and which errors belonged to incidents."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._units: dict[UnitId, _Known] = {}
        self._began: datetime | None = None

    def know(self, units: list[UnitId], now: datetime) -> None:
        """Begin to know; forget units that are gone."""
        self._began = self._began or now
        for unit in units:
            self._of(unit, now)
        for gone in self._units.keys() - set(units):
            del self._units[gone]

    def released(self, unit: UnitId, at: datetime) -> None:
        """The unit got another release then."""
        known = self._of(unit, at)
        known.released = max(at, known.released) if known.released is not None else at

    def repaired(self, incident: Incident, now: datetime, *, sure: bool = True) -> None:
        """An incident is thought repaired: its errors are not expected again.

        `sure` False: it was of an earlier life of the agent, which errors were common before it is not known.
        """
        known = self._of(incident.unit, now)
        before = incident.began_at - timedelta(seconds=self._config.errors_before_s)
        for symptom in incident.symptoms:
            key = key_of(symptom)
            if symptom.kind is not SignalKind.LOG_ERROR or symptom.unit != incident.unit or not key:
                continue
            if sure and known.errors.get(key, before) < before:
                continue  # it was logged long before
            _keep(known.repaired, key, _Repaired(incident.id, now, sure))

    def observe(self, signal: Signal, now: datetime, *, muted: bool) -> Notice | None:
        """Take LOG_NEW or LOG_ERROR. `muted`: nobody wants to hear of this unit now."""
        if signal.unit is None or not key_of(signal):
            return None
        known = self._of(signal.unit, now)
        if signal.kind is SignalKind.LOG_NEW:
            return self._new(signal, known, now, muted=muted)
        return self._error(signal, known, now, muted=muted)

    def _new(self, signal: Signal, known: _Known, now: datetime, *, muted: bool) -> Notice | None:
        level = str(signal.data.get("level", ""))
        if level in _ERRORS:
            if now - known.since < timedelta(seconds=self._config.news_warmup_s) and known.released is None:
                return None
            if muted:
                _keep(known.pending, key_of(signal), None)
                return None
            return self._news(signal, known, now, level)
        quiet_s = (now - known.last_new).total_seconds()
        known.last_new = now
        age_s = (now - known.since).total_seconds()
        needed_s = self._config.news_settle_s if level == "warn" else self._config.news_info_s
        if muted or age_s < needed_s or quiet_s < self._config.news_settle_s:
            return None
        return self._news(signal, known, now, level or "info")

    def _error(self, signal: Signal, known: _Known, now: datetime, *, muted: bool) -> Notice | None:
        key = key_of(signal)
        if key not in known.errors:
            _keep(known.errors, key, now)
        if muted:
            return None
        if key in known.pending:
            del known.pending[key]
            return self._news(signal, known, now, "error")
        repaired = known.repaired.get(key)
        if repaired is None:
            return None
        began = self._began or now
        if not repaired.sure and now - began < timedelta(seconds=_OLD_INCIDENT_S):
            del known.repaired[key]
            return None
        if now - repaired.at < timedelta(seconds=self._config.came_back_s):
            return None
        del known.repaired[key]
        text = f"logs again what {repaired.incident} was made of, thought repaired {ago(repaired.at, now)}: {_what(signal)}"
        return _notice(NoticeKind.CAME_BACK, signal, now, text, incident=repaired.incident)

    def _news(self, signal: Signal, known: _Known, now: datetime, level: str) -> Notice:
        since = known.released
        loud = level in _ERRORS or level == "warn"
        if loud and since is not None and now - since <= timedelta(seconds=self._config.release_s):
            text = f"logs a new {_kind(level)} since the release {ago(since, now)}: {_what(signal)}"
            return _notice(NoticeKind.NEW_SINCE_RELEASE, signal, now, text, level=level)
        return _notice(
            NoticeKind.NEW_SIGNATURE, signal, now, f"logs a new {_kind(level)}: {_what(signal)}", level=level
        )

    def _of(self, unit: UnitId, now: datetime) -> _Known:
        known = self._units.get(unit)
        if known is None:
            known = self._units[unit] = _Known(since=now, last_new=now)
        return known


def key_of(signal: Signal) -> str:
    """Return the durable key of what was logged; its template where an older sense gave no key."""
    return str(signal.data.get("key") or signal.data.get("signature", ""))


def _kind(level: str) -> str:
    return "error" if level in _ERRORS else "warning" if level == "warn" else "kind of line"


def _what(signal: Signal) -> str:
    return quoted(str(signal.data.get("signature") or signal.text or ""))


def _notice(kind: NoticeKind, signal: Signal, now: datetime, text: str, **more: str) -> Notice:
    assert signal.unit is not None
    data = {"key": key_of(signal), "signature": str(signal.data.get("signature", "")), **more}
    words = quoted(signal.unit.name) + f" {text}"
    return Notice(kind=kind, unit=signal.unit, at=now, evidence=EvidenceKind.TEXT, text=words, data=data)


def _keep(kept: OrderedDict[str, _V], key: str, value: _V) -> None:
    kept[key] = value
    if len(kept) > _KEPT:
        kept.popitem(last=False)
