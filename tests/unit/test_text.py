"""Text that somebody else wrote stays text: it cannot move a cursor, turn a line around or become markup."""

from __future__ import annotations

import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from opsagent_tools.text import UntrustedText, escape_for_chat, escape_for_html, escape_for_terminal
from opsagent_tools.units import UnitId

ANYTHING = st.text(alphabet=st.characters())


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("plain 한국어 é", "plain 한국어 é"),
        ("two\nlines\tand a tab", "two\nlines\tand a tab"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("over\rwritten", "over\\x0dwritten"),
        ("re\u202everse", "re\\u202everse"),
        ("half \ud800", "half \\ud800"),
        ("c1 \x9b31m", "c1 \\x9b31m"),
    ],
)
def test_what_a_terminal_would_obey_is_made_visible(raw: str, shown: str) -> None:
    assert escape_for_terminal(raw) == shown
    assert str(UntrustedText(raw)) == shown


@given(ANYTHING)
def test_nothing_that_reaches_a_terminal_controls_it(raw: str) -> None:
    kinds = {unicodedata.category(char) for char in escape_for_terminal(raw) if char not in "\t\n"}
    assert kinds.isdisjoint({"Cc", "Cf", "Cs", "Co"})


@given(ANYTHING)
def test_escaping_twice_is_escaping_once(raw: str) -> None:
    once = escape_for_terminal(raw)
    assert escape_for_terminal(once) == once


@given(ANYTHING)
def test_nothing_that_reaches_a_page_is_markup(raw: str) -> None:
    assert not set("<>\"'") & set(escape_for_html(raw))


def test_it_is_short_and_harmless_in_a_repr() -> None:
    shown = repr(UntrustedText("\x1b" + "a" * 500))
    assert "\x1b" not in shown
    assert len(shown) < 120


def test_it_can_be_cut() -> None:
    assert UntrustedText("abcdef").truncated(4).raw == "abc…"
    assert UntrustedText("abc").truncated(4).raw == "abc"


@given(st.sampled_from(["circus", "pm2"]), st.from_regex(r"[^\x00-\x1f\x7f]{1,20}", fullmatch=True))
def test_a_units_id_is_read_back_as_it_was_written(supervisor: str, name: str) -> None:
    unit = UnitId(supervisor, name, "host-1")
    assert UnitId.parse(str(unit)) == unit


@pytest.mark.parametrize(
    "text", ["", "api", "circus:api", "circus:@host", "CIRCUS:api@host", "circus:a\tb@host", "circus:a@h h"]
)
def test_what_is_no_unit_id_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="not a unit id"):
        UnitId.parse(text)


def test_in_a_chat_the_bare_name_of_a_host_is_no_link_and_names_of_files_and_units_can_still_be_copied() -> None:
    for host in (
        "evil.example/yes?id=1",
        "say yes at evil.com",
        "a.b.xn--p1ai",
        "(t.me/x)",
        "evil.sh",
        "예.한국",
        "https://evil.com/x",
    ):
        assert not re.search(r"[\w-]\.[^\W\d_]", escape_for_chat(host)), host
    for kept in ("/srv/evil.com/app.py", "app.service", "config.toml changed", "1.5 s, 10.0.0.1", "at the end. Then"):
        assert escape_for_chat(kept) == kept
