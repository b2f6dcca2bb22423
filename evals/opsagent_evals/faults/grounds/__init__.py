"""What runs a scenario's services: the embedded engine, or PM2."""

from __future__ import annotations

from opsagent.home import Home
from opsagent_evals.faults.grounds.ground import Ground, GroundError
from opsagent_evals.faults.place import Place
from opsagent_evals.faults.scenario import SUPERVISORS

__all__ = ["NAMES", "Ground", "GroundError", "ground"]

NAMES = SUPERVISORS


def ground(name: str, place: Place, home: Home, *, defaults: bool = False) -> Ground:
    """Return the ground of that name; nothing runs yet. `defaults`: with the supervisor's own settings for restarts."""
    if name == "engine":
        from opsagent_evals.faults.grounds.engine import EngineGround

        return EngineGround(home)
    if name == "pm2":
        from opsagent_evals.faults.grounds.pm2 import Pm2Ground

        return Pm2Ground(place, defaults=defaults)
    raise ValueError(f"{name}: a scenario's supervisor is one of {', '.join(NAMES)}")
