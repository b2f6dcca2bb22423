"""What is remembered, on a terminal and as a page: narrow, wide, in a pipe, empty, and with hostile texts."""

from __future__ import annotations

import math
import random
import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any

import pytest

from opsagent.memory_forms import scopes_of, unit_of
from opsagent.views.memory import added, imported, listing, results, verification
from opsagent.views.memory_html import page
from opsagent.views.memory_record import page as record_page
from opsagent.views.memory_stats import overview
from opsagent.views.memory_svg import bucketed, shade
from opsagent.views.memory_work import ingested
from opsagent.views.table import cells
from opsagent.views.terminal import Screen
from opsagent.views.wrapping import wrapped

PIPE = Screen()
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
HOSTILE = [
    "<script>alert(1)</script>",
    "\"><svg onload='x()'>",
    "]]>&amp;<!--",
    "\x1b[31mred\x1b[0m\r\n",
    "\x1b]0;title\x07",
    "\u202eesrever",
    "\ufffe\x00 \ud800",
    "결제 서비스가 응답하지 않음 " * 10,
    "x" * 300,
]
CONTROLS = set("\x1b\n\r\t\x07\x00\u202e\ud800")


def record(**more: Any) -> dict[str, Any]:
    return {
        "id": "ep-5f3a5f3a5f3a5f3a",
        "kind": "episode",
        "scope": "unit/pm2/api",
        "text": "crash of api: exit 1; FATAL lock held by <num>",
        "source": "agent",
        "trust": 1.0,
        "created_at": NOW.isoformat(),
        "valid_from": None,
        "valid_to": None,
        "ended_at": None,
        "supersedes": None,
        "archived_at": None,
        "imported_at": None,
        "family": None,
        "surprise": None,
        "fields": {"remedy": "crash/start", "outcome": "worked"},
    } | more


def found(**more: Any) -> dict[str, Any]:
    why = {
        "score": 0.91,
        "without_learning": 0.84,
        "similarity": 0.84,
        "tries": 4,
        "successes": 3,
        "why": "worked 3 of 4",
    }
    return record(**(why | {"last_worked": NOW.isoformat()} | more))


def terminal(width: int, *, colours: bool = False) -> Screen:
    return Screen(terminal=True, colours=colours, width=width)


def test_a_result_says_what_it_is_what_helped_and_why_it_came() -> None:
    assert results([found()], PIPE) == [
        "1. ep-5f3a5f3a5f3a5f3a  episode of pm2:api, 2026-11-28 12:00:00Z",
        "   crash of api: exit 1; FATAL lock held by <num>",
        "   crash/start: worked",
        "   score 0.91, 0.84 by similarity alone: worked 3 of 4",
    ]
    (_, *_, reason) = results([found(without_learning=0.91)], PIPE)
    assert reason == "   score 0.91: worked 3 of 4", "what learning did not move is not told"
    (_, *_, reason) = results([found(rank_without_learning=3)], PIPE)
    assert reason == "   score 0.91, 0.84 at place 3 by similarity alone: worked 3 of 4"


def test_where_a_record_comes_from_is_told() -> None:
    def origin(**more: Any) -> str:
        return results([found(fields={}, **more)], PIPE)[0].partition("  ")[2]

    assert origin(source="logs").startswith("episode of pm2:api, reconstructed from logs,")
    assert origin(source="person", kind="fact", scope="all").startswith("fact, said by a person,")
    piece = found(source="document", kind="fact", text="Billing › Restart\n\nIn the night only.")
    piece["fields"] = {"document": "/srv/runbook.md", "heading_path": ["Billing", "Restart"]}
    lines = results([piece], PIPE)
    assert "from /srv/runbook.md" in lines[0]
    assert lines[1] == "   Billing › Restart: In the night only."


@pytest.mark.parametrize("width", [20, 40, 60, 100])
@pytest.mark.parametrize("hostile", HOSTILE)
def test_no_line_is_wider_than_the_terminal_nor_moves_the_cursor(width: int, hostile: str) -> None:
    screen = terminal(width)
    row = found(
        text=hostile, id=hostile, scope=f"unit/pm2/{hostile}", why=hostile, fields={"remedy": hostile, "n": hostile}
    )
    row |= {
        "superseded_by": [hostile],
        "history": [{"event": hostile, "at": NOW.isoformat(), "payload": {"why": hostile}}],
    }
    for lines in (results([row], screen), listing([row], screen), record_page(row, screen)):
        assert not any(set(line) & CONTROLS for line in lines)
    for lines in (results([row | {"id": "ep-1"}], screen), listing([row], screen)):
        assert all(cells(line) <= width for line in lines), lines


def test_colours_only_where_there_are_some() -> None:
    for lines in (results([found()], terminal(60)), listing([found()], PIPE), record_page(record(), terminal(60))):
        assert "\x1b" not in "".join(lines)
    assert "\x1b[32m" in "".join(results([found()], terminal(60, colours=True)))


