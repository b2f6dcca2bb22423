"""A document as a page that stands by itself: no scripts, nothing from elsewhere, light and dark. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from opsagent.telling import charts
from opsagent.telling.document import Block, Bullets, Chart, Document, Facts, Heading, Lines, Para, Rows
from opsagent.views.page import page
from opsagent_tools.text import escape_for_html

_STYLE = """
main{max-width:62rem;margin:0 auto}h1{font-size:1.4rem;line-height:1.3}h2{margin-top:2rem;border-bottom:1px solid var(--edge);padding-bottom:.25rem}
p.body,li,dd{color:var(--ink)}ul{padding-left:1.2rem;margin:.5rem 0}li{margin:.2rem 0;overflow-wrap:anywhere}
li ul{color:var(--soft)}li li{color:var(--soft)}
q,code{font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;background:var(--head);border-radius:4px;padding:0 .25rem;
quotes:none;overflow-wrap:anywhere}
dl{display:grid;grid-template-columns:minmax(8rem,max-content) 1fr;gap:.25rem 1rem;margin:.75rem 0}
dt{color:var(--soft)}dd{margin:0;overflow-wrap:anywhere}
pre{background:var(--head);border:1px solid var(--edge);border-radius:10px;padding:.75rem;overflow-x:auto;margin:.75rem 0;
font:13px/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,monospace}
pre .plus{color:#1a7f4b}pre .minus{color:#c62f2f}pre .at{color:var(--soft)}
@media (prefers-color-scheme:dark){pre .plus{color:#4cc38a}pre .minus{color:#ff8585}}
td{overflow-wrap:anywhere;vertical-align:top}
td:not(:last-child){white-space:nowrap}
@media (max-width:600px){dl{grid-template-columns:1fr;gap:0}dd{margin-bottom:.5rem}td:not(:last-child){white-space:normal}}
@media print{body{padding:0}.chart,pre{break-inside:avoid}}
"""
_SIGNS = {"+": "plus", "-": "minus", "@": "at"}


def as_html(document: Document) -> str:
    """Return the whole page."""
    body = ["<main>", f"<h1>{escape_for_html(document.title)}</h1>"]
    for block in document.blocks:
        body += _block(block, document)
    body.append("</main>")
    whole = page(document.title, body, charts.STYLE + _STYLE)
    return whole.replace('<html lang="en">', f'<html lang="{escape_for_html(document.language)}">', 1)


def _block(block: Block, document: Document) -> Iterator[str]:
    match block:
        case Heading(text=text):
            yield f"<h2>{escape_for_html(text)}</h2>"
        case Para(text=text, soft=soft):
            yield f'<p class="{"soft" if soft else "body"}">{escape_for_html(text)}</p>'
        case Bullets(items=items):
            yield "<ul>"
            for item in items:
                quote = f" <q>{escape_for_html(item.quote)}</q>" if item.quote else ""
                below = "".join(f"<li>{escape_for_html(line)}</li>" for line in item.below)
                yield f"<li>{escape_for_html(item.text)}{quote}{f'<ul>{below}</ul>' if below else ''}</li>"
            yield "</ul>"
        case Facts(pairs=pairs):
            inside = "".join(
                f"<dt>{escape_for_html(name)}</dt><dd>{escape_for_html(value)}</dd>" for name, value in pairs
            )
            yield f"<dl>{inside}</dl>"
        case Rows(heads=heads, rows=rows):
            cells = "".join(f"<th>{escape_for_html(head)}</th>" for head in heads)
            yield f'<div class="scroll"><table><tr>{cells}</tr>'
            for row in rows:
                yield "<tr>" + "".join(f"<td>{escape_for_html(cell)}</td>" for cell in row) + "</tr>"
            yield "</table></div>"
        case Lines(text=text):
            yield f"<pre>{chr(10).join(_line(line) for line in text.splitlines())}</pre>"
        case Chart():
            yield charts.drawn(block, document.zone)


def _line(line: str) -> str:
    sign = _SIGNS.get(line[:1], "")
    text = escape_for_html(line)
    return f'<span class="{sign}">{text}</span>' if sign else text
