"""Redaction: what is masked, what stays, and that nothing is masked twice."""

from __future__ import annotations

import json
import re
from enum import StrEnum

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from opsagent_tools.redact import redact, redact_data, redact_env, secret_name
from opsagent_tools.redact_rules import GROUPS
from opsagent_tools.redact_tokens import TOKENS
from opsagent_tools.text import UntrustedText
from tests.unit.redaction import corpus

_MASK = re.compile(r"«redacted: [a-z0-9 -]+»")


@pytest.mark.parametrize(("line", "secret"), corpus.SECRETS_DEVELOPMENT)
def test_the_secret_goes_and_the_mask_says_what_it_was(line: str, secret: str) -> None:
    shown = redact(corpus.plain(line))
    assert corpus.plain(secret) not in shown
    assert _MASK.search(shown)


@pytest.mark.parametrize("line", corpus.BENIGN_DEVELOPMENT)
def test_harmless_lines_stay_as_they_are(line: str) -> None:
    assert redact(line) == line


HELD_OUT_MISSED = 1
HELD_OUT_CHANGED = 1
"""What the first run on the held-out lines showed; never more."""


def test_held_out_secrets_are_found_nearly_all() -> None:
    missed = [line for line, secret in corpus.SECRETS_HELD_OUT if corpus.plain(secret) in redact(corpus.plain(line))]
    assert len(missed) <= HELD_OUT_MISSED, missed


def test_held_out_harmless_lines_stay_nearly_all() -> None:
    changed = [(line, redact(line)) for line in corpus.BENIGN_HELD_OUT if redact(line) != line]
    assert len(changed) <= HELD_OUT_CHANGED, changed


def test_the_rest_of_a_line_stays_readable() -> None:
    line = "12:00 api[7]: postgres://app:s3cr3t@db:5432/shop refused, retry in 5 s"
    assert redact(line) == "12:00 api[7]: postgres://app:«redacted: password»@db:5432/shop refused, retry in 5 s"
    assert redact('{"token": "abcdef12", "n": 1}') == '{"token": "«redacted: token»", "n": 1}'


KEY = "MIIEpAIBAAKCAQEA7w1nq0uYzk3T/8fXo2bH5mJd9cVrLsPpQeGtWyUaNiZx4K+6"


@pytest.mark.parametrize(
    "line", [KEY, f"2026-11-28 10:00:00 ERROR {KEY}", KEY + "AbC1x2", KEY + "AbC1x2Zz9+/q", f"a\n{KEY}\nb"]
)
def test_a_line_of_a_key_goes_without_the_lines_around_it(line: str) -> None:
    assert KEY not in redact(line)
    assert "«redacted: key material»" in redact(line)


@pytest.mark.parametrize(
    "line",
    [
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "a" * 64,
        "/srv/shop/releases/20261128/node/lib/Express/Router/Layer/handle",
        KEY[:-1],
        f"GET /{KEY}",
    ],
)
def test_what_only_looks_like_a_line_of_a_key_stays(line: str) -> None:
    assert redact(line) == line


@pytest.mark.parametrize(
    ("line", "label"),
    [
        ("AKIA~IOSFODNN7EXAMPLE", "aws key"),
        ("AWS_SECRET_ACCESS_KEY=abcdefgh", "aws key"),
        ("token=ghp_~abcdefghijklmnopqrstuvwxyz0123456789", "github token"),
        ("password=x1", "password"),
        ("4111111111111111", "card number"),
        ("bob@example.com", "email"),
        ("Cookie: a=b", "cookie"),
    ],
)
def test_the_mask_names_the_kind(line: str, label: str) -> None:
    assert f"«redacted: {label}»" in redact(corpus.plain(line))


_pieces = st.sampled_from(
    [corpus.plain(line) for line, _ in corpus.SECRETS_DEVELOPMENT]
    + list(corpus.BENIGN_DEVELOPMENT)
    + [
        "«redacted: token»",
        "«redacted: ",
        "»",
        "password",
        "=",
        ":",
        '"',
        "'",
        "\\",
        " ",
        "&",
        "@",
        "://",
        "\n",
        "cookie: ",
    ]
)
_texts = st.one_of(st.text(max_size=200), st.lists(st.one_of(_pieces, st.text(max_size=8)), max_size=6).map("".join))


@settings(deadline=None)
@given(_texts)
@example("password=«redacted: token»hunter2")
@example("Cookie: a=«redacted: email»; b=c")
@example("«redacted: token=abc123»")
def test_redacting_twice_changes_nothing_more(text: str) -> None:
    once = redact(text)
    assert redact(once) == once


@settings(deadline=None)
@given(_texts)
def test_masks_that_are_there_survive(text: str) -> None:
    shown = redact(f"{text} «redacted: aws key» {text}")
    assert "«redacted: aws key»" in shown or "«redacted: private key»" in shown


@settings(deadline=None)
@given(
    st.from_regex(r"[A-Za-z0-9!?%*+/_.-]{6,40}", fullmatch=True), st.sampled_from(["password", "DB_PASSWORD", "passwd"])
)
def test_any_password_after_its_name_is_masked(value: str, name: str) -> None:
    shown = redact(f'connecting {name}="{value}" now')
    if _harmless(value):
        return
    assert shown == f'connecting {name}="«redacted: password»" now'


def _harmless(value: str) -> bool:
    return redact(f'password="{value}"') == f'password="{value}"' and bool(
        re.fullmatch(r"(?i)null|none|nil|undefined|true|false|\*+|x{3,}|\.{3}|(\.{1,2})?/.*", value)
    )


