"""Brings messages to people: looks into the journal, keeps the outbox, sends what is due. Never in the way of a repair.

What is to be told follows from the journal, so nothing is lost when the agent dies; that a message is about to go out is on
the disk before it does, so nothing is sent twice unmarked.
"""

from __future__ import annotations

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from opsagent import egress
from opsagent.notify_settings import Channel, Notify
from opsagent.quiet import QuietHours
from opsagent.store.approvals import AGENT
from opsagent.store.errors import StoreError
from opsagent.store.journal import Journal
from opsagent.store.outbox import SENDING, Message
from opsagent.store.rows import IncidentRow
from opsagent.store.schedules import SCHEDULE_FAILED
from opsagent.telling.account import brief, plain, said
from opsagent.telling.as_lines import as_lines
from opsagent.telling.delivery import Batch, again_at, batches, given_up, marked
from opsagent.telling.gather import costed, handover_of
from opsagent.telling.handover import handover
from opsagent.telling.issue import recurring
from opsagent.telling.messages import digest, joined
from opsagent.telling.news import FRESH, URGENT, View, digest_due, message_id, news, void
from opsagent.telling.snooze import covered
from opsagent.telling.snoozing import end_snoozes, with_snoozed
from opsagent.telling.words import Words
from opsagent.views.terminal import Screen
from opsagent_tools.actions import Action

_LOG = logging.getLogger(__name__)
_LOOK_S = 1.0
_IDLE_S = 30.0
"""Between two looks while nothing is written: reminders, digests and the ends of snoozes come by time alone."""
_BACK = timedelta(days=2)
_SPAN = timedelta(hours=24)

Send = Callable[..., Awaitable[egress.Sent]]


def _action(action: Action) -> str:
    """Return a typed action as a person reads it: its name, and with what."""
    args = ", ".join(f"{key}={value}" for key, value in action.args.items())
    return f"{action.name.value} ({args})" if args else action.name.value


def _now() -> datetime:
    return datetime.now(UTC)


