"""The leak detector on processes that were made to measure: some leak, the others only look like it.

Every process goes through the whole of its life sample by sample. The healthy ones live for twelve hours, beginning
with their start; one alarm at any time is a false alarm. The leaking ones begin to leak two to six hours after their
start, and must be found within four hours of that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from random import Random

from opsagent_evals.metrics.heaps import heaps
from opsagent_evals.metrics.teeth import HOUR, Course, teeth
from opsagent_tools.metrics.leak import Leak, LeakFound

Generator = Callable[[Course], Iterator[tuple[float, float]]]
GENERATORS: dict[str, Generator] = {"teeth": teeth, "heaps": heaps}
"""`teeth` was developed on, with seeds below `REPORTED`; `heaps` was not."""
RATES = (2.0, 5.0, 10.0)
"""MiB per hour."""
BAR_RATE = 5.0
HEALTHY_H, WITHIN_H = 12.0, 4.0
REPORTED = 7_000_000
"""The first seed of what is reported; development used smaller ones."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LeakRow:
    """One generator, one rate."""

    generator: str
    per_hour: float
    """MiB; 0: healthy."""
    processes: int
    told: int
    """How many were told: false alarms where nothing leaks, leaks found in time where something does."""

    @property
    def rate(self) -> float:
        return self.told / self.processes


def courses(count: int, per_hour: float, first_seed: int) -> Iterator[Course]:
    """Yield what `count` processes go through; the same for the same seed."""
    for seed in range(first_seed, first_seed + count):
        if not per_hour:
            yield Course(seed=seed, hours=HEALTHY_H)
            continue
        onset = Random(-seed).uniform(2 * HOUR, 6 * HOUR)  # noqa: S311  # no secret
        yield Course(seed=seed, hours=onset / HOUR + WITHIN_H, per_hour=per_hour, leaks_from=onset)


def told(samples: Iterable[tuple[float, float]], after_s: float = 0.0) -> LeakFound | None:
    """Return the first leak that is told `after_s` seconds after the first sample, or later."""
    leak = Leak()
    begin = None
    for at, value in samples:
        begin = at if begin is None else begin
        found = leak.add(at, value)
        if found is not None and at - begin >= after_s:
            return found
    return None


def put_to_it(count: int, first_seed: int = REPORTED) -> Sequence[LeakRow]:
    """Return a row per generator and rate, `count` processes each (healthy ones: twice as many)."""
    rows = []
    for name, generator in GENERATORS.items():
        for per_hour in (0.0, *RATES):
            processes = count if per_hour else 2 * count
            found = [told(generator(course), course.leaks_from) for course in courses(processes, per_hour, first_seed)]
            rows.append(
                LeakRow(
                    generator=name,
                    per_hour=per_hour,
                    processes=processes,
                    told=sum(one is not None for one in found),
                )
            )
    return rows


def share(rows: Sequence[LeakRow], per_hour: float) -> float:
    """Return the share of processes with this rate that were told, over all generators."""
    chosen = [row for row in rows if row.per_hour == per_hour]
    return sum(row.told for row in chosen) / sum(row.processes for row in chosen)
