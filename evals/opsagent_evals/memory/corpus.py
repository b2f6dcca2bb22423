"""Recall cases: documents, and the questions that mean them. JSON lines, one document each (cases/README.md)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "cases"
KNOWN_LANGUAGES = ("en", "ko")
"""Those that the shipped cases are in; questions in others are counted under their own name."""
_DOCUMENT_KEYS = {"document", "queries", "half"}
_QUERY_KEYS = {"text", "language"}


class CaseError(ValueError):
    """A case cannot be read; says where and why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What somebody asks."""

    text: str
    language: str
    document: int
    """Place of the right answer among the documents."""
    half: str = ""
    """`dev` or `heldout`, where the cases are halved."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cases:
    """Documents, and questions that mean them."""

    documents: tuple[str, ...]
    questions: tuple[Question, ...]

    def with_distractors(self, texts: tuple[str, ...]) -> Cases:
        """Return the same questions over more documents."""
        return Cases(documents=self.documents + texts, questions=self.questions)


def shipped() -> Cases:
    """Return the 60 documents that ship, both halves."""
    return read(HERE / "paraphrases_dev.jsonl", HERE / "paraphrases_heldout.jsonl")


def distractors() -> tuple[str, ...]:
    """Return the 240 documents that nobody asks for."""
    return read(HERE / "distractors.jsonl").documents


def read(*files: Path) -> Cases:
    """Return the cases of these files together. Raises CaseError with file, line and reason; OSError."""
    documents: dict[str, str] = {}
    questions: list[Question] = []
    for file in files:
        try:
            lines = file.read_text(encoding="utf-8-sig").split("\n")
        except UnicodeDecodeError as error:
            raise CaseError(f"{file}: it is not UTF-8: {error.reason} at byte {error.start}") from None
        for number, line in enumerate(lines, 1):
            if line.strip():
                _take(line, f"{file}:{number}", documents, questions)
    if not documents:
        raise CaseError(f"{', '.join(str(file) for file in files)}: there is no case in it")
    return Cases(documents=tuple(documents), questions=tuple(questions))


def asked(file: Path) -> Cases:
    """Return the cases of a file that asks something. Raises CaseError, OSError, as `read` does."""
    cases = read(file)
    if not cases.questions:
        raise CaseError(f"{file}: no case of it asks anything: their `queries` are empty")
    return cases


def _take(line: str, where: str, documents: dict[str, str], questions: list[Question]) -> None:
    try:
        case = json.loads(line)
    except ValueError as error:
        raise CaseError(f"{where}: it is not JSON: {error}") from None
    except RecursionError:
        raise CaseError(f"{where}: it is not JSON: nested too deeply") from None
    _keys(case, "a case", _DOCUMENT_KEYS, where)
    document, half = _words(case, "document", where), str(case.get("half") or "")
    if document in documents:
        raise CaseError(f"{where}: the same document is in {documents[document]} already")
    asked = case.get("queries")
    if not isinstance(asked, list):
        raise CaseError(f"{where}: `queries` must be a list of objects with `text` and `language`")
    place = len(documents)
    documents[document] = where
    for query in asked:
        _keys(query, "a query", _QUERY_KEYS, where)
        text, language = _words(query, "text", where), _words(query, "language", where)
        questions.append(Question(text=text, language=language.strip().lower(), document=place, half=half))


def _keys(value: Any, what: str, known: set[str], where: str) -> None:
    if not isinstance(value, dict):
        raise CaseError(f"{where}: {what} must be an object with {', '.join(f'`{key}`' for key in sorted(known))}")
    unknown = sorted(value.keys() - known)
    if unknown:
        raise CaseError(
            f"{where}: {what} has no `{unknown[0]}`: it has {', '.join(f'`{key}`' for key in sorted(known))}"
        )


def _words(value: dict[str, Any], key: str, where: str) -> str:
    text = value.get(key)
    if not isinstance(text, str) or not text.strip():
        raise CaseError(f"{where}: `{key}` must be a text that is not empty")
    return text
