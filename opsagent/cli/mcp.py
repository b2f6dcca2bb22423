"""`opsagent mcp`: the agent as an MCP server, for programs that read and propose."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.mcp_server.desk import Desk
    from opsagent.mcp_server.door import Address

_PORT = 8765
_INSTALL = "the MCP library is not installed: python -m pip install 'opsagent[mcp]'"


def command(
    listen: Annotated[
        str | None,
        typer.Argument(
            metavar="HOST:PORT",
            help=f"Where --http listens [default: 127.0.0.1:{_PORT}]; other machines come in only if you say so.",
            show_default=False,
        ),
    ] = None,
    *,
    http: Annotated[
        bool,
        typer.Option("--http", help="Serve streamable HTTP with a bearer token, and not standard input and output."),
    ] = False,
    name: Annotated[
        list[str] | None,
        typer.Option("--name", metavar="HOST", help="Another name that callers of --http use.", show_default=False),
    ] = None,
    new_token: Annotated[bool, typer.Option("--new-token", help="Make a new token for --http, and end.")] = False,
    servers: Annotated[
        bool,
        typer.Option(
            "--servers", help="What the servers of others offer ([mcp.servers.NAME] in config.toml), and end."
        ),
    ] = False,
    accept: Annotated[
        str | None,
        typer.Option(
            "--accept",
            metavar="NAME",
            help="You looked at what the tools of this server say of themselves now: use them.",
            show_default=False,
        ),
    ] = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Serve tools, incidents and memory to an MCP client. It may read and propose; a person says yes, on the machine.

    Started by the client it talks over standard input and output. With --http it needs the token that stands in the
    file mcp/token of the home (mode 0600).
    """
    from opsagent.cli.errors import CliError, Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home

    if servers or accept is not None:
        from opsagent.cli.mcp_servers import show_servers

        return show_servers(open_home(home), Out(as_json=json), accept)
    if not http and (listen or name):
        raise Unclear("HOST:PORT and --name belong to --http")
    place, out = open_home(home), Out(as_json=json)
    if new_token:
        return _renew(place, out)
    if not installed():
        raise CliError(_INSTALL)
    return _http(place, out, listen or "", name or []) if http else _stdio(place)


def installed() -> bool:
    """Tell whether the MCP library is there, without loading it."""
    from importlib.util import find_spec

    return find_spec("mcp") is not None


def _desk(home: Home) -> Desk:
    from opsagent.answering.answers import Answers
    from opsagent.config import Config
    from opsagent.mcp_server.desk import Desk

    Config.load(home)  # from here on its [redact] holds; what is wrong with it is told at once
    return Desk(home=home, answers=Answers(home))


def _stdio(home: Home) -> int:
    import sys

    from opsagent.mcp_server.server import serve_stdio

    if sys.stdin.isatty():
        sys.stderr.write("opsagent mcp talks to a program, which starts it itself: see docs/mcp.md; Ctrl-C ends it\n")
    asyncio.run(serve_stdio(_desk(home)))
    return 0


def _http(home: Home, out: Out, listen: str, names: list[str]) -> int:
    from opsagent.cli.errors import Code, Unclear
    from opsagent.mcp_server.door import Door, address_of
    from opsagent.mcp_server.http import serve_http
    from opsagent.mcp_server.token import FILE, folder, token_of
    from opsagent.secret_file import NoSecret

    try:
        address = address_of(listen, port=_PORT)
        token_of(home.path)  # made where there is none; what is wrong with it is told at once
    except ValueError as error:
        raise Unclear(str(error)) from error
    except NoSecret as error:
        raise Unclear(f"{error}; or `opsagent mcp --new-token` makes a new one") from error

    def ready(url: str) -> None:
        if out.as_json:
            out.document({"url": url, "token_file": str(folder(home.path) / FILE)})
        else:
            out.note(f"serves MCP at {url}; the token is in {folder(home.path) / FILE}")
        if not address.loopback:
            out.note("other machines can reach it, and nothing encrypts what is said: put a TLS proxy before it")

    def door(bound: Address) -> Door:
        return Door(lambda: token_of(home.path), bound, names)

    try:
        asyncio.run(serve_http(_desk(home), address, door, ready))
    except KeyboardInterrupt:
        return Code.INTERRUPTED
    except OSError as error:
        raise Unclear(f"{listen or address}: {error.strerror or error}") from error
    return 0


def _renew(home: Home, out: Out) -> int:
    from opsagent.mcp_server.token import renew

    path = renew(home.path)
    if out.as_json:
        out.document({"token_file": str(path)})
    else:
        out.line(f"a new token is in {path}; the old one is worth nothing any more")
    return 0
