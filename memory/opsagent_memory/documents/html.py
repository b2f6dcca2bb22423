"""HTML to sections, by Beautiful Soup. Scripts, navigation and what a browser would not show are left out."""

from __future__ import annotations

import re
from collections.abc import Iterator

from bs4 import BeautifulSoup
from bs4.element import NavigableString, PreformattedString, Tag

from opsagent_memory.documents.parsed import Block, Parsed, SectionsBuilder

_UNSEEN = frozenset(
    "title script style template noscript noembed noframes head nav iframe object embed canvas svg audio video form button"
    " select datalist input textarea rp".split()
)
_HIDDEN = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])|(?<![\w-])opacity\s*:\s*(?:0{1,3}(?:\.0{1,9})?|\.0{1,9})%?\s{0,9}(?:[;!]|$)"
    r"|(?<![\w-])color\s*:\s*transparent",
    re.IGNORECASE,
)
_HEADING = re.compile(r"h[1-6]")
_CONTAINERS = frozenset({"ul", "ol", "dl", "table"})
_ITEMS = frozenset({"li", "dt", "dd"})
_CELLS = frozenset({"td", "th", "tr", "tbody", "thead", "tfoot"})
_INLINE = frozenset(
    "a abbr b bdi bdo big cite code data del dfn em font i img ins kbd label mark q s samp small span strike strong sub"
    " sup time tt u var wbr".split()
)


def read(text: str) -> Parsed:
    """Return the sections of an HTML text, or of a piece of it."""
    soup = BeautifulSoup(text, "html.parser")
    builder = SectionsBuilder()
    first = ""
    for item in _flow(soup):
        if isinstance(item, str):
            builder.block(Block(parts=(item,)))
        elif _HEADING.fullmatch(item.name):
            heading = _words(item)
            first = first or (heading if item.name == "h1" else "")
            builder.heading(int(item.name[1]), heading)
        elif item.name == "pre":
            code = "".join(_strings(item)).strip("\n")
            builder.block(Block(parts=tuple(code.split("\n")), head="```", tail="```"))
        elif item.name == "table":
            builder.block(_table(item))
        else:
            builder.block(Block(parts=tuple(_items(item))))
    title = _words(soup.title) if soup.title is not None else ""
    return Parsed(title=title or first, sections=builder.sections())


def _flow(root: Tag) -> Iterator[str | Tag]:
    """Yield, in order, paragraphs as text and headings, lists, tables and code as tags. Goes as deep as needed."""
    pending: list[str] = []
    stack: list[Iterator[object]] = [iter(root.contents)]
    blocks = [False]
    while stack:
        node = next(stack[-1], None)
        if node is None:
            stack.pop()
            if blocks.pop() and (paragraph := _joined(pending)):
                yield paragraph
        elif isinstance(node, NavigableString):
            if not isinstance(node, PreformattedString):  # comments, declarations
                pending.append(str(node))
        elif isinstance(node, Tag) and not _unseen(node):
            whole = node.name == "pre" or node.name in _CONTAINERS or _HEADING.fullmatch(node.name)
            inline = node.name in _INLINE
            if not inline and node.name != "br" and (paragraph := _joined(pending)):
                yield paragraph
            if whole:
                yield node
            elif node.name == "br":
                pending.append(" ")
            else:
                stack.append(iter(node.contents))
                blocks.append(not inline)
    if paragraph := _joined(pending):
        yield paragraph


def _joined(pending: list[str]) -> str:
    """Return what has gathered as one paragraph, and begin anew."""
    text = " ".join("".join(pending).split())
    pending.clear()
    return text


def _unseen(tag: Tag) -> bool:
    return (
        tag.name in _UNSEEN
        or tag.has_attr("hidden")
        or str(tag.get("aria-hidden", "")).lower() == "true"
        or _HIDDEN.search(str(tag.get("style", ""))) is not None
    )


def _strings(tag: Tag, siblings: frozenset[str] = frozenset()) -> Iterator[str]:
    """Yield the seen text under a tag.

    The end of an item or a cell may be left out, and to this parser the next one then lies inside of it: `siblings`
    are the names of those that do not belong to it.
    """
    stack: list[tuple[Iterator[object], frozenset[str]]] = [(iter(tag.contents), siblings)]
    while stack:
        nodes, others = stack[-1]
        node = next(nodes, None)
        if node is None:
            stack.pop()
        elif isinstance(node, NavigableString):
            if not isinstance(node, PreformattedString):
                yield str(node)
        elif isinstance(node, Tag) and not _unseen(node) and node.name not in others:
            if node.name == "br":
                yield "\n"
            elif node.name not in _INLINE:
                yield " "
            stack.append((iter(node.contents), frozenset() if node.name in _CONTAINERS else others))


def _words(tag: Tag, siblings: frozenset[str] = frozenset()) -> str:
    return " ".join("".join(_strings(tag, siblings)).split())


def _items(listing: Tag) -> Iterator[str]:
    for child in listing.find_all(["li", "dt", "dd"]):
        if child.find_parent(["ul", "ol", "dl"]) is listing and not _unseen(child):
            words = _words(child, _ITEMS)
            yield words if child.name == "dt" else f"- {words}"


def _table(table: Tag) -> Block:
    rows = [
        " | ".join(
            _words(cell, _CELLS)
            for cell in row.find_all(["th", "td"])
            if cell.find_parent("tr") is row and not _unseen(cell)
        )
        for row in table.find_all("tr")
        if row.find_parent("table") is table and not _unseen(row)
    ]
    headed = len(rows) > 1 and table.find("th") is not None
    return Block(parts=tuple(rows[1:] if headed else rows), head=rows[0] if headed else "")
