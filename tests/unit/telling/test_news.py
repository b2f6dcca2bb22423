"""What is told, when, together with what: tables with the clock passed in."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from opsagent.notify_settings import Channel, Notify
from opsagent.store.outbox import SENDING, Message
from opsagent.telling import messages
from opsagent.telling.delivery import again_at, batches, given_up
from opsagent.telling.news import View, digest_due, message_id, news, void
from opsagent.telling.words import Words
from tests.support.told import HOSTILE, account

NOW = datetime(2026, 3, 1, 3, 0, tzinfo=UTC)
TEAM = Channel(name="team", file="x", what=("escalations", "approvals", "repaired", "recurring", "digest"))
NOTIFY = Notify(channels=(TEAM,), zone="UTC", remind_s=3600.0)
ASKED = {
    "id": "q1", "action": "restart", "name": "web", "why": "hangs", "incident": "inc-1a2b3c4d", "needed": 2,
    "expires_at": (NOW + timedelta(hours=1)).isoformat(),
}  # fmt: skip


def ill(**changed: Any) -> dict[str, Any]:
    return account(**{"status": "escalated", "resolved_at": None, "calls": [NOW], **changed})


def told(view: View, notify: Notify = NOTIFY) -> list[str]:
    return [f"{one.kind}: {one.title}" for one in news(view, notify)]


def sent(found: Message, at: datetime) -> dict[str, Message]:
    return {found.id: replace(found, sent_at=at, tries=1)}


def first(view: View) -> Message:
    return next(iter(news(view, NOTIFY)))


# what


def test_a_question_says_which_program_proposed_it() -> None:
    (asked,) = news(View(now=NOW, approvals=[{**ASKED, "proposer": "mcp: editor"}]), NOTIFY)
    assert "Proposed by mcp: editor." in asked.body
    (asked,) = news(View(now=NOW, approvals=[ASKED]), NOTIFY)
    assert "Proposed" not in asked.body


def test_what_was_scheduled_and_not_done_is_told_once() -> None:
    undone = [{"id": "e1", "text": "s1 (restart web at 3am): missed <b>"}]
    message = first(View(now=NOW, undone=undone))
    assert (message.kind, message.incident_id) == ("schedule", None)
    assert "missed" in message.body
    assert "<b>" not in message.body
    assert void(message, View(now=NOW)) == ""
    assert message.id == first(View(now=NOW + timedelta(minutes=5), undone=undone)).id


def test_a_person_is_called_once_reminded_while_nobody_acks_and_told_the_end() -> None:
    call = first(View(now=NOW, accounts=[ill()]))
    known = sent(call, NOW)
    later = NOW + timedelta(minutes=59)
    assert (call.kind, call.title) == ("escalation", "web: crash needs a person")
    assert told(View(now=later, accounts=[ill()], told=known)) == []
    later = NOW + timedelta(minutes=61)
    assert told(View(now=later, accounts=[ill(acked={"by": "ann"})], told=known)) == []
    (reminder,) = news(View(now=later, accounts=[ill()], told=known), NOTIFY)
    assert reminder.title == "web: crash still needs a person"
    known |= sent(reminder, later)
    assert told(View(now=later + timedelta(minutes=61), accounts=[ill()], told=known)) == []
    assert len(told(View(now=later + timedelta(minutes=121), accounts=[ill()], told=known))) == 1
    over = account(resolved_at=later.isoformat())
    assert "escalation" not in str(told(View(now=later, accounts=[over], told=known)))
    assert "over: web: crash is over" in told(View(now=later, accounts=[over], told=known))


def test_reminders_end() -> None:
    known: dict[str, Message] = {}
    now, count = NOW, 0
    for _ in range(200):
        for one in news(View(now=now, accounts=[ill()], told=known), NOTIFY):
            known |= sent(one, now)
            count += 1
        now += timedelta(hours=1)
    assert count == 4


def test_news_of_a_known_incident_waits_ten_minutes_and_is_one_message() -> None:
    known = sent(first(View(now=NOW, accounts=[ill()])), NOW)
    worse = ill(calls=[NOW, NOW + timedelta(minutes=1), NOW + timedelta(minutes=2)])
    assert told(View(now=NOW + timedelta(minutes=3), accounts=[worse], told=known)) == []
    assert told(View(now=NOW + timedelta(minutes=11), accounts=[worse], told=known)) == ["escalation: web: crash: news"]


def test_the_same_view_gives_the_same_ids_and_other_channels_other_ones() -> None:
    view = View(now=NOW, accounts=[ill()], approvals=[ASKED], recurring=[[account()]])
    two = replace(NOTIFY, channels=(TEAM, replace(TEAM, name="night")))
    ids = [one.id for one in news(view, two)]
    assert ids == [one.id for one in news(replace(view, now=NOW + timedelta(minutes=1)), two)]
    assert len(set(ids)) == 6


@pytest.mark.parametrize(
    ("what", "kinds"),
    [
        (("escalations",), ["escalation"]),
        (("approvals",), ["approval"]),
        (("repaired",), ["repaired"]),
        (("recurring",), ["recurring"]),
        (("digest",), []),
    ],
)
def test_a_channel_is_told_what_it_asks_for(what: Any, kinds: list[str]) -> None:
    mended = account(id="inc-2", resolved_at=NOW.isoformat())
    view = View(now=NOW, accounts=[ill(), mended], approvals=[ASKED], recurring=[[mended]])
    notify = replace(NOTIFY, channels=(replace(TEAM, what=what),))
    assert [one.kind for one in news(view, notify)] == kinds


def test_what_would_be_done_is_told_once_the_first_days_are_over() -> None:
    held_back = account(status="open", suggested="restart:web: it hangs", resolved_at=None)
    notify = replace(NOTIFY, channels=(replace(TEAM, what=("suggestions", "digest")),))
    assert told(View(now=NOW, accounts=[held_back], careful=True), notify) == []
    (found,) = news(View(now=NOW, accounts=[held_back]), notify)
    assert (found.kind, found.title) == ("suggestion", "web: crash; I would see to it")
    assert "would do: restart:web: it hangs" in found.body
    assert void(found, View(now=NOW, accounts=[account(status="closed")])) != ""
    nine = NOW.replace(hour=9, minute=10)
    assert [digest_due(notify, TEAM, nine, careful=careful) for careful in (False, True)] == ["", "2026-03-01"]


def test_old_repairs_are_no_news() -> None:
    mended = account(resolved_at=(NOW - timedelta(hours=2)).isoformat())
    assert told(View(now=NOW, accounts=[mended])) == []


def test_snoozed_is_silent_and_what_waits_for_it_is_kept_back() -> None:
    call = first(View(now=NOW, accounts=[ill()]))
    assert told(View(now=NOW, accounts=[ill(muted=True)])) == []
    assert void(call, View(now=NOW, accounts=[ill(muted=True)])) == "snoozed"
    assert void(call, View(now=NOW, accounts=[ill()])) == ""
    assert void(call, View(now=NOW, accounts=[account()])) == "over before it was sent"


def test_a_question_that_is_answered_is_not_asked_any_more() -> None:
    (question,) = news(View(now=NOW, approvals=[ASKED]), NOTIFY)
    assert void(question, View(now=NOW, approvals=[ASKED])) == ""
    assert void(question, View(now=NOW)) != ""


def test_a_digest_is_due_for_an_hour_of_the_readers_day() -> None:
    notify = replace(NOTIFY, digest_at="09:00", zone="Asia/Seoul")
    hours = {hour: digest_due(notify, TEAM, NOW.replace(hour=hour, minute=30)) for hour in range(24)}
    assert {hour: day for hour, day in hours.items() if day} == {0: "2026-03-01"}
    assert digest_due(NOTIFY, TEAM, NOW) == ""


def test_a_digest_that_is_due_before_midnight_may_be_told_after_it_and_one_in_the_hour_that_comes_twice_once() -> None:
    late = replace(NOTIFY, digest_at="23:59", zone="Europe/Berlin")
    midnight = datetime(2026, 3, 3, 23, 0, tzinfo=UTC)  # 00:00 in Berlin
    told_at = {
        minutes: digest_due(late, TEAM, midnight + timedelta(minutes=minutes)) for minutes in (-2, -1, 20, 58, 59)
    }
    assert told_at == {-2: "", -1: "2026-03-03", 20: "2026-03-03", 58: "2026-03-03", 59: ""}
    for digest_at, begin in (
        ("02:30", datetime(2026, 10, 25, tzinfo=UTC)),
        ("02:30", datetime(2026, 3, 29, tzinfo=UTC)),
    ):
        twice = replace(NOTIFY, digest_at=digest_at, zone="Europe/Berlin")
        days = {digest_due(twice, TEAM, begin + timedelta(minutes=minutes)) for minutes in range(0, 720, 10)}
        assert days == {"", f"{begin:%Y-%m-%d}"}


# what it says


def test_a_message_names_the_command_and_carries_no_link() -> None:
    title, body = messages.approval(ASKED, Words())
    assert title == "web: may I restart?"
    assert "2 people have to say yes\nyes: opsagent approve q1" in body
    assert "nothing in a message can be clicked to say yes" in body
    assert "://" not in body


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("language", ["en", "ko"])
def test_foreign_text_in_a_message_is_text(hostile: str, language: str) -> None:
    words = Words(language)
    asked = {**ASKED, "why": hostile, "name": f"web{hostile}", "action": f"restart{hostile}"}
    said = [
        messages.escalation(ill(**account(hostile, status="escalated")), words),
        messages.repaired(account(hostile), words),
        messages.over(account(hostile), words),
        messages.approval(asked, words),
        messages.recurs([account(hostile)], words),
        messages.digest(["title", hostile], "12 h", words),
    ]
    for title, body in said:
        text = f"{title}{body}"
        assert not set("<>@`*\x1b\x07\r\x00\u202e\u2066") & set(text)
        assert "://" not in text
        assert "www.evil" not in text
        assert "\n" not in title
        assert not any(line.startswith(("# ", "- ")) for line in body.splitlines())


def test_several_become_one_that_says_of_what_kind_they_are() -> None:
    title, body = messages.joined([("escalation", "A", "a"), ("repaired", "B", "b")], Words("ko"), "box")
    assert title == "메시지 2개: 사람의 조치 필요, 복구됨"
    assert body == "A\na\n\nB\nb\n\n컴퓨터: box"
    assert messages.joined([("test", "A", "a")], Words(), "box") == ("A", "a\non box")


# when


def message(number: int, *, kind: str = "escalation", due: float = 0.0, **changed: Any) -> Message:
    group = "calls" if kind in {"escalation", "approval"} else "rest"
    given = {
        "id": message_id("team", kind, str(number)), "incident_id": f"inc-{number}", "group_key": f"team|{group}",
        "kind": kind, "title": f"t{number}", "body": "b", "at": NOW + timedelta(seconds=number),
        "due_at": NOW + timedelta(seconds=due),
    }  # fmt: skip
    return Message(**{**given, **changed})


def out(waiting: list[Message], *, quiet: bool = False, channel: Channel = TEAM, **more: Any) -> list[list[str]]:
    given = {"sent_at": [], "now": NOW, "per_hour": 20, **more}
    found = batches([channel], waiting, given["sent_at"], given["now"], per_hour=given["per_hour"], quiet=quiet)
    return [[one.title for one in batch.messages] for batch in found]


def test_what_waits_of_a_group_goes_out_together_once_one_is_due() -> None:
    assert out([message(1, due=1), message(2, due=5)]) == []
    assert out([message(1), message(2, due=5), message(3, kind="repaired", due=5)]) == [["t1", "t2"]]


def test_what_is_on_its_way_is_not_sent_beside() -> None:
    assert out([message(1, error=SENDING)]) == []


@pytest.mark.parametrize(
    ("quiet", "through"),
    [("urgent", [["t1"]]), ("nothing", []), ("all", [["t1"], ["t2"]])],
)
def test_quiet_hours(quiet: Any, through: list[list[str]]) -> None:
    waiting = [message(1), message(2, kind="repaired")]
    assert out(waiting, quiet=True, channel=replace(TEAM, quiet=quiet)) == through
    assert out(waiting, channel=replace(TEAM, quiet=quiet)) == [["t1"], ["t2"]]


def test_the_hourly_limit_counts_sendings_and_not_messages() -> None:
    one_sending = [("team", NOW - timedelta(minutes=5))] * 7
    assert out([message(1)], sent_at=one_sending, per_hour=2) == [["t1"]]
    spent = [("team", NOW - timedelta(minutes=number)) for number in (5, 6)]
    assert out([message(1)], sent_at=spent, per_hour=2) == []
    assert out([message(1)], sent_at=[("other", at) for _, at in spent], per_hour=2) == [["t1"]]
    assert out([message(1)], sent_at=spent, per_hour=2, now=NOW + timedelta(minutes=55)) == [["t1"]]


def test_it_is_tried_again_ever_more_seldom_and_given_up_after_a_day() -> None:
    waits = [(again_at(tries, NOW) - NOW).total_seconds() for tries in range(1, 9)]
    assert waits == [5, 20, 80, 320, 1280, 3600, 3600, 3600]
    assert not given_up(message(0), NOW + timedelta(hours=23))
    assert given_up(message(0), NOW + timedelta(hours=25))


def test_what_is_too_long_loses_neither_a_message_nor_the_commands_at_its_end() -> None:
    words = Words("ko", "UTC")
    call = messages.escalation(ill(summary="x" * 999, why="y" * 999, never="z" * 999, next="n" * 999), words)
    asked = messages.approval({**ASKED, "why": "w" * 999}, words)
    for kinds in ([("escalation", *call)], [("escalation", *call)] * 3 + [("approval", *asked)]):
        _, body = messages.joined(kinds, words, "box")
        assert len(body) <= 3500
        assert body.count("opsagent incidents show inc-1a2b3c4d") == sum(kind == "escalation" for kind, *_ in kinds)
        assert ("opsagent approve q1" in body) == (len(kinds) > 1)
        assert body.endswith("box") or "box" in body.splitlines()[-1]
    title, body = messages.joined([("escalation", *call)] * 200, words, "box")
    assert "200" in title
    assert len(body) <= 3500
    shown = body.count(call[0])
    assert 20 < shown < 200
    assert f"{200 - shown}건" in body
    assert "opsagent handover" in body