@pytest.mark.parametrize(
    "text",
    [
        "mysql " * 5_000,
        "h" * 20_000 + "://",
        "password=" + "\\" * 20_000,
        "curl " * 5_000,
        "a." * 20_000 + "@",
        "<" * 9_000,
        "<password" + " " * 20_000 + "</",
        "password=" + ".," * 3_000 + "x",
        "a-" * 20_000 + "@tcp(",
        "sk-" * 5_000,
        "a-" * 20_000 + ".webhook.office.com",
    ],
    ids=["mysql", "url", "backslashes", "curl", "email", "xml", "element", "stops", "driver", "key", "webhook"],
)
def test_hostile_text_cannot_make_it_slow(text: str) -> None:
    """A pattern that goes over the text once for each of its characters would run into the tests' time limit."""
    assert redact(text * 10).startswith(text[:5])


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ("\x1b[36mpassword\x1b[0m=hunter2hunter2 x", "password=«redacted: password» x"),
        ("key \x1b[1mAKIAIOSFODNN7EXAMPL1\x1b[0m x", "key «redacted: aws key» x"),
        ("\x1b[31mdisk full\x1b[0m", "\x1b[31mdisk full\x1b[0m"),
        ("\x1b[31mpassword=hunter2hunter2\x1b[0m x", "\x1b[31mpassword=«redacted: password» x"),
    ],
)
def test_colours_hide_no_secret(line: str, shown: str) -> None:
    """Loggers paint the names of fields."""
    assert redact(line) == shown
    assert redact(shown) == shown


def test_every_needle_is_in_what_its_token_matches() -> None:
    """A prefilter that does not fit its pattern would hide secrets silently."""
    for label, needles, pattern in TOKENS:
        found = next(
            found[0]
            for line, _ in (*corpus.SECRETS_DEVELOPMENT, *corpus.SECRETS_HELD_OUT, *_SHAPES)
            if (found := pattern.search(corpus.plain(line)))
        )
        assert any(needle in found.lower() for needle in needles), label
    assert all(needle == needle.lower() for _, rules in GROUPS for rule in rules for needle in rule.needles)
    assert all(gate in needle for gate, rules in GROUPS for rule in rules for needle in rule.needles if gate)


_HEX32 = "0123456789abcdef0123456789abcdef"
_SHAPES: tuple[tuple[str, str], ...] = (
    (f"https://discord.com/api/webhooks/123/~{'a' * 30}", ""),
    (f"https://x.webhook.office.com/webhookb2/~{'a' * 30}", ""),
    (f"ya29.~{'a' * 30}", ""),
    (f"GOCSPX-~{'a' * 28}", ""),
    (f"hf_~{'a' * 34}", ""),
    (f"pypi-Ag~{'a' * 60}", ""),
    (f"dop_v1_~{_HEX32}{_HEX32}", ""),
    (f"key-~{_HEX32}", ""),
    (f"SK~{_HEX32}", ""),
    (f"shpat_~{_HEX32}", ""),
    (f"dapi~{_HEX32}", ""),
    (f"{'a' * 14}.atlasv1.~{'a' * 64}", ""),
    (f"NRAK-~{'A' * 27}", ""),
    (f"PMAK-~{'a' * 24}-{'a' * 34}", ""),
    (f"lin_api_~{'a' * 40}", ""),
    (f"AGE-SECRET-KEY-1~{'Q' * 58}", ""),
    (f"glpat-~{'a' * 20}", ""),
)


def test_environments_are_masked_by_name() -> None:
    env = {
        "DB_PASSWORD": "x",
        "PATH": "/bin",
        "PWD": "/srv",
        "API_TOKEN": "abc",
        "MAX_TOKENS": "512",
        "EMPTY_SECRET": "",
    }
    assert redact_env(env) == {
        "DB_PASSWORD": "«redacted: password»",
        "PATH": "/bin",
        "PWD": "/srv",
        "API_TOKEN": "«redacted: token»",
        "MAX_TOKENS": "512",
        "EMPTY_SECRET": "",
    }
    assert redact_env(redact_env(env)) == redact_env(env)


def test_names_that_sound_like_secrets() -> None:
    assert secret_name("SMTP_PASS") == "password"
    assert secret_name("githubToken") == "token"
    assert secret_name("token_count") is None
    assert secret_name("password_file") is None
    assert secret_name("keyboard") is None


def test_data_is_masked_by_key_and_by_content() -> None:
    data = {
        "user": "bob",
        "password": "geheim",
        "pin": {"password": 1234},
        "auth": {"token": ["a1b2c3", {"deep": "d4e5f6"}]},
        "note": ("see postgres://u:pw@h/d", 5, None, True, 1.5),
        "log": UntrustedText("password=hunter2"),
    }
    assert redact_data(data) == {
        "user": "bob",
        "password": "«redacted: password»",
        "pin": {"password": "«redacted: password»"},
        "auth": {"token": ["«redacted: token»", {"deep": "«redacted: token»"}]},
        "note": ("see postgres://u:«redacted: password»@h/d", 5, None, True, 1.5),
        "log": UntrustedText("password=«redacted: password»"),
    }


def test_keys_that_are_secrets_are_masked_and_none_is_lost() -> None:
    assert redact_data({"a@example.com": 1, "b@example.com": 2}) == {
        "«redacted: email»": 1,
        "«redacted: email» (another)": 2,
    }


def test_words_of_closed_lists_stay_what_they_are() -> None:
    class Word(StrEnum):
        START = "start"

    assert type(redact_data([Word.START])[0]) is Word


def test_data_that_is_nested_without_end_is_cut() -> None:
    data: dict[str, object] = {}
    data["again"] = data
    assert "nested too deeply" in json.dumps(redact_data(data))


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | _texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(_json)
def test_redacting_data_twice_changes_nothing_more(data: object) -> None:
    once = redact_data(data)
    assert redact_data(once) == once
