"""`opsagent deny ID`: a person's no."""

from __future__ import annotations

from typing import Annotated

import typer

from opsagent.cli.common import HomeDir, JsonFlag


def command(
    approval: Annotated[
        str, typer.Argument(metavar="ID", help="Id of a question (`opsagent approvals`).", show_default=False)
    ],
    *,
    json: JsonFlag = False,
    home: HomeDir = None,
) -> int:
    """Say no to a pending question. Nothing is changed."""
    from opsagent.cli.decide import decide

    return decide(approval, approve=False, as_json=json, home=home)
