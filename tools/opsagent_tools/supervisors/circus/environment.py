"""The environment that an instance is started with."""

from __future__ import annotations

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus import marks
from opsagent_tools.supervisors.circus.state import Base
from opsagent_tools.units import UnitId


def service_env(base: Base, spec: ServiceSpec, engine: str, listen_fd: int | None) -> dict[str, str]:
    """Return the whole environment of an instance: the base, its own, and what the engine says."""
    found = {"PYTHONUNBUFFERED": "1", **base.env}  # else the last words of a killed Python service are lost
    if spec.port is not None:
        found["PORT"] = str(spec.port)
    found.update(spec.env)
    found[marks.UNIT] = str(UnitId.local("circus", spec.name))
    found[marks.ENGINE] = engine
    found.pop("LISTEN_FD", None)
    if listen_fd is not None:
        found["LISTEN_FD"] = str(listen_fd)
    return found
