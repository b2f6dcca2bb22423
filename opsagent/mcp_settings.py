"""`[mcp]` as a value: MCP servers of others whose tools a chat model may use to look. Standard library only."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ForeignServer:
    """One server of somebody else. What it says is untrusted text."""

    name: str
    command: tuple[str, ...] = ()
    """The program that is started for it and talks over standard input and output."""
    url: str = ""
    """Instead of a command: where it serves streamable HTTP."""
    send: bool = False
    """With a URL: that what a model writes as arguments may go there, secrets masked. Without it nothing is asked."""
    tools: tuple[str, ...] | None = None
    """The tools that may be used, whatever they declare; None: those that declare that they only read."""
    env: tuple[str, ...] = ()
    """Names of variables that the program gets beside `PATH` and the language."""
    token_file: str = ""
    """File with the bearer token for the URL, its owner's only; relative: in the home's folder `mcp`."""
    timeout_s: float = 20.0
    """How long a call may take."""


@dataclass(frozen=True, slots=True, kw_only=True)
class McpSettings:
    """`[mcp]`."""

    servers: tuple[ForeignServer, ...] = ()
