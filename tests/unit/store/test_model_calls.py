"""What models were asked, and what it cost, in the journal; the account that stops before a request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from opsagent.brain.account import cost_of, month_of, used_up
from opsagent.model_settings import ModelSettings, OneModel, Priced
from opsagent.store.journal import Journal
from opsagent.store.model_calls import CUT_OFF, ModelUse

FOREVER = datetime(2000, 1, 1, tzinfo=UTC)


@pytest.fixture
def journal(tmp_path: Path) -> Iterator[Journal]:
    with Journal.open(f"sqlite:///{tmp_path / 'journal.db'}") as opened:
        yield opened


def asked(journal: Journal, *, cost: float | None = None, currency: str | None = None, ok: bool = True) -> None:
    call = journal.begin_model_call(purpose="command", model="openai:a")
    journal.end_model_call(
        call, ok=ok, why="" if ok else "no", tokens=(100, 10), cost=cost, currency=currency, bytes_out=5
    )


def test_what_was_asked_is_summed_up_in_one_currency(journal: Journal) -> None:
    asked(journal, cost=0.5, currency="USD")
    asked(journal, cost=0.25, currency="USD")
    asked(journal, cost=900.0, currency="KRW")
    asked(journal)
    asked(journal, ok=False)
    assert journal.model_use(FOREVER, "USD") == ModelUse(
        calls=5, failed=1, tokens_in=500, tokens_out=50, cost=0.75, unpriced=2, bytes_out=25
    )
    assert journal.model_use(FOREVER, "KRW").cost == 900.0
    assert journal.model_use(datetime.now(UTC) + timedelta(days=1), "USD") == ModelUse()
    assert not journal.verify().problems


def test_a_request_whose_end_nobody_told_is_known(journal: Journal) -> None:
    journal.begin_model_call(purpose="incident", model="openai:a", incident="inc-1")
    (call,) = journal.model_calls()
    assert (call.ok, call.why, call.incident_id) == (False, CUT_OFF, "inc-1")


def test_a_secret_in_what_a_service_says_is_masked(journal: Journal) -> None:
    call = journal.begin_model_call(purpose="test", model="openai:a")
    journal.end_model_call(call, ok=False, why="refused: password=hunter2secret")
    assert "hunter2secret" not in journal.model_calls()[0].why


def test_a_month_is_one_of_the_calendar_in_utc() -> None:
    seoul = datetime.fromisoformat("2026-12-01T03:00:00+09:00")
    assert month_of(seoul) == datetime(2026, 11, 1, tzinfo=UTC)


def test_a_cost_is_what_the_configuration_says_or_not_known() -> None:
    priced = OneModel(name="openai:a", price=Priced(tokens_in=3.0, tokens_out=15.0))
    assert cost_of(priced, 1_000_000, 100_000) == pytest.approx(4.5)
    assert cost_of(OneModel(name="openai:a"), 1, 1) is None


@pytest.mark.parametrize(
    ("settings", "use", "why"),
    [
        (ModelSettings(), ModelUse(cost=1e9, tokens_in=10**9), ""),
        (ModelSettings(monthly_limit=20.0), ModelUse(cost=19.99), ""),
        (ModelSettings(monthly_limit=20.0), ModelUse(cost=20.0), "20.00 USD is used up"),
        (ModelSettings(monthly_tokens=100), ModelUse(tokens_in=60, tokens_out=40), "100 tokens is used up"),
    ],
)
def test_a_limit_is_used_up_once_it_is_reached(settings: ModelSettings, use: ModelUse, why: str) -> None:
    said = used_up(settings, use)
    assert why in said
    assert bool(said) == bool(why)
