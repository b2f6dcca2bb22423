"""The environment that an instance is started with."""

from __future__ import annotations

import os
from collections.abc import Mapping

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.services.users import home_of, name_of
from opsagent_tools.supervisors.circus import marks
from opsagent_tools.supervisors.circus.state import Base
from opsagent_tools.units import UnitId

CHANNEL_FD = "NODE_CHANNEL_FD"
CHANNEL_FORM = "NODE_CHANNEL_SERIALIZATION_MODE"


def service_env(
    base: Base,
    spec: ServiceSpec,
    engine: str,
    listen_fd: int | None,
    *,
    number: int = 1,
    channel_fd: int | None = None,
) -> dict[str, str]:
    """Return the whole environment of an instance: the base, its own, and what the engine says.

    `number`: the instance's place, from 1; it is told from 0.
    """
    found = {"PYTHONUNBUFFERED": "1"}  # else the last words of a killed Python service are lost
    found |= _filtered(base.env, spec.filter_env) | _user(spec)
    if spec.port is not None:
        found["PORT"] = str(spec.port)
    found.update(spec.env)
    if spec.increment_var:
        found[spec.increment_var] = str(int(found.get(spec.increment_var, "0")) + number - 1)
    if spec.instance_var:
        found[spec.instance_var] = str(number - 1)
    found[marks.UNIT] = str(UnitId.local("circus", spec.name))
    found[marks.ENGINE] = engine
    for name, descriptor in (("LISTEN_FD", listen_fd), (CHANNEL_FD, channel_fd)):
        found.pop(name, None)
        if descriptor is not None:
            found[name] = str(descriptor)
    if channel_fd is not None:
        found[CHANNEL_FORM] = "json"
    return found


def _filtered(base: Mapping[str, str], withheld: tuple[str, ...]) -> dict[str, str]:
    if "*" in withheld:
        return {}
    exact = {item.removeprefix("=") for item in withheld if item.startswith("=")}
    parts = [item for item in withheld if item and not item.startswith("=")]
    return {
        name: value for name, value in base.items() if name not in exact and not any(part in name for part in parts)
    }


def _user(spec: ServiceSpec) -> dict[str, str]:
    """Return who and where an instance of another user is: it must not look for its files in the engine's home."""
    if spec.uid is None or spec.uid == os.geteuid():
        return {}
    name, home = name_of(spec.uid), home_of(spec.uid)
    return {
        **({"HOME": home} if home else {}),
        **({"USER": name, "LOGNAME": name} if name else {}),
    }
