"""Which notices are news: the same once in a while, a number instead of fifty, none of units that nobody wants to hear of."""

from __future__ import annotations

from collections import Counter, OrderedDict, deque
from collections.abc import Callable
from datetime import datetime, timedelta

from opsagent.detectors.config import DetectorConfig
from opsagent.detectors.wording import for_long, quoted
from opsagent.notice import Notice, NoticeKind
from opsagent_tools.units import UnitId

_WHAT = ("key", "metric", "resource", "mount")
"""Data of a notice that tells it from others of its kind and unit."""
_KEPT = 5000
_Kind = tuple[UnitId, NoticeKind]


class Restraint:
    """Quiet by default."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._told: OrderedDict[tuple[UnitId, NoticeKind, str], datetime] = OrderedDict()
        self._lately: deque[tuple[datetime, _Kind]] = deque()
        self._held: Counter[_Kind] = Counter()
        self._last_held: dict[_Kind, Notice] = {}
        self._held_since: datetime | None = None

    def let(self, notice: Notice, now: datetime) -> bool:
        """Tell whether this notice is news; if not, it is counted or forgotten."""
        what = (notice.unit, notice.kind, _what(notice))
        told = self._told.get(what)
        if told is not None and now - told < timedelta(seconds=self._config.notice_again_s):
            return False
        self._told[what] = now
        self._told.move_to_end(what)
        if len(self._told) > _KEPT:
            self._told.popitem(last=False)
        self._forget(now)
        kind = (notice.unit, notice.kind)
        of_kind = sum(each == kind for _, each in self._lately)
        if of_kind >= self._config.notice_most or len(self._lately) >= self._config.notice_most_of_all:
            self._held[kind] += 1
            self._last_held[kind] = notice
            self._held_since = self._held_since or now
            return False
        self._lately.append((now, kind))
        return True

    def tick(self, now: datetime, muted: Callable[[UnitId], object]) -> list[Notice]:
        """Return one summary for each kind and unit of which too many came; of more than a few, one for all the rest.

        `muted`: units that nobody wants to hear of.
        """
        since = self._held_since
        if since is None or now - since < timedelta(seconds=self._config.notice_window_s):
            return []
        self._held_since = None
        held, self._held = self._held, Counter()
        last, self._last_held = self._last_held, {}
        wanted = [(last[kind], count) for kind, count in held.most_common() if not muted(kind[0])]
        shown, rest = wanted[: self._config.notice_most], wanted[self._config.notice_most :]
        over = now - since
        return [*(_summary(one, count, over, now) for one, count in shown), *_all_of(rest, over, now)]

    def _forget(self, now: datetime) -> None:
        limit = now - timedelta(seconds=self._config.notice_window_s)
        while self._lately and self._lately[0][0] <= limit:
            self._lately.popleft()


def _what(notice: Notice) -> str:
    return "|".join(str(notice.data[name]) for name in _WHAT if name in notice.data)


def _summary(last: Notice, count: int, over: timedelta, now: datetime) -> Notice:
    more = f"; {count} more like it were noticed in {for_long(over.total_seconds())}" if count > 1 else ""
    return _told(last, f"{last.text}{more}", count, now)


def _all_of(held: list[tuple[Notice, int]], over: timedelta, now: datetime) -> list[Notice]:
    """Return one notice for all of these; nothing where there is none."""
    if len(held) < 2:
        return [_summary(last, count, over, now) for last, count in held]
    total, units = sum(count for _, count in held), {one.unit for one, _ in held}
    of = f"of {len(units)} services" if len(units) > 1 else f"of {quoted(held[0][0].unit.name)}"
    last = max((one for one, _ in reversed(held)), key=lambda one: one.at)
    text = f"{total} more things {of} were noticed in {for_long(over.total_seconds())}, the last: {last.text}"
    return [_told(last, text, total, now)]


def _told(last: Notice, text: str, count: int, now: datetime) -> Notice:
    return Notice(kind=last.kind, unit=last.unit, at=now, evidence=last.evidence, text=text, data={"count": count})
