"""The tree of commands, built with typer. Modules of commands are loaded when they are asked for."""

from __future__ import annotations

import importlib
import sys
from typing import Annotated, Any, Literal

import typer

from opsagent.cli.main import COMMANDS, PROGRAM
from opsagent.cli.output import ReaderGone
from opsagent.cli.quick import QuickCommand, QuickGroup
from opsagent.views.terminal import screen_of


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
            hint = f"did you mean `{PROGRAM} {near[0]}`?" if near else f"`{PROGRAM} --help` lists the commands"
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

        typer.echo(f"{PROGRAM} {__version__}")
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
        name=PROGRAM,
        no_args_is_help=True,
        rich_markup_mode=_markup(),
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
    )
    app.callback()(_root)
    return typer.main.get_command(app)
