"""`opsagent version`."""

from __future__ import annotations

from opsagent.cli.common import HomeDir, JsonFlag


def command(*, json: JsonFlag = False, home: HomeDir = None) -> int:  # noqa: ARG001  # every command takes it
    """Show the version of this program."""
    import platform

    from opsagent import __version__
    from opsagent.cli.output import Out

    out = Out(as_json=json)
    if json:
        out.document({"version": __version__, "python": platform.python_version()})
    else:
        out.line(f"opsagent {__version__} (Python {platform.python_version()})")
    return 0
