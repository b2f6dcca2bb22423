"""NAB's way of scoring, written anew from its definition (Lavin and Ahmad 2015, arXiv:1510.03336).

A detector gives each point of a series a score from 0 to 1; what reaches the threshold is a detection. The first 15 %
of a series (at most 750 points) are not judged. Each labelled window counts once, by the best placed detection in it:
nearly 1 at its left edge, 0 at its right one; a window without detection costs the profile's weight of a miss. Each
detection outside of windows costs the weight of a false alarm, less just behind a window. The sum is set between that
of the detector that says nothing (0) and that of one that detects every window at once (100).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

PROBATION_SHARE = 0.15
PROBATION_MOST = 5000
_FAR = 3.0
"""So many widths behind a window a false alarm costs all of its weight."""
NOTHING = 1.1
"""A threshold that no score reaches."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Profile:
    """What hits, misses and false alarms weigh."""

    name: str
    hit: float
    miss: float
    false_alarm: float


STANDARD = Profile(name="standard", hit=1.0, miss=1.0, false_alarm=0.11)
LOW_FP = Profile(name="reward_low_FP_rate", hit=1.0, miss=1.0, false_alarm=0.22)
LOW_FN = Profile(name="reward_low_FN_rate", hit=1.0, miss=2.0, false_alarm=0.11)
PROFILES = (STANDARD, LOW_FP, LOW_FN)


@dataclass(frozen=True, slots=True)
class Place:
    """What a detection at one point is worth, before weights."""

    worth: float
    window: str | None
    """None: outside of all windows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Best:
    """The best threshold of a sweep."""

    threshold: float
    raw: float


def probation(points: int) -> int:
    """Return how many points at the beginning of a series of this length are not judged."""
    return math.ceil(min(math.floor(PROBATION_SHARE * points), PROBATION_SHARE * PROBATION_MOST))


def places(times: Sequence[str], windows: Sequence[tuple[str, str]], series: str) -> list[Place]:
    """Return what a detection is worth at each point; the first `probation` ones are in the list, too.

    `times` are sorted, and hold both ends of each window.
    """
    where = {time: index for index, time in reversed(list(enumerate(times)))}
    found: list[Place] = []
    behind: tuple[int, int] | None = None
    for left, right in ((where[first], where[last]) for first, last in windows):
        found += [Place(_outside(index, behind), None) for index in range(len(found), left)]
        width = right - left + 1
        name = f"{series}|{left}"
        found += [Place(_curve(-(right - index + 1) / width), name) for index in range(left, right + 1)]
        behind = (right, width)
    return found + [Place(_outside(index, behind), None) for index in range(len(found), len(times))]


def sweep(judged: Iterable[tuple[float, Place]], profile: Profile) -> Best:
    """Return the threshold with the highest sum over all judged points (score, place); the highest one of several."""
    best, threshold = Best(threshold=NOTHING, raw=-math.inf), NOTHING
    total, windows = _Total(profile), sorted(judged, key=lambda pair: -pair[0])
    total.miss_all(place for _, place in windows)
    for score, place in windows:
        if score != threshold:
            if total.sum > best.raw:
                best = Best(threshold=threshold, raw=total.sum)
            threshold = score
        total.detect(place)
    return Best(threshold=threshold, raw=total.sum) if total.sum > best.raw else best


def at_threshold(judged: Iterable[tuple[float, Place]], profile: Profile, threshold: float) -> float:
    """Return the sum at a threshold that was decided elsewhere."""
    total, all_of_them = _Total(profile), list(judged)
    total.miss_all(place for _, place in all_of_them)
    for score, place in all_of_them:
        if score >= threshold:
            total.detect(place)
    return total.sum


def normalised(raw: float, judged: Iterable[tuple[float, Place]], windows: int, profile: Profile) -> float:
    """Return `raw` as a score: 0 for saying nothing, 100 for detecting each of `windows` at its left edge."""
    nothing = _Total(profile)
    nothing.miss_all(place for _, place in judged)
    return 100.0 * (raw - nothing.sum) / (windows * profile.hit - nothing.sum)


class _Total:
    """The sum while detections are added."""

    def __init__(self, profile: Profile) -> None:
        self._profile = profile
        self._best: dict[str, float] = {}
        self._top = _curve(-1.0)
        self.sum = 0.0

    def miss_all(self, places: Iterable[Place]) -> None:
        for name in {place.window for place in places if place.window is not None}:
            self._best[name] = -self._profile.miss
            self.sum -= self._profile.miss

    def detect(self, place: Place) -> None:
        if place.window is None:
            self.sum += place.worth * self._profile.false_alarm
            return
        worth = place.worth * self._profile.hit / self._top
        before = self._best[place.window]
        if worth > before:
            self._best[place.window] = worth
            self.sum += worth - before


def _curve(position: float) -> float:
    return -1.0 if position > _FAR else 2.0 / (1.0 + math.exp(5.0 * position)) - 1.0


def _outside(index: int, behind: tuple[int, int] | None) -> float:
    if behind is None:
        return -1.0
    right, width = behind
    return _curve((index - right) / (width - 1)) if width > 1 else -1.0


Scored = Mapping[str, Sequence[float]]
"""A detector's scores, by series."""
