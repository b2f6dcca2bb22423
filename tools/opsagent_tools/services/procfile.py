"""Read a Procfile: `name: command line`, one process a line, as foreman runs it but without a shell.

Every process gets `PORT`: 5000 (or what `.env` says) for the first, 100 more for each further one. Only `web` is taken to
listen on it.
"""

from __future__ import annotations

import re
from pathlib import Path

from opsagent_tools.services import fields
from opsagent_tools.services.described import Described, Note
from opsagent_tools.services.dotenv import read_dotenv
from opsagent_tools.services.errors import ServicesFileError
from opsagent_tools.services.reading import read_text
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.services.toml import RESERVED
from opsagent_tools.services.trust import must_not_be_a_strangers
from opsagent_tools.services.words import NeedsShell, split_assignments, split_words

_LINE = re.compile(r"([A-Za-z0-9_][A-Za-z0-9_-]{0,63}):\s*(\S.*?)\s*")
_FIRST_PORT = 5000
_STEP = 100
_MAX_PORT = 65535


def load_procfile(path: Path) -> Described:
    """Return the processes that the file names. Raises ServicesFileError."""
    must_not_be_a_strangers(path)
    base = path.absolute().parent
    shared = read_dotenv(base / ".env")
    specs: dict[str, ServiceSpec] = {}
    for number, line in enumerate(read_text(path).splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise ServicesFileError(path, "is no process", line=number, mend="write name: command line")
        name = match[1]
        if name.casefold() in {each.casefold() for each in specs} or name in RESERVED:
            problem = "is described twice" if name not in RESERVED else "is the name of what runs the services"
            raise ServicesFileError(path, problem, place=name, line=number, mend="choose another name")
        try:
            specs[name] = _spec(name, match[2], base, _port(shared, len(specs)), shared)
        except NeedsShell as error:
            raise ServicesFileError(path, str(error), place=name, line=number, mend=error.mend) from None
        except fields.Wrong as wrong:
            raise ServicesFileError(path, wrong.problem, place=name, line=number, mend=wrong.mend) from None
    if not specs:
        raise ServicesFileError(path, "describes no process", mend="write for example web: node api.js")
    return Described(specs=tuple(specs.values()), notes=_notes(specs, shared, base))


def _notes(specs: dict[str, ServiceSpec], shared: dict[str, str], base: Path) -> tuple[Note, ...]:
    notes = [Note(service=name, key="PORT", says=f"is {spec.env['PORT']}") for name, spec in specs.items()]
    if shared:
        names = ", ".join(sorted(shared))
        notes.append(Note(service="", key="", says=f"every process gets {names} of {base / '.env'}"))
    return tuple(notes)


def _port(shared: dict[str, str], number: int) -> int:
    first = shared.get("PORT", str(_FIRST_PORT))
    found = int(first) + number * _STEP if first.isascii() and first.isdecimal() and len(first) < 6 else 0
    if not 0 < found <= _MAX_PORT:
        raise fields.Wrong(f"would get port {found or first}", "set PORT in .env to a lower number")
    return found


def _spec(name: str, line: str, base: Path, port: int, shared: dict[str, str]) -> ServiceSpec:
    variables = {**shared, "PORT": str(port)}
    own, command = split_assignments(split_words(line, variables))
    env = fields.environment({**variables, **own})
    return ServiceSpec(
        name=name,
        command=fields.command(list(command)),
        cwd=base,
        env=env,
        port=port if name == "web" and env["PORT"] == str(port) else None,
    )
