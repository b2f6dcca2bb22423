"""Which messages go out now, together with which others, and when the rest is tried. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from opsagent.notify_settings import Channel
from opsagent.store.outbox import SENDING, Message
from opsagent.telling.news import URGENT
from opsagent.telling.words import Words

FIRST_AGAIN_S, LONGEST_AGAIN_S = 5.0, 3600.0
GIVEN_UP = timedelta(hours=24)
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Messages that go out as one."""

    channel: Channel
    messages: tuple[Message, ...]


def quiet_for(message: Message, channel: Channel) -> bool:
    """Tell whether a message waits while the hours are quiet."""
    if channel.quiet == "all":
        return False
    return channel.quiet == "nothing" or message.kind not in URGENT


def batches(
    channels: Iterable[Channel],
    waiting: Sequence[Message],
    sent_at: Iterable[tuple[str, datetime]],
    now: datetime,
    *,
    per_hour: int,
    quiet: bool,
) -> list[Batch]:
    """Return what goes out at `now`: per channel everything of a group of which one is due, within the hourly limit.

    `sent_at`: channel and time of what was sent of late; what went out as one has one time.
    """
    spent = set(sent_at)
    found: list[Batch] = []
    for channel in channels:
        used = sum(1 for name, at in spent if name == channel.name and now - at < _HOUR)
        mine = [one for one in waiting if one.channel == channel.name and one.error != SENDING]
        mine = [one for one in mine if not (quiet and quiet_for(one, channel))]
        groups: dict[str, list[Message]] = {}
        for one in mine:
            groups.setdefault(one.group_key, []).append(one)
        for group in groups.values():
            if used >= per_hour or not any(one.due_at <= now for one in group):
                continue
            used += 1
            found.append(Batch(channel=channel, messages=tuple(sorted(group, key=lambda one: one.at))))
    return found


def again_at(tries: int, now: datetime) -> datetime:
    """Return when what failed `tries` times is tried again: 5 s, 20 s, 80 s … an hour later."""
    return now + timedelta(seconds=min(LONGEST_AGAIN_S, FIRST_AGAIN_S * 4 ** max(0, tries - 1)))


def given_up(message: Message, now: datetime) -> bool:
    """Tell whether it is not tried any more."""
    return now - message.at > GIVEN_UP


def marked(body: str, words: Words) -> str:
    """Return it with the word that it may have arrived already, once."""
    return body if words("msg.again") in body else f"{words('msg.again')}\n{body}"
