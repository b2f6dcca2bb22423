"""`opsagent notify`: who is told what, what waits, and whether it arrives."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag
from opsagent.cli.quick import QuickCommand, QuickGroup

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.egress import Sent
    from opsagent.home import Home
    from opsagent.notify_settings import Channel, Notify

app = typer.Typer(cls=QuickGroup, help="Messages to people: the channels, what waits, a test.", add_completion=False)


def _complete_channels(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Complete the names of channels."""
    from pathlib import Path

    from opsagent.cli.incidents_told import notify_of
    from opsagent.home import Home, HomeError

    try:
        given = ctx.params.get("home")
        names = [one.name for one in notify_of(Home.open(Path(given) if given else None)).channels]
    except HomeError:
        names = []
    yield from (name for name in names if name.startswith(incomplete))


@app.callback(invoke_without_command=True)
def _bare(ctx: typer.Context, json: JsonFlag = False, home: HomeDir = None) -> int:
    """Messages to people: the channels, what waits, a test. Without a subcommand: list."""
    return list_(json=json, home=home) if ctx.invoked_subcommand is None else 0


@app.command("list", cls=QuickCommand)
def list_(
    *,
    everything: Annotated[bool, typer.Option("--all", help="Also what was sent, or will not be.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """List the channels of the configuration, and the messages that wait."""
    from opsagent.cli.agent import config_of
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.cli.store import reading

    place, out = open_home(home), Out(as_json=json)
    notify = config_of(place).notify
    with reading(place) as journal:
        messages = [_form(one) for one in journal.messages(waiting=not everything)]
    if json:
        out.document({"channels": [_channel(one, notify) for one in notify.channels], "messages": messages})
        return 0
    if not notify.channels:
        out.line("nobody is told anything: config.toml has no [notify.channels.NAME] (docs/telling.md)")
    _show(notify, messages, out)
    return 0


@app.command("test", cls=QuickCommand)
def try_out(
    channel: Annotated[
        str | None,
        typer.Argument(
            metavar="CHANNEL",
            help="Name of a channel [default: all].",
            autocompletion=_complete_channels,
            show_default=False,
        ),
    ] = None,
    *,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Send a test message. Exit code 1 where a channel did not take it; says what to mend."""
    import asyncio

    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import Code, Unclear
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.views.terminal import one_line

    place, out = open_home(home), Out(as_json=json)
    notify = config_of(place).notify
    chosen = [one for one in notify.channels if channel in {None, one.name}]
    if not chosen:
        names = ", ".join(one.name for one in notify.channels) or "none"
        problem = f"there is no channel {channel!r}" if channel else "there is no channel"
        raise Unclear(f"{problem}: config.toml has {names} (docs/telling.md)")
    results = asyncio.run(_test(place, notify, chosen))
    if json:
        out.document(
            {"results": [{"channel": one.name, "ok": sent.ok, "where": sent.where, "bytes": sent.size, "why": sent.why}
                         for one, sent in results]}
        )  # fmt: skip
    else:
        for one, sent in results:
            word = out.screen.paint("sent", "good") if sent.ok else out.screen.paint("not sent", "bad")
            detail = one_line(sent.where if sent.ok else sent.why)
            out.line(f"{one.name}: {word}{f' ({detail})' if detail else ''}")
    return 0 if all(sent.ok for _, sent in results) else Code.FAILED


async def _test(home: Home, notify: Notify, channels: list[Channel]) -> list[tuple[Channel, Sent]]:
    import socket

    from opsagent.cli.store import writing
    from opsagent.telling.courier import Courier
    from opsagent.telling.messages import joined
    from opsagent.telling.words import Words

    found = []
    with writing(home) as journal:
        courier = Courier(journal, notify, folder=home.notify_dir)
        for channel in channels:
            words = Words(notify.language_of(channel), notify.zone_of(channel))
            said = ("test", words("msg.test"), words("msg.test_body", channel=channel.name))
            title, body = joined([said], words, socket.gethostname())
            found.append((channel, await courier.send(channel, title, body, kinds="test")))
    return found


def _channel(channel: Channel, notify: Notify) -> dict[str, Any]:
    return {
        "name": channel.name,
        "by": "file" if channel.file else "url_file" if channel.url_file else "url_env",
        "refers_to": channel.file or channel.url_file or channel.url_env,
        "hosts": list(channel.hosts),
        "what": list(channel.what),
        "language": notify.language_of(channel),
        "zone": notify.zone_of(channel),
        "quiet": channel.quiet,
    }


def _form(message: Any) -> dict[str, Any]:
    from opsagent.cli.output import plain

    return {
        "id": message.id,
        "channel": message.channel,
        "kind": message.kind,
        "incident": message.incident_id,
        "title": message.title,
        "body": message.body,
        "at": plain(message.at),
        "due_at": plain(message.due_at),
        "sent_at": plain(message.sent_at) if message.sent else None,
        "settled": message.settled,
        "tries": message.tries,
        "error": message.error,
    }


def _show(notify: Notify, messages: list[dict[str, Any]], out: Out) -> None:
    if notify.channels:
        _show_channels([_channel(one, notify) for one in notify.channels], out)
    if messages:
        _show_messages(messages, out)
    else:
        out.line("no message waits")


def _show_channels(channels: list[dict[str, Any]], out: Out) -> None:
    from opsagent.views.table import Cell, Column, table

    columns = (
        Column("CHANNEL"),
        Column("BY"),
        Column("TELLS"),
        Column("LANG", drop=1),
        Column("ZONE", drop=2),
        Column("HOSTS", drop=3),
    )
    rows = [
        (
            Cell(one["name"], "strong"),
            Cell(f"{one['by']} {one['refers_to']}"),
            Cell(", ".join(one["what"])),
            Cell(one["language"]),
            Cell(one["zone"]),
            Cell(", ".join(one["hosts"])),
        )
        for one in channels
    ]
    out.lines(table(columns, rows, out.screen))


def _show_messages(messages: list[dict[str, Any]], out: Out) -> None:
    from datetime import datetime

    from opsagent.views.numbers import moment
    from opsagent.views.table import Cell, Column, table

    columns = (Column("CHANNEL"), Column("KIND", drop=2), Column("AT", drop=3), Column("STATE"), Column("TITLE"))
    rows = [
        (
            Cell(one["channel"]),
            Cell(one["kind"]),
            Cell(moment(datetime.fromisoformat(one["at"]))),
            Cell("sent" if one["sent_at"] else one["error"] or "waits"),
            Cell(one["title"]),
        )
        for one in messages
    ]
    out.lines(table(columns, rows, out.screen))
