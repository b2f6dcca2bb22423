"""What people are to be told now, from what the journal says. Pure: the same view gives the same messages.

A message's id follows from the channel, the kind and what it is about, so that whoever derives it again (the next look,
the next life of the agent) derives the same one, and nothing is told twice.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from opsagent.notify_settings import Channel, Notify
from opsagent.store.outbox import Message
from opsagent.telling import messages
from opsagent.telling.words import Words

URGENT = frozenset({"escalation", "approval", "test"})
"""Kinds that come through in quiet hours, and are sent once more where nobody knows whether they arrived."""
FRESH = timedelta(hours=1)
"""What was repaired longer ago than this is no news any more."""
_REMINDERS = 3
_FIRST_DAYS = "09:00"
_UPDATES_APART = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What the journal says now."""

    now: datetime
    accounts: Sequence[Mapping[str, Any]] = ()
    """Incidents in brief, with `hypotheses`, `impact`, `tried`, `why`, `calls` (times at which a person was called),
    `trial` (the breaker let one more try through), `muted` (covered by a snooze)."""
    approvals: Sequence[Mapping[str, Any]] = ()
    undone: Sequence[Mapping[str, Any]] = ()
    """What people had scheduled and was not done, or did not succeed: `id`, `text`."""
    recurring: Sequence[Sequence[Mapping[str, Any]]] = ()
    careful: bool = False
    """The first days: what would be done is kept for the digest."""
    told: Mapping[str, Message] = field(default_factory=dict)
    """Messages of late by id."""


def message_id(channel: str, kind: str, subject: str, number: int = 1) -> str:
    """Return the id of what is said of a subject, the `number`th time."""
    return hashlib.sha256(f"{channel}|{kind}|{subject}|{number}".encode()).hexdigest()[:32]


def news(view: View, notify: Notify) -> Iterator[Message]:
    """Yield what each channel is to be told."""
    for channel in notify.channels:
        words = Words(notify.language_of(channel), notify.zone_of(channel))
        yield from _of(channel, view, notify, words)


def _of(channel: Channel, view: View, notify: Notify, words: Words) -> Iterator[Message]:
    for account in view.accounts:
        if account["muted"]:
            continue
        if "escalations" in channel.what:
            yield from _escalations(channel, account, view, notify, words)
        if "suggestions" in channel.what and account.get("suggested") and not view.careful:
            said = messages.suggestion(account, words)
            yield _message(channel, "suggestion", account["id"], said, view, notify)
        if "repaired" in channel.what and _just_repaired(account, view):
            told = view.told.get(message_id(channel.name, "over", account["id"]))
            if told is None:
                yield _message(channel, "repaired", account["id"], messages.repaired(account, words), view, notify)
    if "escalations" in channel.what:
        for one in view.undone:
            yield _message(channel, "schedule", one["id"], messages.undone(one, words), view, notify)
    if "approvals" in channel.what:
        for asked in view.approvals:
            yield _message(
                channel,
                "approval",
                asked["id"],
                messages.approval(asked, words),
                view,
                notify,
                incident=asked["incident"],
            )
    if "recurring" in channel.what:
        for group in view.recurring:
            about = "|".join(str(group[0][key]) for key in ("unit", "fault", "remedy"))
            yield _message(
                channel, "recurring", about, messages.recurs(group, words), view, notify, incident=group[0]["id"]
            )


def _escalations(
    channel: Channel, account: Mapping[str, Any], view: View, notify: Notify, words: Words
) -> Iterator[Message]:
    first = view.told.get(message_id(channel.name, "escalation", account["id"]))
    if account["status"] == "escalated":
        if first is None or not first.settled:
            said = messages.escalation(account, words)
            yield _message(channel, "escalation", account["id"], said, view, notify)
        elif not account["acked"]:
            yield from _again(channel, account, view, notify, words)
    elif account["status"] in {"resolved", "closed"} and first is not None and first.sent:
        yield _message(channel, "over", account["id"], messages.over(account, words), view, notify)
    elif account["status"] in {"resolved", "closed"} and account.get("trial") and (first is None or not first.settled):
        # one more try after the breaker had opened: a person learns of it, whichever way it went
        yield _message(channel, "escalation", account["id"], messages.over(account, words), view, notify)


