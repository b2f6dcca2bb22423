"""When a unit of several instances is asked side by side, and what of the answers is told.

Now and then, at a pace that the configured interval bounds; again soon while some answers are bad; and somewhat sooner
where its log has errors: text leads a look, what the probe says counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from opsagent_tools.probes.health import ProbeResult

_EACH, _MOST = 2, 16
"""So many questions for each instance, and so many at once at most."""
_EVERY_S, _INTERVALS = 8.0, 4.0
"""Between two rounds: so long, and at least so many intervals of the probe."""
_FIRST_S, _LEAST_S = 2.0, 0.25
_AGAIN_S, _AGAIN_TIMES, _DOUBTS = 1.5, 12, 3
"""While answers are bad the next round comes this soon, so many bad ones long, then at the usual pace; so many good ones
in a row end that: one that is ill may be busy with another question just then."""
_LED_S, _LED_TIMES, _LED_AGAIN_S = 2.0, 4, 120.0
"""A log that has errors leads so many rounds that find nothing, each this long after the one before; then no more for a
while: whoever can write into it must not have the service asked as often as he likes."""
_TOO_MANY, _TOLD = 429, 2
"""Who says that he is asked too often is well; and so many bad answers of a round are told."""
_SAYS = frozenset({"status", "error"})
"""What an instance that answers badly does. One that is late in a round may only be busy; nobody there is no instance."""


@dataclass(slots=True)
class Turns:
    """The rounds of one unit. Times are of the monotonic clock, in seconds."""

    interval_s: float
    _due: float = field(default=0.0, init=False)
    _last: float = field(default=float("-inf"), init=False)
    _bad_rounds: int = field(default=0, init=False)
    _doubts: int = field(default=0, init=False)
    was_well: bool = field(default=False, init=False)
    """A whole round was answered without a bad answer."""
    _led: int = field(default=0, init=False)
    _led_at: float = field(default=float("-inf"), init=False)

    def questions(self, instances: int, now: float) -> int:
        """Return how many questions are to be put side by side now; 0: none."""
        if instances < 2:
            self._due = 0.0
            return 0
        if not self._due:
            self._due = now + _FIRST_S
        if now < self._due:
            return 0
        self._last, self._due = now, now + max(_EVERY_S, _INTERVALS * self.interval_s)
        return min(_EACH * instances, _MOST)

    def lead(self, now: float) -> bool:
        """Its log has an error: tell whether it is asked sooner for that."""
        if now - self._led_at >= _LED_AGAIN_S:
            self._led = 0
        if not self._due or self._led >= _LED_TIMES or self._due - now <= _LED_S:
            return False
        self._led, self._led_at = self._led + 1, now
        self._due = max(now, self._last + _LED_S)
        return True

    def bad(self, answers: Sequence[ProbeResult], now: float) -> list[ProbeResult]:
        """Return the bad answers of a round. The question before it was answered well: all bad is no service that is down,
        but one instance that took all of them. What never answered a whole round well cannot be asked side by side: nothing.
        """
        found = [one for one in answers if one.reason in _SAYS and one.status != _TOO_MANY]
        self.was_well = self.was_well or (not found and any(one.ok for one in answers))
        if not self.was_well:
            return []
        if found:
            self._bad_rounds, self._doubts, self._led = self._bad_rounds + 1, _DOUBTS, 0
        elif self._doubts:
            self._doubts -= 1
        if not self._doubts:
            self._bad_rounds = 0
        elif self._bad_rounds <= _AGAIN_TIMES:
            self._due = now + _AGAIN_S
        return found[:_TOLD]

    def pause_s(self, pause_s: float, now: float) -> float:
        """Return how long to wait before asking again, where a round may be due before."""
        return min(pause_s, max(_LEAST_S, self._due - now)) if self._due else pause_s
