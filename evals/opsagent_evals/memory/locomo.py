"""LoCoMo: ten long conversations, and questions with the turns that answer them. Read from a folder; never downloaded.

Recall of evidence at the level of turns, without a language model. The fifth category (adversarial: nothing in the
conversation answers it) is left out, and so is a question whose evidence names no turn that there is.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

DEVELOPMENT = 5
"""Recall was made with a look at the first five conversations; the others are held out."""
ADVERSARIAL = 5
WHERE = (
    "get locomo10.json from github.com/snap-research/locomo, folder data (CC BY-NC 4.0; cite Maharana et al., ACL 2024),"
    " and pass its folder or the checkout as --data DIR"
)
_PLACES = ("locomo10.json", "data/locomo10.json", "locomo/locomo10.json", "locomo/data/locomo10.json")
_TURN = re.compile(r"D:?(\d+):0*(\d+)")
_SESSION = re.compile(r"session_(\d+)")
_BEGUN = datetime(2023, 1, 1, tzinfo=UTC)


class NoData(ValueError):
    """There is no LoCoMo here, or not as it is known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Conversation:
    """One conversation: its turns, and what is asked of it."""

    name: str
    held_out: bool
    turns: tuple[str, ...]
    times: tuple[datetime, ...]
    questions: tuple[tuple[str, str, frozenset[int]], ...]
    """Text, category, places of the turns that answer it."""
    left_out: int
    """Questions without evidence that there is."""


def find(data: Path) -> Path:
    """Return the file in `data`, or where a checkout has it. Raises NoData."""
    for place in _PLACES:
        if (data / place).is_file():
            return data / place
    raise NoData(f"no locomo10.json in {data}: {WHERE}")


def read(file: Path) -> tuple[Conversation, ...]:
    """Return all conversations. Raises NoData where the file is not LoCoMo."""
    try:
        samples = json.loads(file.read_text(encoding="utf-8"))
        found = tuple(_conversation(sample, number >= DEVELOPMENT) for number, sample in enumerate(samples))
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise NoData(f"{file} is not LoCoMo's locomo10.json ({type(error).__name__}: {error}): {WHERE}") from None
    if not found:
        raise NoData(f"{file} has no conversation: it is not LoCoMo's locomo10.json: {WHERE}")
    return found


def _conversation(sample: dict[str, Any], held_out: bool) -> Conversation:
    turns: list[str] = []
    times: list[datetime] = []
    places: dict[tuple[int, int], int] = {}
    for at, said in _sessions(sample["conversation"]):
        for number, turn in enumerate(said):
            for session, place in _TURN.findall(turn["dia_id"]):
                places[int(session), int(place)] = len(turns)
            turns.append(_text(turn, at))
            times.append(at + timedelta(seconds=30 * number))
    questions, left_out = [], 0
    for asked in sample["qa"]:
        if asked["category"] == ADVERSARIAL:
            continue
        named = [
            (int(session), int(place)) for one in asked.get("evidence") or [] for session, place in _TURN.findall(one)
        ]
        right = frozenset(places[turn] for turn in named if turn in places)
        if right:
            questions.append((str(asked["question"]), str(asked["category"]), right))
        else:
            left_out += 1
    return Conversation(
        name=str(sample["sample_id"]),
        held_out=held_out,
        turns=tuple(turns),
        times=tuple(times),
        questions=tuple(questions),
        left_out=left_out,
    )


def _sessions(conversation: dict[str, Any]) -> Iterator[tuple[datetime, list[dict[str, Any]]]]:
    """Yield when each session was, and its turns, in their order."""
    numbers = sorted(int(match[1]) for name in conversation if (match := _SESSION.fullmatch(name)))
    at = _BEGUN
    for number in numbers:
        at = _time(conversation.get(f"session_{number}_date_time", "")) or at + timedelta(days=1)
        yield at, conversation[f"session_{number}"]


def _time(text: str) -> datetime | None:
    try:
        return datetime.strptime(text, "%I:%M %p on %d %B, %Y").replace(tzinfo=UTC)
    except ValueError:
        return None


def _text(turn: dict[str, Any], at: datetime) -> str:
    """Return a turn as it would be noted down: the day of its session, who spoke, what was said and shown."""
    shown = f" [shows {turn['blip_caption']}]" if turn.get("blip_caption") else ""
    return f"[{at.day} {at:%B %Y}] {turn['speaker']}: {turn['text']}{shown}"
