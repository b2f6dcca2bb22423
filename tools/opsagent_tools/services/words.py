"""Split a command line into words as a shell would, without one. Standard library only.

What only a shell could do (pipes, redirections, `&&`, patterns, unknown variables) is refused, with the reason and
a mend: it would otherwise reach the program as an argument, and do something else than it says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

_NAME = re.compile(r"\$(?:\{([A-Za-z_]\w*)\}|([A-Za-z_]\w*))", re.ASCII)
_ASSIGNMENT = re.compile(r"([A-Za-z_]\w*)=", re.ASCII)
_CALL_A_SHELL = "put it into a script, or write sh -c '...' where a shell is meant"
_OPERATORS = {
    "|": "a pipe",
    "&": "&& or &",
    ";": "several commands",
    "<": "a redirection",
    ">": "a redirection",
    "(": "a subshell",
    ")": "a subshell",
    "\n": "several commands",
}
_PATTERNS = {"*": "a pattern", "?": "a pattern", "[": "a pattern"}


class NeedsShell(ValueError):
    """The line cannot be run without a shell. `mend` says what to do about it."""

    def __init__(self, problem: str, mend: str = _CALL_A_SHELL) -> None:
        super().__init__(problem)
        self.mend = mend


def split_words(line: str, variables: Mapping[str, str]) -> tuple[str, ...]:
    """Return the words of `line`; `$NAME` is replaced by a variable, which is never split again. Raises NeedsShell."""
    reader = _Line(line, variables)
    while reader.at < len(line):
        reader.step()
    reader.end_word()
    return tuple(reader.words)


def split_assignments(words: tuple[str, ...]) -> tuple[dict[str, str], tuple[str, ...]]:
    """Return the variables that stand before a command (`LEVEL=info node api.js`), and the command."""
    found: dict[str, str] = {}
    for number, word in enumerate(words):
        match = _ASSIGNMENT.match(word)
        if match is None:
            return found, words[number:]
        found[match[1]] = word[match.end() :]
    return found, ()


class _Line:
    """One line, read from left to right."""

    def __init__(self, line: str, variables: Mapping[str, str]) -> None:
        self.line = line
        self.at = 0
        self.words: list[str] = []
        self._variables = variables
        self._word: list[str] | None = None

    def step(self) -> None:
        """Read one character, quotation or variable."""
        char = self.line[self.at]
        if char in " \t":
            self.end_word()
        elif char == "'":
            self._add(self._until("'"))
        elif char == '"':
            self._double_quoted()
            return
        elif char == "\\":
            self._add(self._escaped())
        elif char in "$`":
            self._add(self._variable())
            return
        else:
            self._refuse(char)
            self._add(char)
        self.at += 1

    def end_word(self) -> None:
        """Take the word that was begun."""
        if self._word is not None:
            self.words.append("".join(self._word))
            self._word = None

    def _add(self, text: str) -> None:
        self._word = self._word or []
        self._word.append(text)

    def _refuse(self, char: str) -> None:
        rest = self.line[self.at :]
        what = _OPERATORS.get(char) or _PATTERNS.get(char)
        if char == "{" and re.match(r"\{[^\s{}]*(,|\.\.)[^\s{}]*\}", rest):
            what = "a row of alternatives"
        if self._word is None and char == "~":
            what = "a home folder"
        if self._word is None and char == "#":
            what = "a comment"
        if what is not None:
            raise NeedsShell(f"has {what} ({rest[:12].strip()!r}), and no shell runs it")

    def _until(self, quote: str) -> str:
        end = self.line.find(quote, self.at + 1)
        if end < 0:
            raise NeedsShell(f"has a {quote} that is not closed", "close the quotation")
        text = self.line[self.at + 1 : end]
        self.at = end
        return text

    def _escaped(self) -> str:
        self.at += 1
        if self.at >= len(self.line):
            raise NeedsShell("ends with a backslash", "remove it")
        return self.line[self.at]

    def _double_quoted(self) -> None:
        self._add("")
        self.at += 1
        while self.at < len(self.line):
            char = self.line[self.at]
            if char == '"':
                self.at += 1
                return
            if char in "$`":
                self._add(self._variable())
                continue
            if char == "\\" and self.line[self.at + 1 : self.at + 2] in {'"', "\\", "$", "`"}:
                char = self._escaped()
            self._add(char)
            self.at += 1
        raise NeedsShell('has a " that is not closed', "close the quotation")

    def _variable(self) -> str:
        match = _NAME.match(self.line, self.at)
        if match is None:
            rest = self.line[self.at : self.at + 12].strip()
            if rest == "$" or re.match(r"\$[\s\"]", rest):
                self.at += 1
                return "$"
            raise NeedsShell(f"has an expansion ({rest!r}), and no shell runs it")
        name = match[1] or match[2]
        if name not in self._variables:
            known = ", ".join(f"${each}" for each in sorted(self._variables)[:8]) or "none"
            raise NeedsShell(
                f"has the variable ${name}, and no shell replaces it", f"write its value; known is {known}"
            )
        self.at = match.end()
        return self._variables[name]
