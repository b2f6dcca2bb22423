"""When a schedule is due next: cron's five fields, or six with seconds first, in a named time zone.

The expressions are Debian cron's, read by cronsim, which also knows what cron does when clocks are put forward or back.
"""

from __future__ import annotations

import os
from datetime import UTC, datetime, tzinfo
from pathlib import Path

_LOCALTIME = Path("/etc/localtime")
_ZONES = "zoneinfo/"


class BadSchedule(ValueError):
    """The expression or its zone cannot be used. The text says what is wrong with it."""


def next_due(expression: str, zone: str, after: datetime) -> datetime:
    """Return the first moment (UTC) after `after` at which the schedule is due. Raises BadSchedule."""
    from cronsim import CronSim, CronSimError

    try:
        return next(CronSim(expression, after.astimezone(_zone(zone)))).astimezone(UTC)
    except CronSimError as error:
        raise BadSchedule(f"{expression!r} is no schedule ({str(error).lower() or 'bad field'})") from None
    except StopIteration:
        raise BadSchedule(f"{expression!r} is never due") from None
    except (ValueError, OverflowError, IndexError) as error:
        raise BadSchedule(f"{expression!r} is no schedule ({error})") from None


def machine_zone() -> str:
    """Return the IANA name of the machine's own time zone, `UTC` where it does not say."""
    for name in (os.environ.get("TZ", "").removeprefix(":"), _linked_zone()):
        if name and _is_zone(name):
            return name
    return "UTC"


def _zone(name: str) -> tzinfo:
    from zoneinfo import ZoneInfo

    try:
        return ZoneInfo(name or machine_zone())
    except (KeyError, ValueError, OSError):
        raise BadSchedule(f"{name!r} is no time zone") from None


def _is_zone(name: str) -> bool:
    try:
        _zone(name)
    except BadSchedule:
        return False
    return True


def _linked_zone() -> str:
    try:
        return str(_LOCALTIME.resolve(strict=True)).partition(_ZONES)[2]
    except OSError:
        return ""
