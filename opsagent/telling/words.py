"""What the agent says to people, in their language: one module of words per language, the same keys in each. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from opsagent.telling import words_en, words_ko
from opsagent.telling.times import short, told

LANGUAGES = ("en", "ko")
_WORDS = {"en": words_en.WORDS, "ko": words_ko.WORDS}
_SIZES = ((86400, "d"), (3600, "h"), (60, "min"), (1, "s"))


@dataclass(frozen=True, slots=True)
class Words:
    """A language and a time zone."""

    language: str = "en"
    zone: str = "UTC"

    def __call__(self, key: str, **values: object) -> str:
        """Return what is said there. KeyError: no language says that."""
        return _WORDS[self.language][key].format(**values)

    def count(self, key: str, number: int) -> str:
        """Return a number of things in words: `1 restart`, `14 restarts`."""
        return self(f"{key}.one" if number == 1 else key, n=f"{number:,}")

    def has(self, key: str) -> bool:
        """Tell whether anything is said there."""
        return key in _WORDS[self.language]

    def fault(self, name: str) -> str:
        """Return what a kind of fault is called."""
        return self(f"fault.{name}") if self.has(f"fault.{name}") else self("fault.other", name=name.replace("_", " "))

    def duration(self, seconds: float | None) -> str:
        """Return `3 d 4 h`, `42 min`, `0.4 s`; `-` for what is not known."""
        if seconds is None:
            return "-"
        if seconds < 10:
            return self("s", n=f"{max(seconds, 0.0):.1f}".removesuffix(".0"))
        left = round(seconds)
        parts: list[str] = []
        for size, key in _SIZES:
            if left >= size and len(parts) < 2:
                parts.append(self(key, n=left // size))
                left %= size
            elif parts:
                break
        return " ".join(parts)

    def time(self, at: datetime) -> str:
        """Return a moment in the zone, and in UTC."""
        return told(at, self.zone)

    def short(self, at: datetime) -> str:
        """Return a moment in the zone, to the minute."""
        return short(at, self.zone)

    @staticmethod
    def percent(share: float) -> str:
        """Return a share as `87%`."""
        return f"{share * 100:.0f}%"
