"""`opsagent`: finds the command, runs it, and turns whatever goes wrong into one line and an exit code."""

from __future__ import annotations

import contextlib
import importlib
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from opsagent.cli.errors import Code, code_of, one_line, write_trace
from opsagent.cli.output import Out, ReaderGone, silence_stdout
from opsagent.cli.quick import QuickCommand, QuickGroup
from opsagent.views.terminal import screen_of

COMMANDS = {
    "demo": "demo",
    "up": "up",
    "down": "down",
    "watch": "watch",
    "ps": "ps",
    "logs": "logs",
    "do": "do",
    "incidents": "incidents",
    "approvals": "approvals",
    "approve": "approve",
    "deny": "deny",
    "hold": "hold",
    "release": "release",
    "pause": "pause",
    "resume": "resume",
    "memory": "memory",
    "doctor": "doctor",
    "eval": "eval",
    "version": "version",
}
"""Name of each command → its module in `opsagent.cli`, in the order of `--help`."""

_PROGRAM = "opsagent"


class _LazyGroup(QuickGroup):
    """Imports a command's module when the command is used."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name in COMMANDS and cmd_name not in self.commands:
            self.commands[cmd_name] = _load(cmd_name)
        return self.commands.get(cmd_name)

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            from difflib import get_close_matches

            near = get_close_matches(args[0], COMMANDS, n=1)
            hint = f"did you mean `{_PROGRAM} {near[0]}`?" if near else f"`{_PROGRAM} --help` lists the commands"
            ctx.fail(f"there is no command {args[0]!r}: {hint}")
        return super().resolve_command(ctx, args)

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except BrokenPipeError as error:  # typer would make an exit code 1 of it
            raise ReaderGone from error


def _load(name: str) -> Any:
    module = importlib.import_module(f"opsagent.cli.{COMMANDS[name]}")
    markup = _markup()
    if isinstance(getattr(module, "app", None), typer.Typer):
        module.app.rich_markup_mode = markup
        group = typer.main.get_group(module.app)
        group.name = name
        return group
    single = typer.Typer(add_completion=False, rich_markup_mode=markup)
    single.command(name, cls=QuickCommand)(module.command)
    return typer.main.get_command(single)


def _markup() -> Literal["rich"] | None:
    """Return how help is drawn: rich's panels on a terminal, plain text in a pipe."""
    return "rich" if screen_of(sys.stdout).terminal else None


def _show_version(wanted: bool) -> None:
    if wanted:
        from opsagent import __version__

        typer.echo(f"{_PROGRAM} {__version__}")
        raise typer.Exit


def _root(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    """An on-call engineer for the processes of this machine, who never forgets an incident."""


def build() -> Any:
    """Return the whole command tree; modules of commands are loaded when they are asked for."""
    app = typer.Typer(
        cls=_LazyGroup,
        name=_PROGRAM,
        no_args_is_help=True,
        rich_markup_mode=_markup(),
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    return typer.main.get_command(app)


def main(argv: Sequence[str]) -> int:
    """Run one command line and return its exit code."""
    arguments = list(argv)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(AttributeError, ValueError):
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]  # a C locale must not end a command
    try:
        returned = build().main(args=arguments, prog_name=_PROGRAM, standalone_mode=False)
        code = int(returned) if isinstance(returned, int) else Code.DONE
        sys.stdout.flush()
    except (ReaderGone, BrokenPipeError):
        silence_stdout()
        return Code.DONE
    except KeyboardInterrupt:
        return Code.INTERRUPTED
    except Exception as error:  # noqa: BLE001  # the last resort: one line and a trace in a file
        return _fail(error, arguments)
    return code


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
        sys.stderr.write(f"{_PROGRAM}: {text}\n")
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