def test_long_text_is_broken_between_words_and_cut_with_an_ellipsis() -> None:
    assert wrapped("one two three", terminal(20)) == ["one two three"]
    assert wrapped("aaaa bbbb cccc dddd eeee", terminal(20), indent="  ") == ["  aaaa bbbb cccc", "  dddd eeee"]
    assert wrapped("x" * 45, terminal(20)) == ["x" * 20, "x" * 20, "x" * 5]
    assert wrapped("결제" * 8, terminal(20)) == ["결제" * 5, "결제" * 3]
    assert wrapped(" ".join(["word"] * 30), terminal(20), most=2)[-1].endswith("…")
    assert wrapped("", terminal(20)) == wrapped("", PIPE) == []
    assert wrapped("a b " * 100, PIPE) == [("a b " * 100).strip()]


def test_a_record_tells_what_became_of_it() -> None:
    row = record(
        valid_from=NOW.isoformat(), valid_to=(NOW + timedelta(days=1)).isoformat(), ended_at=NOW.isoformat(),
        archived_at=NOW.isoformat(), imported_at=NOW.isoformat(), family="f7", surprise=-0.6, supersedes="fa-1",
    )  # fmt: skip
    row |= {"superseded_by": ["fa-2"]}
    row["history"] = [
        {"event": "add", "at": NOW.isoformat(), "payload": {}},
        {"event": "end", "at": NOW.isoformat(), "payload": {"ended_at": "…", "why": "another contradicts it"}},
        {"event": "learn", "at": NOW.isoformat(), "payload": {"surprise": -0.61234567, "weights": {"kernel": 0.5}}},
    ]
    text = "\n".join(record_page(row, PIPE))
    for said in (
        "holds       from 2026-11-28 12:00:00Z until 2026-11-29 12:00:00Z",
        "replaces    fa-1",
        "replaced by fa-2",
        "family      f7",
        "surprise    -0.60 (worse than expected)",
        "no longer valid (why another contradicts it)",
        "learnt from (surprise -0.6123, weights kernel 0.5)",
    ):
        assert said in text


def test_a_verification_says_what_is_wrong_and_how_to_mend_it() -> None:
    sound = {"ok": True, "records": 1, "events": 2, "head": "2:ab", "problems": []}
    assert verification(sound, PIPE)[0] == "1 record, 2 events: nothing was changed from outside"
    broken = sound | {"ok": False, "problems": ["record fa-1 was \x1b[2Jchanged"]}
    lines = verification(broken, terminal(40))
    assert any("backup" in line for line in lines)
    assert not any(set(line) & CONTROLS for line in lines)
    assert all(cells(line) <= 40 for line in lines)


def test_small_answers() -> None:
    kept = {"id": "fa-1", "scope": "all", "text": "password=«redacted»", "masked": True, "note": "read as: never"}
    assert added(kept, PIPE) == [
        "kept: fa-1 of no service in particular",
        "secrets in it were masked: password=«redacted»",
        "read as: never",
    ]
    assert imported({"added": 1, "known": 0, "forgotten": 2}) == (
        "imported 1 record; 2 were forgotten here and stay so"
    )
    nothing: dict[str, Any] = {
        "added": [],
        "changed": [],
        "removed": [],
        "unchanged": [],
        "vanished": [],
        "skipped": [],
    }
    nothing |= {"chunks_added": 0, "chunks_ended": 0}
    assert ingested(nothing, PIPE) == ["no documents there"]
    many = nothing | {"added": [f"/d/{n}\x1b" for n in range(30)], "skipped": [{"path": "/x", "reason": "no text"}]}
    lines = ingested(many, terminal(30))
    assert "and 10 more" in lines
    assert lines[-1] == "30 new, 1 skipped"
    assert not any(set(line) & CONTROLS for line in lines)


def test_units_are_named_as_people_name_them() -> None:
    assert [unit_of(scope) for scope in ("unit/pm2/web/api", "all", "unit/x")] == ["pm2:web/api", "all", "unit/x"]
    scopes = ("unit/pm2/web/api", "unit/circus/api", "all")
    assert scopes_of("api", scopes) == scopes[:2]
    assert scopes_of("pm2:web/api@host", scopes) == scopes_of("web/api", scopes) == scopes[:1]
    assert scopes_of("all", scopes) == ("all",)
    assert scopes_of("ap", scopes) == scopes_of("", scopes) == ()


