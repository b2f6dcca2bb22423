"""`opsagent ps`: all services at a glance."""

from __future__ import annotations

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.listing import list_services


def command(*, json: JsonFlag = False, home: HomeDir = None) -> int:
    """List all services: state, processes, what they use, health.

    CPU is the share of one core since the process started, as in ps(1). Health, incidents and the agent's mode come
    from the daemon (`opsagent watch`); where none runs they are unknown.
    """
    return list_services(as_json=json, home=home)
