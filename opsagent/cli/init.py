"""`opsagent init`: a first configuration, from what is found on this machine."""

from __future__ import annotations

import itertools
import os
import sys
from collections.abc import Sized
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag

if TYPE_CHECKING:
    from opsagent.cli.output import Out
    from opsagent.cli.services import Running
    from opsagent.first_config import Answers, FoundService
    from opsagent.home import Home
    from opsagent_tools.supervisors.found import Wanted

_MANY = 12
"""More services than this are not asked about one by one."""


def command(
    *,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing; the careful defaults hold.")] = False,
    show: Annotated[bool, typer.Option("--print", help="Show the file and write nothing.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace a configuration; the old one is kept.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Look for supervisors and services, and write a commented configuration.

    On a terminal it asks step by step: how far the agent may go, which supervisors it leaves alone, which services
    nothing may be done to, how their health is asked. Nothing is probed and nothing is started.
    """
    from opsagent.cli.errors import CliError
    from opsagent.cli.output import Out
    from opsagent.cli.services import look, open_home
    from opsagent.first_config import Answers, render

    out = Out(as_json=json)
    place = open_home(home)
    if place.config_file.exists() and not force and not show:
        raise CliError(
            f"{place.config_file}: is there already: edit it, or --force to begin anew (the old one is kept)"
        )
    running = look(place)
    supervisors, services = _found(running)
    asking = not (yes or show or json) and sys.stdin.isatty() and sys.stderr.isatty()
    answers = _ask(supervisors, services, out) if asking else Answers()
    text = render(supervisors, services, answers, _kept(place))
    try:
        _check(text, place)
        kept = None if show else _write(place, text)
    except OSError as error:
        raise CliError(f"{place.config_file}: cannot be written ({error.strerror}): free some space there") from error
    if out.as_json:
        out.document({"path": place.config_file, "text": text, "kept": kept, "supervisors": supervisors,
                      "services": services})  # fmt: skip
    elif show:
        out.line(text)
    else:
        if kept is not None:
            out.note(f"the old one is in {kept}")
        out.line(f"wrote {place.config_file}: {_many(supervisors, 'supervisor')}, {_many(services, 'service')}")
        out.note("next: `opsagent doctor`, `opsagent watch`, and `opsagent startup` to have it start at boot")
    return 0


def _kept(home: Home) -> Wanted | None:
    """Return where the configuration that is replaced has supervisors looked for; None where there is none to read."""
    from opsagent.cli.agent import config_of
    from opsagent.cli.errors import code_of

    try:
        return config_of(home).supervisors
    except Exception as error:
        if code_of(error) is None:
            raise
        return None


def _found(running: Running) -> tuple[dict[str, str], list[FoundService]]:
    from opsagent.cli.listing import ports_of
    from opsagent.first_config import FoundService
    from opsagent.naming import full_name

    supervisors = {one.kind: f"{one.address}; {one.why}" for one in running.others if one.usable}
    held = ports_of(running).ports
    names = [unit.name for unit in running.units]
    services = []
    for unit in running.units:
        spec = running.spec(unit.id)
        services.append(
            FoundService(
                name=unit.name if names.count(unit.name) == 1 and "/" not in unit.name else full_name(unit.id),
                supervisor=unit.id.supervisor,
                ports=tuple(dict.fromkeys((*unit.ports, *held.get(unit.id, ())))),
                described=spec is not None and spec.health is not None,
            )
        )
    return supervisors, services


def _ask(supervisors: dict[str, str], services: list[FoundService], out: Out) -> Answers:
    from opsagent.first_config import MODES, Answers

    for name, means in MODES.items():
        out.note(f"{name}: {means}")
    mode = _choose("How far may the agent go by itself?", list(MODES), "suggest", out)
    off = tuple(kind for kind in supervisors if not _yes(f"Watch {kind} ({supervisors[kind]})?", default=True))
    watched = [service for service in services if service.supervisor not in off]
    out.note(f"services: {', '.join(service.name for service in watched) or 'none yet'}")
    protected = _some("Which of them may nothing ever be done to? (names, empty: none)", watched, out)
    unprobed = [service for service in watched if service.ports and not service.described]
    health: dict[str, str] = {}
    if unprobed and (len(unprobed) <= _MANY or _yes(f"Say how {len(unprobed)} services are probed, one by one?")):
        health = {service.name: url for service in unprobed if (url := _probe(service, out))}
    return Answers(mode=mode, leave_alone=off, protected=protected, health=health)


def _line(question: str, default: str = "") -> str:
    answer = typer.prompt(question, default=default, show_default=bool(default), err=True, prompt_suffix=" ")
    return str(answer).strip()


def _yes(question: str, *, default: bool = False) -> bool:
    answer = _line(f"{question} [{'Y/n' if default else 'y/N'}]").lower()
    return default if not answer else answer in {"y", "yes"}


def _choose(question: str, choices: list[str], default: str, out: Out) -> str:
    while (answer := _line(question, default)) not in choices:
        out.note(f"one of {', '.join(choices)}")
    return answer


def _some(question: str, services: list[FoundService], out: Out) -> frozenset[str]:
    from opsagent.cli.services import no_such

    names = {service.name for service in services}
    while True:
        chosen = frozenset(_line(question).replace(",", " ").split()) if names else frozenset()
        unknown = sorted(chosen - names)
        if not unknown:
            return chosen
        out.note(no_such(unknown[0], names))


def _probe(service: FoundService, out: Out) -> str:
    """Ask how the health of a service is asked; nothing for not at all."""
    from opsagent_tools.services import fields

    port = service.ports[0]
    question = f"{service.name} listens on {port}. Path to probe (/health), `tcp`, or empty for none:"
    while answer := _line(question):
        probe = f"127.0.0.1:{port}" if answer == "tcp" else answer
        if answer.startswith("/"):
            probe = f"http://127.0.0.1:{port}{answer}"
        try:
            return str(fields.http_url(probe) if probe.startswith("http") else fields.tcp_address(probe))
        except fields.Wrong as wrong:
            out.note(f"{wrong.problem}: {wrong.mend}")
    return ""


def _many(things: Sized, noun: str) -> str:
    return f"{len(things)} {noun}{'' if len(things) == 1 else 's'}"


def _check(text: str, home: Home) -> None:
    """See that what is about to be written can be read."""
    import tempfile

    from opsagent.config import parse

    with tempfile.TemporaryDirectory(dir=home.path, prefix=".runtime-") as folder:
        file = Path(folder) / home.config_file.name
        file.write_text(text)
        parse(file)


def _write(home: Home, text: str) -> Path | None:
    """Write the configuration whole, and only then move the old one aside, to a name that is free."""
    kept = None
    beside = home.config_file.with_name(f"{home.config_file.name}.new")
    try:
        descriptor = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
    except OSError:
        beside.unlink(missing_ok=True)
        raise
    if home.config_file.exists():
        names = (f"{home.config_file.name}.bak{number or ''}" for number in itertools.count())
        kept = next(path for path in map(home.config_file.with_name, names) if not os.path.lexists(path))
        home.config_file.replace(kept)
    beside.replace(home.config_file)
    return kept
