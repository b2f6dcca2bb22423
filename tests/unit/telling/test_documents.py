"""Postmortem, issue, handover and page: what they say, and that foreign text stays text in each medium."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta
from functools import cache
from html.parser import HTMLParser
from typing import Any

import pytest
from markdown_it import MarkdownIt

from opsagent.casenote import NEXT
from opsagent.model import Cause
from opsagent.telling.as_html import as_html
from opsagent.telling.as_lines import as_lines
from opsagent.telling.as_markdown import as_markdown
from opsagent.telling.document import Document
from opsagent.telling.handover import handover
from opsagent.telling.issue import issue, recurring
from opsagent.telling.postmortem import postmortem
from opsagent.telling.words import Words
from opsagent.views.incidents import LIST_COLUMNS, list_row, page
from opsagent.views.table import cells, table
from opsagent.views.terminal import Screen
from tests.support.told import BEGAN, HOSTILE, account, at

ENGLISH = Words("en", "Europe/Berlin")
KOREAN = Words("ko", "Asia/Seoul")
NOW = BEGAN + timedelta(hours=2)


def again(count: int) -> list[dict[str, Any]]:
    """The same trouble so many times, a quarter of an hour apart, newest first."""
    began = [BEGAN + timedelta(minutes=15 * number) for number in range(count)]
    return [
        account(id=f"inc-{number}", began_at=moment.isoformat(), opened_at=moment.isoformat())
        for number, moment in reversed(list(enumerate(began)))
    ]


def the_night(text: str = "", **changed: Any) -> dict[str, Any]:
    """What `opsagent handover --json` has of a night in which everything happened."""
    hold = {"name": f"db{text}", "until": at(9000), "by": f"ann{text}", "why": f"migration{text}"}
    asked = {
        "id": "q1",
        "name": f"web{text}",
        "action": "restart",
        "why": f"hangs{text}",
        "asked_at": at(1),
        "expires_at": at(8000),
    }
    deploy = {
        "name": f"api{text}",
        "began_at": at(3),
        "ended_at": None,
        "by": f"bob{text}",
        "why": "v2",
        "result": None,
    }
    grant = {
        "name": f"web{text}", "action": "restart", "mode": "auto", "granted_at": at(5), "by": f"ann{text}", "why": "",
        "revoked_at": None, "revoked_why": None,
    }  # fmt: skip
    snoozed = account(text, status="escalated", snoozed={"by": "ann", "until": at(9000), "why": "", "at": at(1)})
    return {
        "at": NOW.isoformat(), "since": (NOW - timedelta(hours=12)).isoformat(), "paused": None, "daemon": True,
        "open": [account(text, status="escalated", resolved_at=None)], "snoozed": [snoozed], "held": [hold],
        "pending": [asked], "repaired": again(4), "ended": [account(text, status="closed", remedy=None)],
        "deploys": [deploy], "changes": [{"name": f"web{text}", "text": f"reload{text}", "cost": f"2 s{text}", "at": at(6)}],
        "orders": [{"at": at(7), "by": f"ann{text}", "text": f"restart web{text}"}], "grants": [grant],
        "would_be": {"right": 15, "wrong": 1, "open": 1},
        "recurring": again(4),
    } | changed  # fmt: skip


def empty() -> dict[str, Any]:
    lists = (
        "open",
        "snoozed",
        "held",
        "pending",
        "repaired",
        "ended",
        "deploys",
        "changes",
        "orders",
        "grants",
        "recurring",
    )
    return {**the_night(would_be={}), **{name: [] for name in lists}}


def documents(text: str, words: Words = ENGLISH) -> dict[str, Document]:
    one = account(text)
    return {
        "postmortem": postmortem(one, words, at=NOW, same=again(3)),
        "issue": issue(one, again(3 if text else 14), words),
        "handover": handover(the_night(text), words),
    }


# what they say


def test_a_postmortem_says_what_when_why_and_what_comes_of_it() -> None:
    text = as_markdown(documents("")["postmortem"])
    for part in (
        "# Postmortem: crash of web\n",
        "- **began:** 2026-03-29 01:59:30 CET (00:59:30Z)",
        "- **ended:** 2026-03-29 03:00:32 CEST (01:00:32Z)",
        "- **without service:** 48 s",
        "- **failed probes:** 24 / 31",
        "- **failed requests:** 310",
        "- **time to detect:** 2 s",
        "- **told by:** kernel",
        "- its configuration changed (web, bad config, 80% sure)\n  - for: app.json changed\n  - against: it parses",
        "- configuration file app.json changed, 30 s before",
        "```diff\n--- app.json (then)\n+++ app.json (now)\n-port = 80\n+port = 81\n```",
        "- Attempt 1: crash/restart (from a runbook): helped",
        "restart:web on web: done (started) approved by ann",
        "Verified: well for 5 s",
        "worked 3 of 4 times for incidents like this one, 75% expected before",
        "crash/restart: 4 of 5 now",
        "repaired 4 times with crash/restart. The issue is ready: opsagent incidents issue inc-1a2b3c4d",
        "| 2026-03-29 03:00:25 | 01:00:25Z | verified | well for 5 s (ann) |",
    ):
        assert part in text.replace("\\", ""), part


def test_a_postmortem_of_what_nobody_touched_or_measured_reads_well_too() -> None:
    bare = account(
        plans=[], hypotheses=[], evidence=[], changed=[], impact=None, timeline=[], recollections=[], approvals=[],
        symptoms=[], remedy=None, mttr_s=None, resolved_at=None, status="escalated", outcome="escalated", fault="saturation",
    )  # fmt: skip
    text = as_markdown(postmortem(bare, ENGLISH, at=NOW)).replace("\\", "")
    for part in (
        "No cause was found.",
        "Nothing is known to have changed.",
        "Nothing was done.",
        "Not measured",
        "Not verified.",
        "still open",
        "Decide what to do",
        "Find the cause",
        "Nothing was learnt",
    ):
        assert part in text, part
    assert "Over time" not in text


def test_korean_headings_and_the_readers_zone() -> None:
    text = as_markdown(documents("", KOREAN)["postmortem"]).replace("\\", "")
    for part in ("# 장애 보고서: web 비정상 종료", "## 영향", "재시작:** 2", "2026-03-29 09:59:30 KST (00:59:30Z)"):
        assert part in text, part
    assert '<html lang="ko">' in as_html(documents("", KOREAN)["postmortem"])


def test_an_issue_says_what_it_costs_and_where_to_look() -> None:
    text = as_markdown(documents("")["issue"]).replace("\\", "")
    for part in (
        "# web: crash again and again, repaired 15 times with crash/restart",
        "30 restarts, 4,650 failed requests, 360 failed probes, 45 error lines, 12 min without service, over 15 incidents",
        "It came 15 times, typically 15 min apart.",
        "It came 1 min 30 s after the service was started.",
        "Error: cannot bind",
        "cannot bind <n>",
        "unit_state:** exited",
        "-port = 80",
        "It runs crash/restart (restart:web) each time",
        NEXT[Cause.BAD_CONFIG].format(unit="web", name="web"),
        "| inc-1a2b3c4d |",
    ):
        assert part in text, part


def test_only_what_one_remedy_mended_three_times_recurs() -> None:
    assert recurring(again(2)) == []
    (group,) = recurring([*again(3), account(id="x", remedy="crash/start"), account(id="y", status="escalated")])
    assert [one["id"] for one in group] == ["inc-2", "inc-1", "inc-0"]


def test_a_handover_names_what_is_open_held_pending_repaired_and_changed() -> None:
    text = "\n".join(as_lines(documents("")["handover"], Screen()))
    for part in (
        "Handover: the last 12 h",
        "web: crash, needs a person, since 2026-03-29 01:59:30 CET (00:59:30Z) (inc-1a2b3c4d)",
        "why: nothing helps",
        "db: by ann until",
        "restart on web, asked 03-29 01:59 CET, expires 03-29 05:12 CEST: opsagent approve q1",
        "web: crash, 4 times, by crash/restart; 8 restarts, 1,240 failed requests",
        "api: deploy by bob: v2",
        "ann: restart web",
        "web: restart may be done in mode auto, granted by ann",
        "web: crash was repaired 4 times with crash/restart",
        "17 would-be actions: 15 right, 1 wrong, 1 not needed",
        "web: the snooze ends",
        "restart on web: the question expires",
        "api: a deploy is open since",
    ):
        assert part in text, part


@pytest.mark.parametrize("words", [ENGLISH, KOREAN])
def test_a_quiet_night_reads_well(words: Words) -> None:
    lines = as_lines(handover(empty(), words), Screen())
    assert len(lines) < 26
    assert words("ho.quiet") in "\n".join(lines)
    assert not [line for line in lines if line.strip() in {"-", "·"}]


@pytest.mark.parametrize("words", [ENGLISH, KOREAN])
def test_how_much_needed_no_model_is_told_where_a_model_was_needed(words: Words) -> None:
    told = "\n".join(
        as_lines(handover({**empty(), "solved": {"memory": 2, "runbook": 1, "model": 1}}, words), Screen())
    )
    assert "75%" in told
    never = "\n".join(as_lines(handover({**empty(), "solved": {"memory": 2}}, words), Screen()))
    assert "100%" not in never


# every medium escapes


class Tags(HTMLParser):
    """What a browser would see as tags and attributes."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}


