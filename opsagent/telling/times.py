"""Times as a person reads them: in their zone, with daylight saving right, and in UTC beside it. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from opsagent.views.numbers import moment


def zone_of(name: str) -> tzinfo:
    """Return the zone of an IANA name (or `UTC`). Raises ValueError for what is none."""
    if name in {"", "UTC"}:
        return UTC
    from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is no time zone: write a name of the IANA database (Europe/Berlin)") from error


def told(at: datetime, zone: str) -> str:
    """Return a moment in the zone with its abbreviation, and in UTC: `2026-03-29 03:30:00 CEST (01:30:00Z)`.

    The day in UTC is added where it is another one.
    """
    at = at.astimezone(UTC)
    if zone in {"", "UTC"}:
        return moment(at)
    local = at.astimezone(zone_of(zone))
    utc = f"{at:%H:%M:%S}Z" if local.date() == at.date() else moment(at)
    return f"{local:%Y-%m-%d %H:%M:%S} {_name(local)} ({utc})"


def clock(at: datetime, zone: str) -> str:
    """Return the time of day in the zone: `03:30:00`."""
    return f"{at.astimezone(zone_of(zone)):%H:%M:%S}"


def short(at: datetime, zone: str) -> str:
    """Return a moment to the minute with the zone's abbreviation: `03-29 03:30 CEST`."""
    local = at.astimezone(zone_of(zone))
    return f"{local:%m-%d %H:%M} {_name(local)}"


def _name(local: datetime) -> str:
    name = local.tzname() or ""
    # The database has numbers where a zone has no abbreviation of its own.
    return name if name.isalpha() else f"UTC{local:%z}"
