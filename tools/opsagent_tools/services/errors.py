"""What is wrong with a file that describes services, in one line that says where and how to mend it."""

from __future__ import annotations

from pathlib import Path

from opsagent_tools.text import escape_for_terminal


class ServicesFileError(Exception):
    """A services file cannot be used. `str()` is one line: file, place, problem, mend."""

    def __init__(self, file: Path, problem: str, *, place: str = "", line: int | None = None, mend: str = "") -> None:
        self.file = file
        self.place = place
        """Dotted key (`services.api.port`), empty where the file as a whole is meant."""
        self.line = line
        """1-based, None where it is not known."""
        self.problem = problem
        self.mend = mend
        super().__init__(self._sentence())

    def _sentence(self) -> str:
        where = self.place
        if self.line is not None:
            where = f"{where} (line {self.line})" if where else f"line {self.line}"
        head = ": ".join(part for part in (str(self.file), where, self.problem) if part)
        text = f"{head}; {self.mend}" if self.mend else head
        return " ".join(escape_for_terminal(text).split())