@cache
def honest() -> dict[str, tuple[Tags, list[str]]]:
    """Return what a page and a Markdown of honest words consist of."""
    found = {}
    for kind, document in documents("").items():
        tags = Tags()
        tags.feed(as_html(document))
        found[kind] = (tags, [token.type for token in READER.parse(as_markdown(document)) if "heading" in token.type])
    return found


READER = MarkdownIt("gfm-like", {"linkify": False})


def unseen(text: str) -> list[str]:
    """Return what a reader would not see, or see moved."""
    return [char for char in text if unicodedata.category(char) in {"Cc", "Cf", "Cs"} and char != "\n"]


@pytest.mark.parametrize("hostile", HOSTILE)
def test_a_page_has_the_tags_of_an_honest_one_and_nothing_from_elsewhere(hostile: str) -> None:
    for kind, document in documents(hostile).items():
        found, whole = Tags(), as_html(document)
        found.feed(whole)
        assert found.tags == honest()[kind][0].tags
        assert found.attributes == honest()[kind][0].attributes
        assert not found.tags & {"script", "img", "a", "iframe", "link", "object"}
        assert "default-src 'none'" in whole
        assert "url(" not in whole.partition("</style>")[0]
        assert unseen(whole) == []


@pytest.mark.parametrize("hostile", HOSTILE)
def test_markdown_has_no_link_image_html_or_mention_of_a_stranger(hostile: str) -> None:
    for kind, document in documents(hostile).items():
        whole = as_markdown(document)
        blocks = READER.parse(whole)
        tokens = [inner for token in blocks for inner in (token, *(token.children or ()))]
        assert not {token.type for token in tokens} & {"link_open", "image", "html_inline", "html_block"}
        assert [token.type for token in blocks if "heading" in token.type] == honest()[kind][1]
        assert "@" not in " ".join(token.content for token in tokens if token.type == "text")
        assert unseen(whole) == []


