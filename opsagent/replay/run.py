"""One replay: the sources found, read side by side in the order of time, and played to the detector. Nothing is changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from opsagent.detectors.config import DetectorConfig
from opsagent.replay.grouping import merged as merged_signatures
from opsagent.replay.grouping import recurring
from opsagent.replay.journal import JournalPast
from opsagent.replay.lines import BeatReader, Totals, Window, noting
from opsagent.replay.merging import Item, merged
from opsagent.replay.placing import Untimed, has_times
from opsagent.replay.rehearsal import Rehearsal
from opsagent.replay.sources import Wanted, all_units, deaths, happened, log_sources, pasts
from opsagent.replay.stage import Stage
from opsagent.replay.words import Replayed, Seen, SourceRead
from opsagent_tools.logs.miner import Miner
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId

LEAD_IN_S = 3600.0
"""What is read before the wanted time, so that the detector knows what is usual."""


class Progress(NamedTuple):
    """How far the reading is."""

    lines: int
    bytes_done: int
    bytes_all: int


class Replay:
    """Finds the sources when it is made; `run` reads them."""

    def __init__(
        self,
        wanted: Wanted,
        *,
        since: float,
        until: float,
        specs: Mapping[str, ServiceSpec] | None = None,
        config: DetectorConfig | None = None,
        progress: Callable[[Progress], None] = lambda _: None,
    ) -> None:
        """`since`, `until`: seconds since the epoch."""
        self._began = time.perf_counter()
        self.since, self.until = since, until
        self._specs, self._config, self._progress = specs, config, progress
        self._window = Window(since=since - LEAD_IN_S, until=until, now=until)
        self._totals = Totals(miner=Miner(), progress=self._count)
        self._lines = self._bytes = self._bytes_all = 0
        self._wanted = wanted
        self._pasts = pasts(wanted, self._window, self._totals)
        self.units: tuple[Unit, ...] = all_units(wanted, self._pasts)

    def run(self, only: frozenset[UnitId] | None = None) -> Replayed:
        """Read everything, of `only` these units (None: of all), and return what was found."""
        units = [unit for unit in self.units if only is None or unit.id in only]
        sources = log_sources(units, self._wanted, self._window, self._totals)
        self._bytes_all = sum(source.read.packed_bytes for source in sources)
        streams: list[Iterable[Item]] = []
        reads: list[SourceRead] = []
        died: dict[UnitId, list[float]] = {}
        for past in self._pasts:
            died |= deaths(past)
            streams.append([one for one in happened(past) if only is None or one.unit is None or one.unit in only])
            reads.append(past.log.read)
        for journal in self._journals(units):
            reads += journal.reads.values()
            streams += [journal.happened(), journal.logged()]
        untimed = [Untimed(source, self._totals) for source in sources if not has_times(source)]
        without = {id(one.source) for one in untimed}
        for source in sources:
            reads.append(source.read)
            if id(source) not in without:
                streams.append(noting(source, BeatReader(source, self._totals, self._window).beats()))
        streams += [one.placed(died.get(one.source.unit, ())) for one in untimed]
        rehearsal = Rehearsal(Stage(units, self._specs), self._config)
        for item in merged(streams):
            rehearsal.take(item)
        rehearsal.end(self.until)
        return self._result(rehearsal, reads, untimed)

    def _journals(self, units: Sequence[Unit]) -> list[JournalPast]:
        found = []
        for scope in ("system", "user"):
            its = [unit for unit in units if unit.journal.partition("/")[0] == scope]
            if its:
                found.append(JournalPast(scope, its, self._window, self._totals))
        return found

    def _result(self, rehearsal: Rehearsal, reads: list[SourceRead], untimed: list[Untimed]) -> Replayed:
        incidents, miner = rehearsal.found(self.since), self._totals.miner
        for one in incidents:
            one.signatures = merged_signatures(one.signatures, miner.resolve, miner.template)
        unplaced: dict[UnitId, dict[str, Seen]] = {}
        for log in untimed:
            errors = unplaced.setdefault(log.source.unit, {})
            for seen in merged_signatures(log.errors.values(), miner.resolve, miner.template):
                if seen.key in errors:
                    errors[seen.key].count += seen.count
                else:
                    errors[seen.key] = seen
        return Replayed(
            since=self.since,
            until=self.until,
            sources=reads,
            unread=self._totals.unread,
            incidents=incidents,
            recurring=recurring(incidents),
            noticed=dict(sorted(rehearsal.noticed.items())),
            unplaced=[
                (unit, seen)
                for unit, errors in sorted(unplaced.items())
                for seen in sorted(errors.values(), key=lambda seen: (-seen.count, seen.key))
            ],
            took_s=time.perf_counter() - self._began,
        )

    def _count(self, count: int, lines: int) -> None:
        self._bytes += count
        self._lines += lines
        self._progress(Progress(self._lines, self._bytes, self._bytes_all))
