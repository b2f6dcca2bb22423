"""`opsagent incidents postmortem` and `issue`: an incident as a text for others."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.home import Home
    from opsagent.notify_settings import Notify
    from opsagent.telling.document import Document
    from opsagent.telling.words import Words


def _complete(ctx: typer.Context, incomplete: str) -> Iterator[str]:
    """Complete the ids of the latest incidents, those that are open first; silent where none can be read."""
    from pathlib import Path

    from opsagent.cli.errors import code_of
    from opsagent.home import Home
    from opsagent.store.journal import Journal

    try:
        given = ctx.params.get("home")
        with Journal.read(Home.open(Path(given) if given else None)) as journal:
            found = [row.id for row in (*journal.unfinished_incidents(), *journal.incidents(limit=_COMPLETED))]
    except Exception as error:
        if code_of(error) is None:
            raise
        return
    yield from (one for one in dict.fromkeys(found) if one.startswith(incomplete))


_COMPLETED = 50
IncidentId = Annotated[
    str,
    typer.Argument(
        metavar="ID", help="Id of an incident, or how it begins.", autocompletion=_complete, show_default=False
    ),
]
Language = Annotated[
    str | None,
    typer.Option(
        "--lang", metavar="LANG", help="en or ko [default: the configuration's, else en].", show_default=False
    ),
]
Zone = Annotated[
    str | None,
    typer.Option(
        "--zone",
        metavar="ZONE",
        help="IANA time zone of the times [default: the configuration's, else the machine's].",
        show_default=False,
    ),
]
MarkdownFile = Annotated[
    str | None,
    typer.Option("--markdown", metavar="FILE", help="Write Markdown to a file.", show_default=False),
]


def postmortem(
    incident: IncidentId,
    *,
    html: Annotated[
        str | None,
        typer.Option("--html", metavar="FILE", help="Write a page with plots to a file.", show_default=False),
    ] = None,
    markdown: MarkdownFile = None,
    as_issue: Annotated[
        bool, typer.Option("--issue", help="The permanent fix instead, as the text of an issue.")
    ] = False,
    language: Language = None,
    zone: Zone = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Write the postmortem of an incident: what, impact, cause, fix, and what comes of it.

    Markdown on standard output, unless it goes to a file. Secrets are masked.
    """
    from datetime import UTC, datetime

    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.telling.postmortem import postmortem as text

    if as_issue:
        return issue(incident, markdown=markdown, language=language, zone=zone, json=json, home=home)
    place, out = open_home(home), Out(as_json=json)
    words = words_for(place, language, zone)
    found, same = account(place, incident), _same(place, incident)
    document = text(found, words, at=datetime.now(UTC), same=same)
    if html is not None:
        from opsagent.telling.as_html import as_html

        _write(html, as_html(document), out)
    if markdown is not None:
        _write(markdown, _markdown(document), out)
    if json:
        out.document({"incident": found, "same": same, "markdown": _markdown(document)})
    elif html is None and markdown is None:
        out.lines(_markdown(document).rstrip("\n").split("\n"))
    return 0


def issue(
    incident: IncidentId,
    *,
    markdown: MarkdownFile = None,
    language: Language = None,
    zone: Zone = None,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Write the permanent fix of an incident as the text of an issue that is ready to file.

    What it cost each time together, how to reproduce it as far as that is known, and the change that is suspected.
    """
    from opsagent.cli.output import Out
    from opsagent.cli.services import open_home
    from opsagent.telling.issue import issue as text

    place, out = open_home(home), Out(as_json=json)
    found, same = account(place, incident), _same(place, incident)
    document = text(found, same, words_for(place, language, zone))
    if markdown is not None:
        _write(markdown, _markdown(document), out)
    if json:
        title, _, body = _markdown(document).partition("\n")
        out.document({"title": document.title, "heading": title, "body": body.strip("\n"), "incidents": same})
    elif markdown is None:
        out.lines(_markdown(document).rstrip("\n").split("\n"))
    return 0


def account(home: Home, incident: str) -> dict[str, Any]:
    """Return all that is known of one incident. Raises Unclear where there is none of that id."""
    from opsagent.cli.store import no_such, reading
    from opsagent.telling.gather import account_of

    try:
        with reading(home) as journal:
            return account_of(journal, incident)
    except LookupError as error:
        raise no_such("incident", incident, f"{error}; `opsagent incidents list` shows them") from error


def _same(home: Home, incident: str) -> list[dict[str, Any]]:
    from opsagent.cli.store import reading
    from opsagent.telling.gather import same_as

    with reading(home) as journal:
        return same_as(journal, incident)


def words_for(home: Home, language: str | None = None, zone: str | None = None) -> Words:
    """Return the language and the zone that were asked for, else those of the configuration. Raises Unclear."""
    from opsagent.cli.errors import Unclear
    from opsagent.telling.times import zone_of
    from opsagent.telling.words import LANGUAGES, Words

    if language is not None and language not in LANGUAGES:
        raise Unclear(f"--lang {language!r}: must be one of {', '.join(LANGUAGES)}")
    if zone is not None:
        try:
            zone_of(zone)
        except ValueError as error:
            raise Unclear(f"--zone: {error}") from error
    configured = notify_of(home)
    return Words(language or configured.language, zone or configured.local_zone)


def notify_of(home: Home) -> Notify:
    """Return `[notify]` of the configuration; what is usual where it cannot be used."""
    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import code_of
    from opsagent.notify_settings import Notify

    try:
        return config_of(home).notify
    except Exception as error:
        if code_of(error) is None:
            raise
        return Notify()


def _markdown(document: Document) -> str:
    from opsagent.telling.as_markdown import as_markdown

    return as_markdown(document)


def _write(path: str, text: str, out: Out) -> None:
    """Write a file for its owner only: it quotes what is logged and configured."""
    import os

    from opsagent.cli.errors import Unclear

    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        raise Unclear(f"{path}: cannot be written ({error.strerror or error})") from error
    out.note(f"written: {path}")