@pytest.mark.parametrize("hostile", ["", *HOSTILE])
def test_a_terminal_is_neither_moved_nor_overrun(hostile: str) -> None:
    texts = documents(hostile).values()
    for width in (50, 80, None):
        screen = Screen(width is not None, False, width)
        drawn = [as_lines(document, screen) for document in texts]
        drawn.append(page(account(hostile), screen, ENGLISH))
        drawn.append(table(LIST_COLUMNS, [list_row(account(hostile))], screen))
        for lines in drawn:
            assert unseen("".join(lines)) == []
            assert width is None or max(cells(line) for line in lines) <= width


def test_colours_are_for_terminals_only() -> None:
    assert "\x1b[" in "".join(page(account(), Screen(True, True, 80)))
    assert "\x1b[" not in "".join(page(account(), Screen(True, False, 80)) + page(account(), Screen()))


# one incident on a terminal


def test_an_incident_is_a_page_of_fifty_columns() -> None:
    lines = page(
        account(status="escalated", acked={"by": "ann", "until": None, "why": "on it"}), Screen(True, False, 50)
    )
    text = "\n".join(lines)
    for part in (
        "incident inc-1a2b3c4d: crash of web, escalated\n(acked)\n",
        "began     2026-03-29 00:59:30Z",
        "cost      2 restarts, 310 failed requests, 24",
        "acked     looked after by ann: on it",
        "  0.80  its configuration changed (bad config,",
        "        + app.json changed",
        "        - it parses",
        "      -port = 80",
        "      +port = 81",
        "  attempt 1: crash/restart from runbook, done:",
        "    + restart:web done, by rule mode, used by ann",
        "  01:00:25Z  verified  well for 5 s (by ann)",
    ):
        assert part in text, part


def test_states_name_who_looks_after_it_while_it_is_open() -> None:
    watched: dict[str, Any] = {"acked": {"by": "ann"}, "snoozed": {"by": "bob"}}
    rows = [list_row(account(status=status, **watched))[4].text for status in ("open", "escalated", "resolved")]
    assert rows == ["open (acked, snoozed)", "escalated (acked, snoozed)", "resolved"]


def test_marks_and_lines_of_a_chart() -> None:
    whole = as_html(documents("")["postmortem"])
    assert whole.count('<figure class="chart">') == 5
    assert whole.count('class="mark bad"') == 5
    assert 'class="ill" x="' in whole
    assert "prefers-color-scheme:dark" in whole
    assert datetime.fromisoformat(at(0)).tzinfo is UTC
