"""`[mcp]` of the configuration: what is read, and what is refused with its mend."""

from __future__ import annotations

from pathlib import Path

import pytest

from opsagent.config import ConfigError, parse


def config(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "config.toml"
    path.write_text(text)
    return path


def test_servers_are_read(tmp_path: Path) -> None:
    text = """
[mcp.servers.docs]
command = ["docs-server", "--quiet"]
tools = ["search"]
env = ["DOCS_TOKEN"]
[mcp.servers.wiki]
url = "https://wiki.example/mcp"
send = true
token_file = "wiki.token"
timeout_s = 5
"""
    docs, wiki = parse(config(tmp_path, text)).mcp.servers
    assert (docs.name, docs.command, docs.tools, docs.env) == (
        "docs",
        ("docs-server", "--quiet"),
        ("search",),
        ("DOCS_TOKEN",),
    )
    assert (wiki.url, wiki.send, wiki.token_file, wiki.timeout_s, wiki.tools) == (
        "https://wiki.example/mcp", True, "wiki.token", 5.0, None,
    )  # fmt: skip
    assert parse(config(tmp_path, "")).mcp.servers == ()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[mcp.servers.docs]\nurl = "https://wiki.example/"', "send = true"),
        ('[mcp.servers.docs]\nurl = "https://me:pw@wiki.example/"\nsend = true', "is a secret"),
        ("[mcp.servers.docs]\ntools = []", "command and url"),
        ('[mcp.servers.docs]\ncommand = ["a"]\nurl = "http://x/"\nsend = true', "command and url"),
        ('[mcp.servers."Docs x"]\ncommand = ["a"]', "cannot be the name"),
        ('[mcp.servers.docs]\ncomand = ["a"]', "unknown key"),
        ("[mcp]\nserver = {}", "unknown key"),
        ('[mcp.servers.docs]\ncommand = ["a"]\nenv = ["A B"]', "cannot be the name of a variable"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse(config(tmp_path, text))
