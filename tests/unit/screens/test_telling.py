"""What a procedure is told: by name, as people say it, and what may not be told."""

from __future__ import annotations

import pytest

from opsagent.screens.errors import WrongParameters
from opsagent.screens.telling import told_by_name, told_by_text
from opsagent_tools.gui.procedure import Parameter, ScreenProcedure, WindowRule


def procedure(*parameters: Parameter) -> ScreenProcedure:
    return ScreenProcedure(name="export report", window=WindowRule(program="ledger"), parameters=parameters)


MONTH = Parameter(name="month", example="march")
YEAR = Parameter(name="year", pattern=r"\d{4}", default="2026")
PASSWORD = Parameter(name="password", secret=True)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("march", {"month": "march", "year": "2026"}),
        ("month march", {"month": "march", "year": "2026"}),
        ("3월", {"month": "3월", "year": "2026"}),
        ("month=march year=2027", {"month": "march", "year": "2027"}),
        ('month="late march"', {"month": "late march", "year": "2026"}),
        ("a note: with a colon", {"month": "a note: with a colon", "year": "2026"}),
    ],
)
def test_what_people_say_is_told_to_what_has_to_be_told(text: str, told: dict[str, str]) -> None:
    assert told_by_text(procedure(MONTH, YEAR), text) == told


@pytest.mark.parametrize(
    ("given", "why"),
    [
        ({}, "has to be told month (like march)"),
        ({"mnth": "march"}, "did you mean month?"),
        ({"month": "march", "year": "26"}, r"year of export report cannot be '26'"),
        ({"month": "two\nlines"}, "one line"),
        ({"month": "x" * 3000}, "2,000 letters"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_mend(given: dict[str, str], why: str) -> None:
    with pytest.raises(WrongParameters) as refused:
        told_by_name(procedure(MONTH, YEAR), given)
    assert why in str(refused.value)


def test_two_values_have_to_be_named() -> None:
    with pytest.raises(WrongParameters, match="say which is which: month=march year=…"):
        told_by_text(procedure(MONTH, Parameter(name="year")), "march 2026")


def test_a_secret_is_told_by_its_name_and_has_its_own_where_none_is_said() -> None:
    assert told_by_name(procedure(PASSWORD), {"password": "@console"}) == {"password": "console"}
    assert told_by_name(procedure(PASSWORD), {}) == {"password": "password"}
    assert told_by_text(procedure(MONTH, PASSWORD), "march") == {"month": "march", "password": "password"}


def test_who_takes_nothing_is_told_nothing() -> None:
    assert told_by_text(procedure(), "") == {}
    with pytest.raises(WrongParameters, match="takes nothing"):
        told_by_text(procedure(), "march")
