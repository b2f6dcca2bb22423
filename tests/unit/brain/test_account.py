"""What models cost, as the account keeps it: no server's word takes anything off it."""

from __future__ import annotations

from pathlib import Path

from opsagent.brain.account import Account, Spent
from opsagent.home import Home
from opsagent.model_settings import ModelSettings, OneModel, Priced

HERE = OneModel(
    name="openai:here", base_url="http://127.0.0.1:9/v1", price=Priced(tokens_in=1_000_000.0, tokens_out=0.0)
)


def test_what_a_server_says_of_itself_earns_nothing_and_its_silence_is_no_price(home: Path) -> None:
    account, spent = Account(Home.open(home), ModelSettings(first=HERE, monthly_limit=10.0)), Spent()
    try:
        for tokens_in, cost in ((3, 3.0), (-50, 3.0), (0, 3.0)):
            call, why = account.begin(HERE.name, "command", None, spent)
            assert why == ""
            told = {"ok": True, "why": "", "tokens_in": tokens_in, "tokens_out": -1, "bytes": 9}
            account.end(call, HERE.name, "command", told, spent)
            assert account.use().cost == cost
        assert (account.use().tokens, account.use().unpriced) == (3, 2)
        assert spent.cost is None
    finally:
        account.close()
