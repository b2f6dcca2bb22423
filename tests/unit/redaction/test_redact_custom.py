"""`[redact]` in `config.toml`: what is masked beside the secrets that always are, and what a pattern may not be."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent.config import Config, ConfigError, parse
from opsagent.home import Home
from opsagent_tools import redact as redaction
from opsagent_tools.redact import configure, redact, redact_data, redact_env
from opsagent_tools.redact_custom import Redaction
from opsagent_tools.redact_pattern import Unsafe, safe


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    yield
    configure(Redaction())


def test_a_pattern_is_masked_under_its_label() -> None:
    configure(Redaction(patterns=(("customer number", r"CUST-\d{8}"),)))
    assert redact("order of CUST-12345678 placed") == "order of «redacted: customer number» placed"
    assert redact("order of cust-12345678 placed") == "order of cust-12345678 placed"
    configure(Redaction(patterns=(("customer number", r"(?i)CUST-\d{8}"),)))
    assert redact("order of cust-12345678 placed") == "order of «redacted: customer number» placed"


@pytest.mark.parametrize(
    "text",
    [
        "iban=AT611904300234573201",
        'iban: "AT61 1904 3002 3457 3201"',
        "{'IBAN': 'AT611904300234573201'}",
        "x_iban=AT611904300234573201",
    ],
)
def test_the_value_of_a_field_is_masked(text: str) -> None:
    configure(Redaction(fields=("iban", "customer.id")))
    assert "AT61" not in redact(text)
    assert "«redacted: iban»" in redact(text)


def test_fields_are_masked_in_data_too() -> None:
    configure(Redaction(fields=("customer_id",)))
    assert redact_data({"customer_id": 4711, "n": 3}) == {"customer_id": "«redacted: customer id»", "n": 3}
    assert redact_env({"CUSTOMER_ID": "abc"}) == {"CUSTOMER_ID": "«redacted: customer id»"}


def test_what_is_switched_off_stays_and_the_rest_does_not() -> None:
    configure(Redaction(emails=False, cards=False))
    text = "alice@example.com paid with 4111 1111 1111 1111, password=hunter2"
    assert redact(text) == "alice@example.com paid with 4111 1111 1111 1111, password=«redacted: password»"


def test_a_configuration_holds_once_it_is_loaded(tmp_path: Path) -> None:
    home = Home(tmp_path, tmp_path / "run")
    home.config_file.write_text('[redact]\nemails = false\npatterns = [{ label = "ticket", pattern = "T-[0-9]+" }]\n')
    Config.load(home)
    assert redact("alice@example.com has T-17") == "alice@example.com has «redacted: ticket»"


@pytest.mark.parametrize(
    ("text", "place", "problem"),
    [
        ("redact = 1", "redact", "must be a table"),
        ("[redact]\nemail = false", "redact.email", "did you mean emails?"),
        ("[redact]\nemails = 1", "redact.emails", "must be a boolean"),
        ('[redact]\nfields = ["a b"]', "redact.fields", "no name of a field"),
        ('[redact]\npatterns = ["x"]', "redact.patterns", "must be a table"),
        ('[redact]\npatterns = [{ label = "A!", pattern = "x" }]', "redact.patterns.label", "is not up to 40"),
        ('[redact]\npatterns = [{ label = "a", pattern = "(" }]', "redact.patterns.pattern", "no regular expression"),
        (
            '[redact]\npatterns = [{ label = "a", pattern = "(a+)+b" }]',
            "redact.patterns.pattern",
            "repeats what repeats",
        ),
        ('[redact]\npatterns = [{ label = "a", patern = "b" }]', "redact.patterns.patern", "unknown key"),
    ],
)
def test_what_is_wrong_is_said_in_one_line(text: str, place: str, problem: str, tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(text)
    with pytest.raises(ConfigError) as told:
        parse(path)
    assert place in str(told.value)
    assert problem in str(told.value)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    "pattern",
    [r"(a+)+", r"(a|a)*b", r"(a|aa)+$", r"(.*)*x", r"\d+\d+x", r"\w+@\w+\.\w+x*\w", r".*.*x", r"(?:a?){30}a{30}", r"(a)\1", r"a*",
     r"", r"(?=a)", r"(?m)^a+", r"x*", r"[a-z]+[a-f]", r"(?:\d{2})?\d+x", "a" * 201, r"([a-z]+|\d)+", r"a{2,}a", r"\s*\s+x", "(" * 30 + "a" + "){2}" * 30],
)  # fmt: skip
def test_a_pattern_that_could_run_long_is_refused(pattern: str) -> None:
    with pytest.raises(Unsafe):
        safe(pattern)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [(r"CUST-\d{8}", "CUST-12345678"), (r"\b[A-Z]{2}\d{2}[A-Z]{4}\d{10}\b", "DE44ABCD0123456789"), (r"(?i)kunde(?:nnr)?\.? ?\d+", "Kundennr. 17"),
     (r"\d{3}-\d{2}-\d{4}", "123-45-6789"), (r"[a-z]+@internal", "bob@internal"), (r"(?:\d{4}-){3}\d{4}", "1234-1234-1234-1234"),
     (r"user/[^/]+/mail", "user/bob/mail"), (r"a|b\d+", "b17")],
)  # fmt: skip
def test_what_people_write_is_taken(pattern: str, text: str) -> None:
    assert safe(pattern).search(text)


_ATOM = st.sampled_from(["a", "b", r"\d", r"\w", "[ab]", "[^a]", ".", "(?:ab)", "(a|b)", "-", r"\s"])
_PIECE = st.tuples(_ATOM, st.sampled_from(["", "", "+", "*", "?", "{2,}", "{3}", "{1,5}"])).map("".join)
_GROUP = st.tuples(st.lists(_PIECE, min_size=1, max_size=3).map("".join), st.sampled_from(["", "+", "?", "{2}"])).map(
    lambda pair: f"(?:{pair[0]}){pair[1]}"
)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.one_of(_PIECE, _GROUP), min_size=1, max_size=5).map("".join))
def test_what_is_taken_is_quick_on_hostile_text(pattern: str) -> None:
    try:
        compiled = safe(pattern)
    except Unsafe:
        return
    for text in ("a" * 3000, "ab" * 1500, "1" * 3000, "a1" * 1500, "-" * 3000, "a " * 1500):
        start = time.process_time()
        compiled.search(text + "!")
        assert time.process_time() - start < 1.0, pattern


def test_nothing_is_left_behind_by_the_tests() -> None:
    assert redaction._ACTIVE.wanted == Redaction()
