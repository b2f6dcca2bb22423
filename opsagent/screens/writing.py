"""A procedure as text, both ways, and what may not be in it: anything that looks like a secret."""

from __future__ import annotations

from opsagent.screens.errors import ProcedureError
from opsagent_tools.gui import procedure_files
from opsagent_tools.gui.procedure import ScreenProcedure
from opsagent_tools.redact import redact


def read(text: str, source: str) -> ScreenProcedure:
    """Return the procedure that is written down. Raises ProcedureError, which says where it is wrong."""
    try:
        return procedure_files.read_procedure(text, source)
    except procedure_files.ProcedureFileError as error:
        raise ProcedureError(str(error)) from error


def written(procedure: ScreenProcedure) -> str:
    """Return a procedure as text."""
    return procedure_files.write_procedure(procedure)


def refuse_secrets(text: str) -> None:
    """Raise ProcedureError where a line of a procedure looks like a secret: it would be kept, shown and logged."""
    for number, (said, masked) in enumerate(zip(text.splitlines(), redact(text).splitlines(), strict=False), start=1):
        if said != masked:
            raise ProcedureError(
                f"line {number} holds what looks like a secret: take it out, name it under [screens.secrets] of config.toml, "
                "and write `secret: NAME` in its place (a command that only looks like one: put it into a script)"
            )