STATS: dict[str, Any] = {
    "records": 12, "by_kind": {"episode": 11, "fact": 1}, "by_scope": {"unit/pm2/api": 12}, "by_outcome": {"worked": 7}, "by_source": {"agent": 12},
    "waiting": 3, "archived": 2, "forgotten": 1, "superseded": 0, "ended": 0, "imported": 0,
    "oldest": NOW.isoformat(), "newest": NOW.isoformat(), "disk": {"database": 4096, "index": 0},
    "spaces": [{"model_id": "m", "model_hash": "0123456789", "dimensions": 384, "vectors": 1}],
    "learnt": {
        "unit/pm2/api": {"lessons": 9, "families": 2, "surprise": 0.125, "weights": {"kernel": 0.7, "linear": 0.3}}
    },
    "policy_in_words": ["At most 100,000 records."],
    "learning": {"kernel": True, "momentum": False},
}  # fmt: skip


@pytest.mark.parametrize("width", [None, 40, 60])
def test_the_memory_at_a_glance(width: int | None) -> None:
    lines = overview(STATS, Screen(width=width))
    text = "\n".join(lines)
    assert "12: 11 episodes, 1 fact" in text
    assert re.search(r"pm2:api +9 ", text)
    assert "Switched off: momentum." in text
    assert width is None or all(cells(line) <= width for line in lines)
    assert overview(STATS | {"records": 0, "forgotten": 0}, PIPE) == ["nothing is remembered yet"]


class Tags(HTMLParser):
    """The tags of a page, their attributes, and whether all of them are closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def family(number: int, text: str, chance: random.Random) -> dict[str, Any]:
    remedies = [{"remedy": text, "good": 3.0, "bad": 1.0, "stale": number == 2}]
    return {
        "id": f"f{number}", "scope": f"unit/pm2/{text}", "lessons": 1 + number, "share": chance.random(),
        "x": chance.random(), "y": chance.random(), "text": text, "remedies": remedies,
    }  # fmt: skip


def picture(texts: Sequence[str], lessons: int) -> dict[str, Any]:
    chance = random.Random(7)
    return {
        "at": NOW.isoformat(),
        "stats": STATS,
        "families": [family(number, text, chance) for number, text in enumerate(texts)],
        "lessons": [
            {
                "at": (NOW + timedelta(hours=number)).isoformat(), "surprise": chance.uniform(-1, 1), "remedy": text,
                "opened": number % 5 == 0, "stale": number % 7 == 3, "weights": {"kernel": 0.6, text: 0.4},
            }
            for number, text in enumerate((list(texts) or ["x"]) * lessons)
        ],
        "growth": [
            {"at": (NOW + timedelta(days=day)).isoformat(), "episode": day, "fact": 2, "procedure": 0, "forgotten": 1,
             "archived": 0}
            for day in range(lessons)
        ],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("texts", "lessons"), [((), 0), (("one",), 1), (HOSTILE, 12), ([f"family {n}" for n in range(200)], 2)]
)
def test_the_page_stands_by_itself_and_runs_nothing(texts: Sequence[str], lessons: int) -> None:
    made = page(picture(texts, lessons))
    tags = Tags(made)
    assert tags.open == []
    names = {tag for tag, _ in tags.seen}
    assert not names & {"script", "link", "img", "iframe", "object", "use", "image", "a", "form"}
    attributes = {name for _, attrs in tags.seen for name in attrs}
    assert not attributes & {"src", "href", "xlink:href", "onload", "onclick"}
    assert "url(" not in made
    assert "default-src 'none'" in made
    assert not {*"\x1b\x00\u202e"} & set(made)
    made.encode()  # no lone surrogates
    assert "nan" not in re.sub(r"<title>.*?</title>|<text.*?</text>", "", made)


def test_an_empty_memory_says_so() -> None:
    made = page(picture((), 0) | {"stats": {"records": 0, "by_kind": {}}})
    assert "Nothing is remembered yet" in made
    assert "None yet" in made
    assert "<svg" not in made


def test_everything_drawn_can_be_reached_by_the_keyboard_and_tells_about_itself() -> None:
    made = page(picture(["crash of api", "hang of web"], 3))
    spots = re.findall(r'<g class="spot[^"]*" tabindex="0"><title>([^<]+)</title>', made)
    assert made.count('class="spot') == len(spots)
    assert any(spot.startswith("1: hang of web — 2 lessons; hang of web works 75% of late") for spot in spots)
    assert made.count('class="tip"') >= len(spots)


def test_shades_and_spans() -> None:
    assert [shade(value) for value in (None, 0.0, 0.5, 0.99, 1.0)] == ["good2", "good0", "good2", "good4", "good4"]
    ends, inside = bucketed([NOW + timedelta(hours=hour) for hour in range(10)], 5)
    assert [len(inside[span]) for span in range(len(ends))] == [2, 2, 2, 2, 2]
    assert ends[-1] == NOW + timedelta(hours=9)
    ends, inside = bucketed([NOW] * 4, 5)
    assert (ends, inside) == ([NOW], {0: [0, 1, 2, 3]})
    assert math.isclose(sum(map(len, inside.values())), 4)
