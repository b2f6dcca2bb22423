"""What goes wrong with procedures before anything is done on a screen. One line each, with the mend.

ProcedureError          it cannot be used as it is
  NoProcedure           there is none of that name
  NotAccepted           nobody has accepted it yet
  NoSecretThere         a secret that it types cannot be had
  WrongParameters       it was told something that it does not take, or too little
"""

from __future__ import annotations


class ProcedureError(Exception):
    """It cannot be used as it is."""


class NoProcedure(ProcedureError):
    """There is none of that name."""


class NotAccepted(ProcedureError):
    """Nobody has accepted it yet."""


class NoSecretThere(ProcedureError):
    """A secret that it types cannot be had."""


class WrongParameters(ProcedureError):
    """It was told something that it does not take, or too little."""
