"""`opsagent approve ID`: a person's yes."""

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
    """Say yes to a pending question. Exactly the stored step runs, if everything still is as it was asked.

    Your own command that only wants a confirmation you may confirm yourself; anything graver needs somebody else.
    """
    from opsagent.cli.decide import decide

    return decide(approval, approve=True, as_json=json, home=home)
