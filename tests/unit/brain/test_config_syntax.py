"""What a changed configuration file says of itself: whether it parses, which keys differ, whether that is a secret."""

from __future__ import annotations

from pathlib import PurePath

import pytest

from opsagent.probes import syntax

GOOD = {
    "app.json": (b'{"ttl": 60}', b'{"ttl": 60,', b'{"ttl": 1}'),
    "app.toml": (b"ttl = 60\n", b"ttl = = 60\n", b"ttl = 1\n"),
    "app.yaml": (b"cache:\n  ttl: 60\n", b"cache:\n ttl: [60\n", b"cache:\n  ttl: 1\n"),
    "app.ini": (b"[cache]\nttl = 60\n", b"[cache\nttl = 60\n", b"[cache]\nttl = 1\n"),
    ".env": (b"TTL=60\n# seconds\n", b"TTL=60\nwhat is this\n", b"TTL=1\n"),
    "app.properties": (b"cache.ttl=60\n", b'cache.ttl="60\n', b"cache.ttl=1\n"),
    "settings": (b"ttl: 60\n", b"ttl 60 60\n", b"ttl: 1\n"),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_does_not_parse_any_more_is_broken_and_what_does_is_not(name: str) -> None:
    good, broken, other = GOOD[name]
    assert syntax.why_broken(PurePath("/srv", name), good, broken)
    assert syntax.why_broken(PurePath("/srv", name), good, other) == ""
    (value,) = syntax.changed_keys(PurePath("/srv", name), good, other).values()
    assert value == "1"


def test_a_format_that_the_good_content_never_had_is_not_asked_for() -> None:
    assert syntax.why_broken(PurePath("app.json"), b"// comment\n{}", b"// other\n{") == ""
    assert syntax.changed_keys(PurePath("app.json"), b"\0\1", b"\0\2") == {}


def test_aliases_and_deep_nesting_are_refused_rather_than_followed() -> None:
    bomb = b"a: &a [x]\nb: [*a, *a]\n"
    assert syntax.why_broken(PurePath("x.yaml"), b"a: 1\n", bomb)
    assert syntax.why_broken(PurePath("x.json"), b"{}", b"[" * 100_000)


@pytest.mark.parametrize(
    ("name", "good", "now", "secret"),
    [
        ("db.json", b'{"password": "one1"}', b'{"password": "two2"}', True),
        ("db.json", b'{"password": "one1", "ttl": 6}', b'{"password": "two2", "ttl": 1}', False),
        ("db_password", b"hunter2\n", b"hunter3\n", True),
        ("title", b"hunter2\n", b"hunter3\n", False),
        (".env", b"API_TOKEN=abcdef\n", b"API_TOKEN=ghijkl\n", True),
    ],
)
def test_secrets_are_told_by_what_differs(name: str, good: bytes, now: bytes, secret: bool) -> None:
    assert syntax.is_secret(PurePath("/srv", name), good, now) is secret


@pytest.mark.parametrize(
    ("now", "plain"),
    [
        (b'{"ttl": "1s"}', True),
        (b'{"ttl": false}', True),
        (b'{"ttl": "granizo-08"}', False),
        (b'{"ttl": "10.0.0.1"}', False),
    ],
)
def test_figures_and_switches_are_told_from_words(now: bytes, plain: bool) -> None:
    assert syntax.is_plain(PurePath("a.json"), b'{"ttl": 60}', now) is plain


def test_new_values_are_those_that_can_be_told_from_others() -> None:
    good, now = b'{"password": "hunter2", "on": true}', b'{"password": "correct-horse", "on": false}'
    assert syntax.new_values(PurePath("db.json"), good, now) == ("correct-horse",)
