"""Error lines of the last moments, by unit, and the signals that they make. Bounded."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from opsagent.detectors.config import DetectorConfig
from opsagent.model import EvidenceKind, Scalar, Signal, SignalKind
from opsagent.replay.stage import moment
from opsagent.replay.words import Seen
from opsagent_tools.redact import redact
from opsagent_tools.text import UntrustedText
from opsagent_tools.units import UnitId

_KEPT = 512
_SAMPLES = 20_000
_TEXT = 500


class Echo:
    """Remembers the last error lines, and one redacted line of each signature."""

    def __init__(self, config: DetectorConfig) -> None:
        self._config = config
        self._last: dict[UnitId, deque[tuple[float, Seen]]] = {}
        self._samples: dict[tuple[UnitId, str], UntrustedText] = {}

    def heard(self, unit: UnitId, at: float, seen: Seen) -> None:
        """Take note of an error."""
        self._last.setdefault(unit, deque(maxlen=_KEPT)).append((at, seen))

    def lately(self, unit: UnitId, now: float, seconds: float) -> list[tuple[float, Seen]]:
        """Return the errors of the last seconds, oldest first."""
        return [(at, seen) for at, seen in self._last.get(unit, ()) if at >= now - seconds]

    def much(self, unit: UnitId, now: float) -> bool:
        """Tell whether the unit writes so many errors that a burst is not over."""
        window = self._config.burst_window_s
        return sum(seen.count for _, seen in self.lately(unit, now, window)) >= self._config.burst_lines / 2

    def signal(self, kind: SignalKind, unit: UnitId, at: float, seen: Seen) -> Signal:
        """Return the signal that a sense would have told of it."""
        data: Mapping[str, Scalar] = (
            {"signature": seen.template, "key": seen.key, "count": seen.count}
            if kind is SignalKind.LOG_ERROR
            else {"signature": seen.template, "key": seen.key, "level": seen.level}
        )
        text = self.sample(unit, seen)
        return Signal(kind=kind, unit=unit, at=moment(at), evidence=EvidenceKind.TEXT, data=data, text=text)

    def sample(self, unit: UnitId, seen: Seen) -> UntrustedText:
        """Return one line of the signature, redacted once."""
        found = self._samples.get((unit, seen.key))
        if found is None:
            if len(self._samples) >= _SAMPLES:
                self._samples.clear()
            line = redact(" ".join(seen.line[: 2 * _TEXT].split()))
            found = self._samples[unit, seen.key] = UntrustedText(line).truncated(_TEXT)
        return found
