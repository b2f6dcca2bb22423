"""What one check of `doctor` found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found."""

    about: str
    level: Literal["ok", "note", "missing"]
    """`missing`: opsagent does not work without it; `note`: it works, with less."""
    detail: str
    mend: str = ""
    text: str = ""
    """Lines of a file that would help, as they are to be written."""
