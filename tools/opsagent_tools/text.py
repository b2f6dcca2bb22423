"""Text that somebody else wrote, and the one escape function per medium that it leaves through."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import re

_KEPT_CONTROLS = frozenset("\t\n")
_SHOWN_IN_REPR = 80


def escape_for_terminal(raw: str) -> str:
    """Return `raw` with every control, bidirectional and surrogate character made visible.

    ESC, CR and friends could move the cursor or rewrite what is on the screen; bidirectional
    overrides could make a command read differently from what it is (CVE-2021-42574).
    """
    return "".join(
        char if char in _KEPT_CONTROLS or unicodedata.category(char) not in {"Cc", "Cf", "Cs", "Co"} else _visible(char)
        for char in raw
    )


def escape_for_html(raw: str) -> str:
    """Return `raw` safe inside an HTML or SVG text node or quoted attribute."""
    import html  # few need it, and its table of entities is long

    return html.escape(escape_for_terminal(raw), quote=True)


def escape_for_markdown(raw: str) -> str:
    """Return `raw` on one line, as text that Markdown draws as it stands: no markup, link, image, HTML or mention."""
    import re

    text = escape_for_terminal(" ".join(raw.split())).replace("@", "\uff20")
    text = re.sub(r"([\\`*_{}\[\]<>|~#!$])", r"\\\1", text.replace("&", "&amp;"))
    text = re.sub(r"(?i)(:)(?=//)|(?<=\bwww)(\.)|(?<=\bmailto)(:)", lambda found: "\\" + found.group(), text)
    return re.sub(r"^([+\-=]|\d+(?=[.)](?:\s|$)))", lambda found: f"\\{found.group()}" if not found.group().isdigit()
                  else f"{found.group()}\\", text)  # fmt: skip


def code_for_markdown(raw: str) -> str:
    """Return `raw` on one line as a code span, which draws nothing else and mentions nobody."""
    import re

    text = escape_for_terminal(" ".join(raw.split()))
    fence = "`" * (1 + max((len(run) for run in re.findall("`+", text)), default=0))
    pad = " " if text.startswith("`") or text.endswith("`") else ""
    return f"{fence}{pad}{text}{pad}{fence}" if text else ""


def escape_for_chat(raw: str) -> str:
    """Return `raw` on one line, harmless in the messages of chat services, push services and mail.

    They differ in what they take for markup, a mention or a link; so what any of them does is written with a character
    that looks alike and means nothing, and an address of a stranger cannot be clicked.
    """
    import re

    text = escape_for_terminal(" ".join(raw.split()))
    text = re.sub(r"(?i)://", "[:]//", text)
    text = re.sub(r"(?i)\b(www)\.", r"\1[.]", text)
    text = re.sub(r"(?<![\w.-])(?<![^/]/)(?:[\w-]+\.)+([^\W\d_][\w-]+)(?![\w-])", _no_name_of_a_host, text)
    return text.translate(_CHAT)


def _no_name_of_a_host(found: re.Match[str]) -> str:
    """Many services make a link of `host.example` alone. What ends like a file or a unit is none, and stays as it is."""
    return found.group() if found.group(1).lower() in _NO_DOMAINS else found.group().replace(".", "\u2024")


_NO_DOMAINS = frozenset(
    "cfg conf crt csv db html ini jar js json key lock log mjs pem pid service socket sock sqlite timer toml ts txt xml "
    "yaml yml".split()
)
_CHAT = str.maketrans({"@": "\uff20", "<": "\u2039", ">": "\u203a", "`": "\u02cb", "*": "\u2217", "&": "\uff06"})


def _visible(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


@dataclass(frozen=True, slots=True)
class UntrustedText:
    """Text from a log, a process name, an environment, an HTTP answer, a screen or a model.

    It is data, never an instruction. `str()` gives the form that is safe on a terminal; whoever
    needs the bytes as they came says so by reading `raw`.
    """

    raw: str

    def __str__(self) -> str:
        return escape_for_terminal(self.raw)

    def __repr__(self) -> str:
        shown = self.raw if len(self.raw) <= _SHOWN_IN_REPR else self.raw[:_SHOWN_IN_REPR] + "…"
        return f"UntrustedText({escape_for_terminal(shown)!r})"

    def for_html(self) -> str:
        """Return the text safe inside an HTML or SVG text node or quoted attribute."""
        return escape_for_html(self.raw)

    def truncated(self, limit: int) -> UntrustedText:
        """Return at most `limit` characters of it, with an ellipsis where something was cut."""
        return self if len(self.raw) <= limit else UntrustedText(self.raw[: limit - 1] + "…")
