"""Durations, sizes and times as people read them. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # `ps` has durations only, and does not load it
    from datetime import datetime

_UNITS = ((86400, "d"), (3600, "h"), (60, "m"))


def duration(seconds: float | None) -> str:
    """Return `3d 4h`, `12m 5s`, `0.4s`; `-` for what is not known."""
    if seconds is None:
        return "-"
    if seconds < 10:
        return f"{max(seconds, 0.0):.1f}s"
    if seconds < 60:
        return f"{seconds:.0f}s"
    whole = int(seconds)
    for (size, letter), (smaller, small) in zip(_UNITS, (*_UNITS[1:], (1, "s")), strict=True):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size}{letter} {rest}{small}" if rest else f"{whole // size}{letter}"
    return f"{whole}s"


def size(count: float | None) -> str:
    """Return bytes as `12.3M` (powers of 1024); `-` for what is not known."""
    if count is None:
        return "-"
    value = float(count)
    for letter in ("B", "K", "M", "G"):
        if value < 1024:
            return f"{value:.0f}{letter}" if letter in "BK" else f"{value:.1f}{letter}"
        value /= 1024
    return f"{value:.1f}T"


def percent(share: float | None) -> str:
    """Return a share of one core as `12.3%`; `-` for what is not known."""
    return "-" if share is None else f"{share * 100:.1f}%"


def moment(at: datetime) -> str:
    """Return a UTC time to the second, `2026-01-31 12:00:05Z`."""
    return f"{at:%Y-%m-%d %H:%M:%S}Z"


def seconds_of(text: str) -> float:
    """Read a duration: `90`, `90s`, `5m`, `2h`, `1d`, `1h30m`. Raises ValueError."""
    import re

    match = re.fullmatch(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip().lower(), re.ASCII)
    if match is None or not any(match.groups()):
        raise ValueError(f"not a duration: {text!r} (write 90s, 5m, 2h or 1d)")
    days, hours, minutes, seconds = match.groups()
    return int(days or 0) * 86400.0 + int(hours or 0) * 3600 + int(minutes or 0) * 60 + float(seconds or 0)
