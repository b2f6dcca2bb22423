"""The recent past of the machine itself: part of the world, painted by the host sense. No I/O."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from opsagent.model import Signal

_SAMPLES_KEPT = 180
_MOUNT_SAMPLES_KEPT = 180
_GONE_AFTER = timedelta(seconds=120)
"""A file system of which nothing was heard for this long is not mounted any more."""


@dataclass(slots=True)
class HostHistory:
    """What the machine's samples said lately."""

    samples: deque[Signal] = field(default_factory=lambda: deque(maxlen=_SAMPLES_KEPT))
    mounts: dict[str, deque[Signal]] = field(default_factory=dict)
    """By mount point, oldest first; the last one is how it is now."""

    def apply(self, signal: Signal) -> None:
        """Take one HOST_SAMPLE: of the machine, or of one file system (`mount` in its data)."""
        mount = signal.data.get("mount")
        if mount is None:
            self.samples.append(signal)
            self._drop_gone(signal.at)
            return
        self.mounts.setdefault(str(mount), deque(maxlen=_MOUNT_SAMPLES_KEPT)).append(signal)

    def number(self, name: str) -> float | None:
        """Return the latest figure of this name; None where the machine does not tell it."""
        value = self.samples[-1].data.get(name) if self.samples else None
        return float(value) if isinstance(value, int | float) else None

    def _drop_gone(self, now: datetime) -> None:
        for mount in [mount for mount, series in self.mounts.items() if now - series[-1].at > _GONE_AFTER]:
            del self.mounts[mount]
