"""The frame of a page that stands by itself: no scripts, nothing from elsewhere; light and dark, narrow and wide."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from opsagent.views.map_svg import text_of

_STYLE = """
:root{color-scheme:light dark;--ink:#1d2430;--soft:#5b6675;--paper:#ffffff;--edge:#d9dfe7;--head:#f5f7fa}
@media (prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--paper:#12161c;--edge:#2b333e;--head:#1b212a}}
*{box-sizing:border-box}body{margin:0;padding:1rem clamp(.75rem,3vw,2rem);color:var(--ink);background:var(--paper);
font:15px/1.5 ui-sans-serif,system-ui,-apple-system,"Segoe UI",Roboto,sans-serif}
h1{font-size:1.25rem;margin:0}h2{font-size:1rem;margin:1.5rem 0 .5rem}p{margin:.25rem 0;color:var(--soft)}
.scroll{overflow-x:auto;border:1px solid var(--edge);border-radius:10px;margin:1rem 0;-webkit-overflow-scrolling:touch}
.scroll svg{display:block}table{border-collapse:collapse;width:100%;min-width:34rem}
th,td{text-align:left;padding:.4rem .7rem;border-bottom:1px solid var(--edge);vertical-align:top}
th{background:var(--head);font-weight:600}tr:last-child td{border-bottom:0}td.how{color:var(--soft)}
"""


def page(title: str, body: Sequence[str], style: str = "") -> str:
    """Return a whole HTML page; the lines of `body` are HTML already."""
    return "\n".join(
        [
            "<!doctype html>",
            '<html lang="en">',
            "<head>",
            '<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; style-src 'unsafe-inline'\">",
            '<meta name="referrer" content="no-referrer">',
            f"<title>{text_of(title)}</title>",
            f"<style>{_STYLE}{style}</style>",
            "</head>",
            "<body>",
            *body,
            "</body>",
            "</html>",
            "",
        ]
    )


def table(title: str, heads: Iterable[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return a heading and a table of foreign texts, escaped; nothing where there are no rows."""
    if not rows:
        return []
    cells = "".join(f"<th>{text_of(head)}</th>" for head in heads)
    lines = [f"<h2>{text_of(title)}</h2>", '<div class="scroll"><table>', f"<tr>{cells}</tr>"]
    for row in rows:
        *plain, last = (text_of(cell) for cell in row)
        tds = "".join(f"<td>{cell}</td>" for cell in plain)
        lines.append(f'<tr>{tds}<td class="how">{last}</td></tr>')
    return [*lines, "</table></div>"]
