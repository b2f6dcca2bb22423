"""`opsagent demo`: the whole story on this machine."""

from __future__ import annotations

from opsagent.cli.common import HomeDir, JsonFlag


def command(*, json: JsonFlag = False, home: HomeDir = None) -> int:  # noqa: ARG001  # every command takes --home
    """Show the whole story: real faults, repaired unattended, then again from memory.

    Runs in a temporary home with services of its own, and takes everything down again; --home is not touched.
    Exit code 0 only if every claim held. Takes less than two minutes.
    """
    from opsagent.demo.run import run_demo

    return run_demo(json=json)