class Courier:
    """The messages of one agent."""

    def __init__(
        self,
        journal: Journal,
        notify: Notify,
        *,
        folder: Path,
        quiet: Callable[[], QuietHours | None] = lambda: None,
        careful: Callable[[datetime], bool] = lambda now: False,
        send: Send = egress.send,
        clock: Callable[[], datetime] = _now,
    ) -> None:
        self._journal = journal
        self._notify = notify
        self._folder = folder
        self._quiet = quiet
        self._careful = careful
        self._send = send
        self._clock = clock
        self._owed: list[Callable[[], object]] = []
        """What could not be written down when it was so: how sendings ended. Nothing is sent until it is."""
        self._seen = (-1, datetime.min.replace(tzinfo=UTC))
        self._waits = False

    async def run(self) -> None:
        """Look and send until cancelled. Whatever goes wrong is noted, and tried again."""
        with suppress(StoreError):
            await asyncio.to_thread(self.recover)
        while True:
            try:
                if await asyncio.to_thread(self._news):
                    await self.look()
            except StoreError as error:
                _LOG.warning("messages wait: %s", error)
            except Exception:  # noqa: BLE001  # telling must not end because of one thing that cannot be told
                _LOG.exception("messages wait")
            await asyncio.sleep(_LOOK_S)

    def _news(self) -> bool:
        """Tell whether a look is worth while: something was written since, something waits, or it is long ago."""
        version, now = self._journal.version(), self._clock()
        idle = version == self._seen[0] and not self._waits
        if idle and timedelta() <= now - self._seen[1] < timedelta(seconds=_IDLE_S):
            return False
        self._seen = (version, now)
        return True

    async def look(self) -> int:
        """Take one look, and send what is due; return how many messages went out."""
        await asyncio.to_thread(self._note)
        due = await asyncio.to_thread(self._prepare)
        sent = 0
        for batch in due:
            sent += await self._deliver(batch)
        return sent

    def recover(self) -> None:
        """Settle what an earlier life of the agent was sending when it ended: nobody knows whether it arrived."""
        channels = {channel.name: channel for channel in self._notify.channels}
        cut_off = [one for one in self._journal.messages() if one.error == SENDING]
        self._note_cut_off([one for one in cut_off if one.channel not in channels or not channels[one.channel].file])
        for one in cut_off:
            channel = channels.get(one.channel)
            if one.kind in URGENT and channel is not None:
                words = Words(self._notify.language_of(channel), self._notify.zone_of(channel))
                why, body = "the agent ended while it was sent", marked(one.body, words)
                self._journal.put_off_messages([one.id], self._clock(), why, body=body)
            else:
                self._journal.settle_messages([one.id], "the agent ended while it was sent; it may have arrived")

    def _note_cut_off(self, cut_off: Sequence[Message]) -> None:
        """Keep in the ledger that something may have left, which nobody was there to write down."""
        for name in dict.fromkeys(one.channel for one in cut_off):
            kinds = ",".join(dict.fromkeys(one.kind for one in cut_off if one.channel == name))
            why = f"[notify.channels.{name}]: the agent ended while it was sent; it may have arrived"
            self._journal.note_egress(where="?", what=f"notification: {kinds}", size=0, ok=False, why=why)

    def _prepare(self) -> list[Batch]:
        now = self._clock()
        view = self._view(now)
        for message in news(view, self._notify):
            self._journal.put_message(message)
        for message in self._digests(now):
            self._journal.put_message(message)
        waiting = []
        for message in self._journal.messages():
            reason = void(message, view)
            if reason == "snoozed":
                continue
            if reason or given_up(message, now):
                self._journal.settle_messages([message.id], reason or f"given up: {message.error or 'never tried'}")
            else:
                waiting.append(message)
        self._waits = bool(waiting)
        hours = self._quiet()
        quiet = hours is not None and hours.until(now) is not None
        sent = [(one.channel, one.sent_at) for one in view.told.values() if one.sent and one.sent_at is not None]
        return batches(self._notify.channels, waiting, sent, now, per_hour=self._notify.per_hour, quiet=quiet)

    def _view(self, now: datetime) -> View:
        journal = self._journal
        since = now - _BACK
        rows = journal.incidents_since(since)
        first = min([since, *(row.incident.opened_at for row in rows)])
        calls = journal.events_of_kind("escalated", first)
        suggested = {event.incident_id: event.text for event in journal.events_of_kind("suggested", first)}
        trials = {one.incident_id for one in journal.events_of_kind("trial", since)}
        known = with_snoozed(journal, rows)
        watches = end_snoozes(journal, known, now)
        snoozes = [one for one in watches if one.kind == "snooze"]
        accounts = []
        for row in rows:
            mine = [one for one in calls if one.incident_id == row.id]
            accounts.append(
                {
                    **costed(row),
                    **brief(row, watches),
                    "hypotheses": plain(row.hypotheses),
                    **said(mine),
                    "suggested": self._suggested(row) if row.status == "open" and row.id in suggested else "",
                    "changed": plain(row.changed) if row.status == "escalated" else [],
                    "evidence": plain(row.evidence) if row.status == "escalated" else [],
                    "calls": [one.at for one in mine],
                    "tried": self._tried(row) if row.status == "escalated" else [],
                    "trial": row.id in trials,
                    "muted": covered(row, snoozes, known) is not None,
                }
            )
        return View(
            now=now,
            accounts=accounts,
            approvals=[
                {
                    "id": row.id,
                    "action": _action(row.step.action),
                    "name": row.unit.name,
                    "why": row.step.why,
                    "expires_at": row.expires_at.isoformat(),
                    "incident": row.incident_id,
                    "needed": row.needed or 1,
                    "proposer": row.proposer if row.proposer != AGENT else "",
                }
                for row in journal.approvals()
            ],
            undone=[{"id": one.id, "text": one.text} for one in journal.said_of_kind(SCHEDULE_FAILED, now - FRESH)],
            recurring=self._recurring(rows, now),
            careful=self._careful(now),
            told={one.id: one for one in journal.messages(waiting=False, since=min(since - _BACK, first))},
        )

    def _suggested(self, row: IncidentRow) -> str:
        """Return what the agent would do, by the last plan that was kept back."""
        plans = [one for one in self._journal.incident(row.id).plans if one.status == "skipped"]
        steps = ", ".join(str(step.action) for step in plans[-1].plan.steps) if plans else ""
        return f"{steps}: {plans[-1].plan.why}" if plans and plans[-1].plan.why else steps

    def _tried(self, row: IncidentRow) -> list[dict[str, Any]]:
        return [
            {"remedy": one.plan.remedy, "status": one.status}
            for one in self._journal.incident(row.id).plans
            if one.status in {"done", "failed", "interrupted"}
        ]

    def _recurring(self, rows: Sequence[IncidentRow], now: datetime) -> list[list[Any]]:
        late = [row for row in rows if row.remedy and row.resolved_at is not None and now - row.resolved_at <= FRESH]
        kinds = {(row.unit, row.fault, row.remedy): row for row in late}
        alike = [costed(one) for row in kinds.values() for one in self._journal.repaired_alike(row)]
        return [list(group) for group in recurring(alike)]

    def _digests(self, now: datetime) -> list[Message]:
        found = []
        for channel in self._notify.channels:
            day = digest_due(self._notify, channel, now, careful=self._careful(now))
            if not day:
                continue
            words = Words(self._notify.language_of(channel), self._notify.zone_of(channel))
            document = handover(handover_of(self._journal, now - _SPAN, now), words)
            title, body = digest(as_lines(document, Screen()), words.duration(_SPAN.total_seconds()), words)
            found.append(
                Message(
                    id=message_id(channel.name, "digest", day),
                    incident_id=None,
                    group_key=f"{channel.name}|rest",
                    kind="digest",
                    title=title,
                    body=body,
                    at=now,
                    due_at=now,
                )
            )
        return found

    async def _deliver(self, batch: Batch) -> int:
        ids = [one.id for one in batch.messages]
        channel = batch.channel
        words = Words(self._notify.language_of(channel), self._notify.zone_of(channel))
        title, body = joined([(one.kind, one.title, one.body) for one in batch.messages], words, socket.gethostname())
        await asyncio.to_thread(self._journal.begin_sending, ids)
        kinds = ",".join(dict.fromkeys(one.kind for one in batch.messages))
        try:
            sent = await self.send(channel, title, body, kinds=kinds)
        except OSError as error:  # no process could be started: also where memory is what is short
            sent = egress.Sent(ok=False, where="", size=0, why=f"cannot be sent from here: {error.strerror or error}")
        if sent.ok:
            self._owed.append(lambda: self._journal.settle_messages(ids))
        else:
            _LOG.warning("channel %s: %s", channel.name, sent.why)
            tries = max(one.tries for one in batch.messages) + 1
            self._owed.append(lambda: self._put_off(batch, again_at(tries, self._clock()), sent, words))
        await asyncio.to_thread(self._note)
        return len(ids) if sent.ok else 0

    def _note(self) -> None:
        """Write down how sendings ended; what cannot be written now stays owed. Raises StoreError."""
        while self._owed:
            with suppress(LookupError):
                self._owed[0]()
            del self._owed[0]

    def _put_off(self, batch: Batch, until: datetime, sent: egress.Sent, words: Words) -> None:
        """Have it tried again; where something went out, marked, for it may have arrived."""
        for one in batch.messages:
            body = marked(one.body, words) if sent.size else None
            self._journal.put_off_messages([one.id], until, sent.why, body=body)

    async def send(self, channel: Channel, title: str, body: str, *, kinds: str) -> egress.Sent:
        """Send one message to one channel, and keep the ledger of what left the machine."""
        if channel.file:
            return await asyncio.to_thread(self._write, channel, title, body)
        try:
            url = egress.address(url_file=channel.url_file, url_env=channel.url_env, folder=self._folder)
        except egress.EgressError as error:
            return egress.Sent(ok=False, where="", size=0, why=str(error))
        sent = await self._send(url, title=title, body=body, hosts=channel.hosts, proxy=self._notify.proxy)
        why = f"[notify.channels.{channel.name}]" + (f": {sent.why}" if sent.why else "")
        with suppress(StoreError):
            await asyncio.to_thread(
                self._journal.note_egress,
                where=sent.where,
                what=f"notification: {kinds}",
                size=sent.size,
                ok=sent.ok,
                why=why,
            )
        return sent

    def _write(self, channel: Channel, title: str, body: str) -> egress.Sent:
        path = Path(channel.file).expanduser()
        path = path if path.is_absolute() else self._folder / path
        text = f"{self._clock():%Y-%m-%d %H:%M:%S}Z {title}\n" + "".join(f"  {line}\n" for line in body.splitlines())
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        try:
            descriptor = os.open(path, flags, 0o600)
            with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
                file.write(text + "\n")
        except OSError as error:
            return egress.Sent(ok=False, where="file", size=0, why=f"{path}: {error.strerror or error}")
        return egress.Sent(ok=True, where="file", size=len(text))
