"""The check of `doctor` on MCP: whether the library is there, and whether the token is its owner's only."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from opsagent.cli.finding import Finding

if TYPE_CHECKING:
    from opsagent.home import Home


def mcp(home: Home) -> Iterator[Finding]:
    """Yield what is known of it. The library is an extra: without it only `opsagent mcp` and foreign servers do not work."""
    from importlib.metadata import PackageNotFoundError, version

    from opsagent.mcp_server.token import FILE, folder

    try:
        found = version("mcp")
    except PackageNotFoundError:
        mend = "for MCP clients install it: python -m pip install 'opsagent[mcp]'"
        yield Finding(about="mcp", level="note", detail="the MCP library is not installed", mend=mend)
        return
    token = folder(home.path) / FILE
    if token.exists() and token.stat().st_mode & 0o077:
        detail, mend = f"{token}: others may read the token", "opsagent mcp --new-token makes a new one"
        yield Finding(about="mcp", level="note", detail=detail, mend=mend)
        return
    said = "a token for HTTP is there" if token.exists() else "no token for HTTP yet, --http makes one"
    yield Finding(about="mcp", level="ok", detail=f"mcp {found}; {said}")
