"""Reads `[mcp]` of `config.toml` (docs/mcp.md)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from opsagent.mcp_settings import ForeignServer, McpSettings
from opsagent_tools.services import fields
from opsagent_tools.services.fields import Wrong

_NAME = re.compile(r"[a-z][a-z0-9]{0,23}")
_EXAMPLE = 'command = ["some-mcp-server"], tools = ["search"]'


def read(table: Mapping[str, object]) -> McpSettings:
    """Return the settings. Raises Wrong, with the key that is wrong."""
    for key in table:
        if key != "servers":
            raise Wrong("unknown key", "known keys are servers", key)
    servers = fields.table(table.get("servers", {}), "[mcp.servers.NAME]")
    return McpSettings(servers=tuple(_server(name, one) for name, one in servers.items()))


def _server(name: str, table: object) -> ForeignServer:
    place = f"servers.{name}"
    if not _NAME.fullmatch(name):
        raise Wrong(f"{name!r} cannot be the name of a server", "use up to 24 of a-z and 0-9", place)
    if not isinstance(table, dict):
        raise Wrong("must be a table", f"write [mcp.servers.{name}] and below it {_EXAMPLE}", place)
    values: dict[str, object] = {}
    for key, value in table.items():
        if key not in _READERS:
            raise Wrong("unknown key", f"known keys are {', '.join(_READERS)}", f"{place}.{key}")
        try:
            values[key] = _READERS[key](value)
        except Wrong as wrong:
            raise Wrong(wrong.problem, wrong.mend, f"{place}.{key}") from None
    found = ForeignServer(name=name, **values)  # type: ignore[arg-type]  # each was read by its reader
    if bool(found.command) == bool(found.url):
        raise Wrong("names neither or both of command and url", f"write one of them: {_EXAMPLE}", place)
    if found.url and not found.send:
        mend = "write send = true if what a model writes as arguments may go there"
        raise Wrong("is somewhere else, and nothing says that anything may be sent there", mend, f"{place}.url")
    return found


def _url(value: object) -> object:
    found = fields.http_url(value)
    if "@" in found.partition("://")[2].partition("/")[0]:
        mend = 'write the token into a file of mode 0600 and here token_file = "their.token"'
        raise Wrong("a name or password in it is a secret and has no place in the configuration", mend)
    return found


def _tools(value: object) -> object:
    return fields.texts(value, 'tools = ["search"]')


def _variables(value: object) -> object:
    return tuple(fields.variable(one) for one in fields.texts(value, 'env = ["TOKEN_OF_IT"]'))


_READERS: Mapping[str, Callable[[object], object]] = {
    "command": fields.command,
    "url": _url,
    "send": fields.boolean,
    "tools": _tools,
    "env": _variables,
    "token_file": lambda value: fields.text(value, '"their.token"').strip(),
    "timeout_s": lambda value: fields.seconds(value, "20"),
}
