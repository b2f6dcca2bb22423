"""`opsagent do` in two languages: changes, orders, conditions, times, everything; the answer in the language of the command."""

from __future__ import annotations

from tests.acceptance.conftest import Cli


def _pids(cli: Cli, name: str) -> list[int]:
    return [process["pid"] for process in cli.units()[name]["processes"]]


def test_what_is_said_in_korean_is_done_and_told_in_korean(busy: Cli) -> None:
    before = _pids(busy, "tick")
    result = busy("do", "tick 재시작해줘", "--yes")
    assert (result.code, result.out.startswith("완료: tick 재시작")) == (0, True), result
    assert not set(before) & set(_pids(busy, "tick"))


def test_orders_to_the_agent(busy: Cli) -> None:
    assert busy("do", "hold web for 2h").code == 0
    (hold,) = busy("hold", "--json").json["holds"]
    assert (hold["unit"].partition("@")[0], hold["until"] is None) == ("circus:web", False)
    assert "web" in busy("do", "web 보류 해제해줘").out
    taught = busy("do", "remember: never restart web between 1 and 3 am")
    assert (taught.code, "rule: never" in taught.out, "nothing is kept" in taught.err) == (3, True, True)


def test_what_is_not_so_is_not_done_and_what_nobody_would_do_is_not_promised(busy: Cli) -> None:
    before = _pids(busy, "web")
    unmet = busy("do", "if web is down, restart it", "--yes", "--json")
    assert (unmet.code, unmet.json["results"][0]["result"]) == (0, "not_done")
    later = busy("do", "restart web tomorrow at 3am", "--yes")
    assert later.code == 1
    assert "opsagent watch" in later.err
    assert _pids(busy, "web") == before


def test_everything_is_named_before_it_is_asked_about(busy: Cli) -> None:
    before = _pids(busy, "web")
    asked = busy("do", "전부 다 중지해줘")
    assert asked.code == 3
    assert "대상: " in asked.out
    assert _pids(busy, "web") == before
