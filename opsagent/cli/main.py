"""`opsagent`: runs a command line, and turns whatever goes wrong into one line and an exit code.

Importing it loads next to nothing: the tree of commands (`frame.py`) is built only where it is needed.
"""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from opsagent.cli.errors import Code, code_of, one_line, write_trace
from opsagent.cli.output import Out, OutputLost, ReaderGone, silence_stdout

COMMANDS = {
    "demo": "demo",
    "init": "init",
    "up": "up",
    "down": "down",
    "watch": "watch",
    "ps": "ps",
    "top": "top",
    "logs": "logs",
    "map": "map",
    "replay": "replay",
    "lint": "lint",
    "do": "do",
    "chat": "chat",
    "schedule": "schedule",
    "incidents": "incidents",
    "handover": "handover",
    "ack": "ack",
    "snooze": "snooze",
    "notify": "notify",
    "egress": "egress",
    "approvals": "approvals",
    "approve": "approve",
    "deny": "deny",
    "hold": "hold",
    "release": "release",
    "deploy": "deploy",
    "rollback": "rollback",
    "undo": "undo",
    "pause": "pause",
    "resume": "resume",
    "policy": "policy",
    "trust": "trust",
    "memory": "memory",
    "runbook": "runbook",
    "gui": "gui",
    "model": "model",
    "mcp": "mcp",
    "doctor": "doctor",
    "eval": "eval",
    "startup": "startup",
    "unstartup": "unstartup",
    "uninstall": "uninstall",
    "backup": "backup",
    "restore": "restore",
    "version": "version",
}
"""Name of each command → its module in `opsagent.cli`, in the order of `--help`."""

PROGRAM = "opsagent"


def main(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    arguments = list(argv)
    _open_what_is_closed()
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a C locale must not end a command
    try:
        returned = _at_once(arguments)
        if returned is None:
            from opsagent.cli.frame import build

            returned = build().main(args=arguments, prog_name=PROGRAM, standalone_mode=False)
        code = int(returned) if isinstance(returned, int) else Code.DONE
        sys.stdout.flush()
    except (ReaderGone, BrokenPipeError):
        silence_stdout()
        return Code.DONE
    except KeyboardInterrupt:
        return Code.INTERRUPTED
    except OutputLost as error:
        silence_stdout()  # or the interpreter tries once more, and complains in its own way
        return _fail(error, arguments)
    except Exception as error:  # noqa: BLE001  # the last resort: one line and a trace in a file
        if type(error).__name__ == "Abort":  # typer's own: Ctrl-C, or the end of the input, at a question
            return Code.INTERRUPTED
        return _fail(error, arguments)
    return code


def _open_what_is_closed() -> None:
    """Give standard streams that the caller closed (`>&-`) to nobody, before a file of ours gets their number."""
    for number, name, mode in ((0, "stdin", "r"), (1, "stdout", "w"), (2, "stderr", "w")):
        if getattr(sys, name) is None:
            with contextlib.suppress(OSError):
                os.dup2(os.open(os.devnull, os.O_RDWR), number)
                setattr(sys, name, os.fdopen(number, mode, closefd=False))


def _at_once(arguments: list[str]) -> int | None:
    """Carry out a plain `ps`, which is asked often, without typer; None for everything else."""
    if arguments[:1] != ["ps"] or "_OPSAGENT_COMPLETE" in os.environ:
        return None
    as_json, home, rest = False, None, arguments[1:]
    while rest:
        if rest[0] == "--json":
            as_json, rest = True, rest[1:]
        elif rest[0] == "--home" and len(rest) > 1:
            home, rest = rest[1], rest[2:]
        else:
            return None
    from opsagent.cli.listing import list_services

    return list_services(as_json=as_json, home=home)


def _fail(error: Exception, arguments: list[str]) -> int:
    if hasattr(error, "format_message"):  # typer's own: wrong usage
        return _usage(error, arguments)
    code = code_of(error)
    if code is not None:
        details = getattr(error, "details", {})
        _report(one_line(error), code, arguments, **details)
        return code
    trace = write_trace(error, _logs_dir(arguments))
    where = f"; the full trace is in {trace}" if trace is not None else ""
    _report(f"unexpected {type(error).__name__}: {one_line(error)}{where}", Code.FAILED, arguments)
    return Code.FAILED


def _usage(error: Any, arguments: list[str]) -> int:
    if type(error).__name__ == "NoArgsIsHelpError":
        error.show()
        return Code.USAGE
    text = str(error.format_message()).rstrip(".")
    context = getattr(error, "ctx", None)
    if context is not None and "--help" not in text and "did you mean" not in text:
        text += f": see `{context.command_path} --help`"
    _report(one_line(ValueError(text)), Code.USAGE, arguments)
    return Code.USAGE


def _report(text: str, code: int, arguments: list[str], **details: object) -> None:
    with contextlib.suppress(OSError, ValueError):
        sys.stderr.write(f"{PROGRAM}: {text}\n")
    if "--json" in arguments and not Out.wrote_json:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.write(json.dumps({"error": {"message": text, "exit_code": int(code), **details}}) + "\n")
            sys.stdout.flush()


def _logs_dir(arguments: list[str]) -> Path | None:
    from opsagent.home import Home

    with contextlib.suppress(Exception):
        given = arguments[arguments.index("--home") + 1] if "--home" in arguments else None
        return Home.open(Path(given) if given else None).logs_dir
    return None


def run() -> None:
    """Entry point of the `opsagent` script."""
    sys.exit(main(sys.argv[1:]))
