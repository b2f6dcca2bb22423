"""The official SDK's server over the catalogue: the one module of the agent, beside `opsagent.mcp_client`, that knows MCP."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from mcp import types
from mcp.server.lowlevel import Server
from mcp.server.lowlevel.helper_types import ReadResourceContents
from mcp.shared.exceptions import McpError
from pydantic import AnyUrl

from opsagent import __version__
from opsagent.mcp_server import resources
from opsagent.mcp_server.catalogue import INSTRUCTIONS, TOOLS
from opsagent.mcp_server.desk import Call, McpTool
from opsagent.mcp_server.errors import CallError, call_error
from opsagent.mcp_server.giving import caller_name, one_line

if TYPE_CHECKING:
    from opsagent.mcp_server.desk import Desk

_LOG = logging.getLogger(__name__)
_NOT_FOUND = -32002
"""MCP's code for a resource that there is not."""
_ERROR_MAX = 500

McpServer = Server[Any, Any]


def build(desk: Desk) -> McpServer:
    """Return the server of one home. It holds nothing of a caller from one call to the next."""
    logging.getLogger("mcp").setLevel(logging.CRITICAL)  # it logs traces of connections that ended, and what they said
    server: McpServer = Server("opsagent", version=__version__, instructions=INSTRUCTIONS)

    async def list_tools() -> list[types.Tool]:
        return [_described(tool) for tool in TOOLS.values()]

    async def call_tool(name: str, arguments: dict[str, Any]) -> types.CallToolResult:
        return await _call(desk, name, arguments, _caller(server))

    async def list_resources() -> list[types.Resource]:
        found = await _translated(resources.listed(desk.home))
        return [
            types.Resource(uri=AnyUrl(one.uri), name=one.name, description=one.description, mimeType=one.mime)
            for one in found
        ]

    async def list_templates() -> list[types.ResourceTemplate]:
        return [
            types.ResourceTemplate(uriTemplate=one.uri, name=one.name, description=one.description, mimeType=one.mime)
            for one in resources.TEMPLATES
        ]

    async def read_resource(uri: AnyUrl) -> Iterable[ReadResourceContents]:
        text, mime = await _translated(resources.read(desk.home, str(uri)))
        return [ReadResourceContents(content=text, mime_type=mime)]

    # the SDK's decorators are not typed
    server.list_tools()(list_tools)  # type: ignore[no-untyped-call]
    server.call_tool()(call_tool)
    server.list_resources()(list_resources)  # type: ignore[no-untyped-call]
    server.list_resource_templates()(list_templates)  # type: ignore[no-untyped-call]
    server.read_resource()(read_resource)  # type: ignore[no-untyped-call]
    return server


def _described(tool: McpTool) -> types.Tool:
    return types.Tool(
        name=tool.name,
        title=tool.title,
        description=tool.description,
        inputSchema=tool.schema,
        annotations=types.ToolAnnotations(
            title=tool.title,
            readOnlyHint=tool.reads,
            destructiveHint=False,
            idempotentHint=tool.reads,
            openWorldHint=False,
        ),
    )


async def _call(desk: Desk, name: str, arguments: dict[str, Any], caller: str) -> types.CallToolResult:
    try:
        found = await _tool(name).run(desk, Call(arguments=arguments, caller=caller))
    except Exception as error:  # noqa: BLE001  # a caller gets a code and a line, never a trace
        told = call_error(error)
        if told.code == "internal":
            _LOG.error("a call of %s failed: %s", one_line(name, 64), one_line(f"{type(error).__name__}: {error}", 300))
        return _result(told.as_json(), failed=True)
    return _result(found, failed=False)


def _tool(name: str) -> McpTool:
    tool = TOOLS.get(name)
    if tool is None:
        raise CallError("unknown_tool", f"there is no tool {one_line(name, 64)}: there are {', '.join(TOOLS)}")
    return tool


def _result(value: dict[str, Any], *, failed: bool) -> types.CallToolResult:
    text = types.TextContent(type="text", text=json.dumps(value, ensure_ascii=False))
    return types.CallToolResult(content=[text], structuredContent=value, isError=failed)


async def _translated(work: Any) -> Any:
    """Await, with every error as MCP's own: a code and a line."""
    try:
        return await work
    except Exception as error:  # noqa: BLE001  # as above
        told = call_error(error)
        code = _NOT_FOUND if told.code == "not_found" else types.INTERNAL_ERROR
        data = types.ErrorData(code=code, message=one_line(str(told), _ERROR_MAX), data={"code": told.code})
        raise McpError(data) from None


def _caller(server: McpServer) -> str:
    """Return who calls, by its own word: a name for people to see, which gives no right."""
    try:
        params = server.request_context.session.client_params
    except LookupError:
        params = None
    return caller_name(params.clientInfo.name if params is not None else None)


async def serve_stdio(desk: Desk) -> None:
    """Serve the one caller at standard input and output, until it goes.

    Whatever else this process would print goes to standard error: a stray line would break the conversation.
    """
    import os
    import sys

    import anyio
    from mcp.server.stdio import stdio_server

    said = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    heard = os.fdopen(os.dup(sys.stdin.fileno()), "r", encoding="utf-8", errors="replace")
    sys.stdout.flush()
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    server = build(desk)
    async with stdio_server(anyio.wrap_file(heard), anyio.wrap_file(said)) as (reader, writer):
        await server.run(reader, writer, server.create_initialization_options())
