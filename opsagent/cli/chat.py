"""`opsagent chat`: a conversation."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag


def command(
    conversation: Annotated[
        str | None,
        typer.Argument(
            metavar="ID",
            help="Which conversation; --resume without it: the last one.",
            show_default=False,
        ),
    ] = None,
    *,
    resume: Annotated[bool, typer.Option("--resume", "-r", help="Go on with an earlier conversation.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List your conversations.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Erase a conversation, for good.")] = False,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Talk with the agent: ask, have things done, answer its questions. English or Korean.

    What is said takes the same way as `opsagent do`. `it`, `and worker?`, `undo that`, `why?` lean on what was said before;
    a bare yes answers only what was just shown. Ctrl-C ends what is under way where nothing is half done, Ctrl-D leaves.
    Conversations are kept on this machine, secrets masked. Elsewhere than on a terminal: a text a line; with --json
    events as JSON Lines come out. Exit code: that of the last text.
    """
    from opsagent.cli.chatting import chat, forget_one, list_all
    from opsagent.cli.errors import Unclear

    if forget:
        return forget_one(conversation, as_json=json, home=home)
    if listing:
        return list_all(as_json=json, home=home)
    if conversation is not None and not resume:
        raise Unclear(f"what about {conversation!r}? `opsagent chat --resume {conversation}` goes on with it")
    return chat(conversation or "" if resume else None, as_json=json, home=home)