def _again(channel: Channel, account: Mapping[str, Any], view: View, notify: Notify, words: Words) -> Iterator[Message]:
    """News of an incident that a person was called for, or a reminder where nobody says that they saw it."""
    mine = [one for one in view.told.values() if one.channel == channel.name and one.incident_id == account["id"]]
    mine = [one for one in mine if one.kind == "escalation"]
    last = max((one.sent_at for one in mine if one.sent_at is not None), default=None)
    if last is None or any(not one.settled for one in mine):
        return
    number = len(mine) + 1
    fresh = [at for at in account["calls"] if at > last]
    if fresh and view.now >= last + _UPDATES_APART:
        said = messages.escalation(account, words, key="msg.update")
    elif notify.remind_s and len(mine) <= _REMINDERS and view.now >= last + _pause(notify.remind_s, len(mine)):
        said = messages.escalation(account, words, key="msg.escalation_again")
    else:
        return
    yield _message(channel, "escalation", account["id"], said, view, notify, number=number)


def _pause(remind_s: float, told: int) -> timedelta:
    return timedelta(seconds=remind_s * 2 ** (told - 1))


def _just_repaired(account: Mapping[str, Any], view: View) -> bool:
    ended = account["resolved_at"]
    if account["status"] != "resolved" or not account["remedy"] or not ended:
        return False
    return view.now - datetime.fromisoformat(ended) <= FRESH


def _message(  # noqa: PLR0917  # the order is the order of a sentence
    channel: Channel,
    kind: str,
    subject: str,
    said: tuple[str, str],
    view: View,
    notify: Notify,
    *,
    number: int = 1,
    incident: str | None = None,
) -> Message:
    return Message(
        id=message_id(channel.name, kind, subject, number),
        incident_id=incident if kind in {"approval", "recurring", "schedule"} else subject,
        group_key=f"{channel.name}|{'calls' if kind in URGENT else 'rest'}",
        kind=kind,
        title=said[0],
        body=said[1],
        at=view.now,
        due_at=view.now + timedelta(seconds=notify.group_s),
    )


def digest_due(notify: Notify, channel: Channel, now: datetime, *, careful: bool = False) -> str:
    """Return the day (of the channel's zone) whose digest is due, or nothing: the hour after its time of day.

    `careful`: in the first days there is one whether a time is configured or not.
    """
    at = notify.digest_at or (_FIRST_DAYS if careful else "")
    if not at or "digest" not in channel.what:
        return ""
    from opsagent.telling.times import zone_of

    hour, _, minute = at.partition(":")
    today = now.astimezone(zone_of(notify.zone_of(channel)))
    for day in (today, today - timedelta(days=1)):  # what is due shortly before midnight may be sent after it
        due = day.replace(hour=int(hour), minute=int(minute), second=0, microsecond=0)
        if timedelta() <= now - due.astimezone(UTC) < FRESH:
            return f"{day:%Y-%m-%d}"
    return ""


def void(message: Message, view: View) -> str:
    """Return why a message that waits is not worth sending any more; empty where it is. `snoozed`: for now."""
    account = next((one for one in view.accounts if one["id"] == message.incident_id), None)
    if message.kind == "approval":
        asked = any(message_id(message.channel, "approval", one["id"]) == message.id for one in view.approvals)
        return "" if asked else "answered, or expired, before it was sent"
    if account is None:
        return ""
    if message.kind == "suggestion" and account["status"] != "open":
        return "over before it was sent"
    if message.kind == "escalation":
        if account["muted"]:
            return "snoozed"
        if account["status"] != "escalated":
            return "over before it was sent"
    return "snoozed" if account["muted"] and message.kind in {"repaired", "suggestion"} else ""
