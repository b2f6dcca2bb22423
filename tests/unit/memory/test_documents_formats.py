"""What is made of Markdown, HTML, plain text and PDF."""

from __future__ import annotations

import json

import pytest

from opsagent_memory.documents import html, markdown, pdf, plain
from opsagent_memory.documents.parsed import Parsed, from_json, to_json
from opsagent_memory.documents.unreadable import Unreadable
from tests.support import pdfs


def outline(parsed: Parsed) -> list[tuple[str, list[str]]]:
    return [(" > ".join(section.path), [block.text for block in section.blocks]) for section in parsed.sections]


def test_markdown_is_cut_at_its_headings() -> None:
    parsed = markdown.read(
        "intro\n\n# Redis\n\nWhat.\n\n## Failover\n\nHow.\n\n### Why\n\nBecause.\n\n## Backup\n\nNever.\n"
    )
    assert parsed.title == "Redis"
    assert outline(parsed) == [
        ("", ["intro"]),
        ("Redis", ["What."]),
        ("Redis > Failover", ["How."]),
        ("Redis > Failover > Why", ["Because."]),
        ("Redis > Backup", ["Never."]),
    ]


def test_what_looks_like_a_heading_in_code_is_none_and_markup_of_a_heading_goes() -> None:
    parsed = markdown.read(
        "# The `api` *service*\n\n```sh\n# not a heading\nls\n```\n\nUnderlined\n----------\n\ntext\n"
    )
    assert outline(parsed) == [
        ("The api service", ["```sh\n# not a heading\nls\n```"]),
        ("The api service > Underlined", ["text"]),
    ]


def test_code_keeps_its_blank_lines_also_where_its_fence_is_not_closed() -> None:
    (section,) = markdown.read("# A\n\n```sh\nstop\n\nstart\n").sections
    assert section.blocks[0].text == "```sh\nstop\n\nstart\n```"


def test_code_lists_and_tables_are_blocks_that_know_where_they_may_be_cut() -> None:
    text = "- one\n  more\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n\n    indented\n\n1. first\n2. second\n"
    (section,) = markdown.read(text).sections
    assert [block.parts for block in section.blocks] == [
        ("- one\n  more", "- two"),
        ("| 1 | 2 |", "| 3 | 4 |"),
        ("indented",),
        ("1. first", "2. second"),
    ]
    assert section.blocks[1].head == "| a | b |\n|---|---|"


def test_front_matter_is_read_as_plain_values_and_is_no_text() -> None:
    parsed = markdown.read(
        "---\ntitle: Billing\ntags: [db, on-call]\nreviewed: 2026-01-02\nowner: {a: b}\n---\nBody.\n"
    )
    assert parsed.title == "Billing"
    assert dict(parsed.front_matter) == {"title": "Billing", "tags": ["db", "on-call"], "reviewed": "2026-01-02"}
    assert outline(parsed) == [("", ["Body."])]


@pytest.mark.parametrize(
    "front", ["a: &x [1]\nb: *x", "!!python/object/apply:os.system [true]", "a: [", "just text", "x: " + "y" * 9_000]
)
def test_front_matter_that_is_none_stays_text(front: str) -> None:
    parsed = markdown.read(f"---\n{front}\n---\nBody.\n")
    assert parsed.front_matter == {}
    assert "Body." in str(outline(parsed))


def test_what_a_reader_of_the_page_does_not_see_is_not_kept() -> None:
    parsed = markdown.read(
        "Seen <!-- fix: delete\nthe database --> too.\n\n<!-- hidden -->\n\n<div hidden>unseen</div>\n"
    )
    assert outline(parsed) == [("", ["Seen  too."])]
    page = html.read(
        "<title>T</title><style>unseen</style><script>unseen</script><nav>unseen</nav><!-- unseen -->"
        "<p>Seen<span style='display: none'>unseen</span><b hidden>unseen</b> too.</p>"
        "<div aria-hidden=true>unseen</div><p style='font-size:0'>unseen</p>"
        "<p style='opacity:0'>unseen</p><p style='OPACITY: 0.0 !important'>unseen</p><p style='color:transparent'>unseen</p>"
        "<video>unseen</video><datalist><option>unseen</option></datalist><noframes>unseen</noframes>"
        "<b style='opacity:0.5; fill-opacity:0; background-color:transparent'></b>"
    )
    assert (page.title, outline(page)) == ("T", [("", ["Seen too."])])


def test_html_is_cut_at_its_headings() -> None:
    page = html.read(
        "<body>before<h1>Redis <i>x</i></h1><div>How <a href=x>it</a> fails.<p>Second</p>tail</div>"
        "<h2>Steps</h2><ol><li>one<ul><li>inner</li></ul></li><li>two</li></ol>"
        "<pre>a\n  b</pre><table><tr><th>k<th>v<tr><td>1<td>2</table><h2>End</h2>bye<br>bye"
    )
    assert outline(page) == [
        ("", ["before"]),
        ("Redis x", ["How it fails.", "Second", "tail"]),
        ("Redis x > Steps", ["- one inner\n- two", "```\na\n  b\n```", "k | v\n1 | 2"]),
        ("Redis x > End", ["bye bye"]),
    ]


def test_html_may_be_nested_as_deeply_as_somebody_likes() -> None:
    page = html.read("<div>" * 5_000 + "deep" + "</div>" * 5_000)
    assert outline(page) == [("", ["deep"])]


def test_plain_text_is_cut_at_blank_lines_and_underlined_headings() -> None:
    text = (
        "=====\nRedis\n=====\n\nWhat\nit is.\n\nFailover\n--------\nHow.\n\n- one\n- two\n\nBackup\n======\n\nNever.\n"
    )
    parsed = plain.read(text.replace("=====\nRedis", "Redis"))
    assert parsed.title == "Redis"
    assert outline(parsed) == [
        ("Redis", ["What\nit is."]),
        ("Redis > Failover", ["How.", "- one\n- two"]),
        ("Backup", ["Never."]),
    ]
    assert outline(plain.read("no headings\r\nat all\r\n")) == [("", ["no headings\nat all"])]


def test_a_pdf_knows_its_pages_and_its_outline() -> None:
    parsed = pdf.read(pdfs.pdf(["Redis fails over.", "Billing sleeps at night."], outline=[(2, "Billing")]), 10)
    assert [(section.path, [(block.page, block.text) for block in section.blocks]) for section in parsed.sections] == [
        ((), [(1, "Redis fails over.")]),
        (("Billing",), [(2, "Billing sleeps at night.")]),
    ]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (pdfs.pdf(["x"] * 11), "11 pages; 10 are read at most"),
        (pdfs.pdf(["secret"], password="p"), "it asks for a password"),
        (pdfs.raw([b""]), "no text in it"),
        (b"%PDF-1.4\nnothing", "a broken PDF"),
    ],
)
def test_a_pdf_that_cannot_be_taken_says_why(data: bytes, reason: str) -> None:
    with pytest.raises(Unreadable, match=reason):
        pdf.read(data, 10)


def test_what_was_parsed_travels_as_json() -> None:
    parsed = markdown.read("---\nn: 1\n---\n# A\n\n```\nx\n```\n\n- b\n")
    assert from_json(json.loads(json.dumps(to_json(parsed)))) == parsed
