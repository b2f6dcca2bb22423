"""Markdown to sections, by markdown-it-py. What a reader of the page would not see (comments, markup) is left out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from opsagent_memory.documents.html import read as read_html
from opsagent_memory.documents.parsed import Block, Parsed, SectionsBuilder

_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FRONT = re.compile(r"\A---[ \t]*\n(.*?)\n(?:---|\.\.\.)[ \t]*(?:\n|\Z)", re.DOTALL)
_FRONT_CHARS = 8_000
_FRONT_KEYS = 50
_FRONT_VALUE_CHARS = 500


def read(text: str) -> Parsed:
    """Return the sections of a Markdown text."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    front, text = _front_matter(text)
    lines, builder, title = text.split("\n"), SectionsBuilder(), str(front.get("title", ""))
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    at = 0
    while at < len(tokens):
        end = _end_of(tokens, at)
        token = tokens[at]
        if token.type == "heading_open":
            heading = _plain(tokens[at + 1])
            builder.heading(int(token.tag[1:]), heading)
            title = title or (heading if token.tag == "h1" else "")
        else:
            for block in _blocks(tokens[at : end + 1], lines):
                builder.block(block)
        at = end + 1
    return Parsed(title=title, sections=builder.sections(), front_matter=front)


def _end_of(tokens: Sequence[Token], start: int) -> int:
    """Return where the block that begins at `start` ends."""
    depth = 0
    for at in range(start, len(tokens)):
        depth += tokens[at].nesting
        if depth <= 0:
            return at
    return len(tokens) - 1


def _blocks(tokens: Sequence[Token], lines: Sequence[str]) -> Iterable[Block]:
    token = tokens[0]
    match token.type:
        case "fence" | "code_block":
            code = tuple(token.content.rstrip("\n").split("\n"))
            fence = token.markup or "```"
            yield Block(parts=code, head=f"{fence}{token.info.strip()}", tail=fence)
        case "bullet_list_open" | "ordered_list_open":
            items = [one for one in tokens if one.type == "list_item_open" and one.level == token.level + 1]
            yield Block(parts=tuple(_source(item, lines) for item in items))
        case "table_open":
            # The header and the row of dashes below it belong to every piece.
            rows = _source(token, lines).split("\n")
            yield Block(parts=tuple(rows[2:]) or ("",), head="\n".join(rows[:2]))
        case "html_block":
            for section in read_html(token.content).sections:
                yield from section.blocks
        case "hr":
            return
        case _:
            yield Block(parts=(_source(token, lines),))


def _source(token: Token, lines: Sequence[str]) -> str:
    """Return the lines that a token was made of, without comments."""
    start, end = token.map or (0, 0)
    return _COMMENT.sub("", "\n".join(lines[start:end])).lstrip("\n").rstrip()


def _plain(inline: Token) -> str:
    """Return a heading's text without its markup."""
    parts = [child.content for child in inline.children or () if child.type in {"text", "code_inline"}]
    return " ".join("".join(parts).split())


class _NoAliases(yaml.SafeLoader):
    """Plain values only: an alias could stand for a text of any size."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            raise yaml.YAMLError("aliases are not read")
        return super().compose_node(parent, index)


def _front_matter(text: str) -> tuple[dict[str, Any], str]:
    """Return the values of the block of YAML at the top, if there is one, and the text below it."""
    found = _FRONT.match(text)
    if found is None or len(found[1]) > _FRONT_CHARS:
        return {}, text
    try:
        values = yaml.load(found[1], Loader=_NoAliases)  # noqa: S506 (a SafeLoader, and stricter)
    except (yaml.YAMLError, ValueError, RecursionError):
        return {}, text
    if not isinstance(values, dict):
        return {}, text
    front = {str(key)[:80]: _value(value) for key, value in list(values.items())[:_FRONT_KEYS]}
    return {key: value for key, value in front.items() if value is not None}, text[found.end() :]


def _value(value: Any) -> Any:
    if isinstance(value, bool | int | None):
        return value if value is None or abs(value) < 2**53 else str(value)[:_FRONT_VALUE_CHARS]
    if isinstance(value, list):
        return [str(one)[:_FRONT_VALUE_CHARS] for one in value[:_FRONT_KEYS]]
    return None if isinstance(value, dict) else str(value)[:_FRONT_VALUE_CHARS]
