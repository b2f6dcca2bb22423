"""What stands around the prompt: completion, the line at the bottom, what was typed before, how events are drawn."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import pytest

from opsagent.chat.completing import Known, completions
from opsagent.chat.drawing import drawn, folded, moving
from opsagent.chat.events import Event
from opsagent.chat.history import PrivateHistory
from opsagent.chat.standing import Standing, fitting, parts
from opsagent.views.table import cells
from opsagent.views.terminal import Screen
from opsagent_tools.text import UntrustedText

KNOWN = Known(
    names=("api", "gateway", "결제"),
    procedures=("export report",),
    questions=(("7f3a00", "restart:web"),),
    incidents=(("inc-1", "web is down"),),
)


@pytest.mark.parametrize(
    ("typed", "expected"),
    [
        ("rel", {"reload", "reload all"}),
        ("reload ga", {"gateway"}),
        ("결", {"결제"}),
        ("api 안전", {"안전하게 리로드해줘"}),
        ("approve 7", {"7f3a00"}),
        ("why inc", {"inc-1", "incidents"}),
        ("/q", {"/quiet", "/quit"}),
        ("zzz", set()),
        ("reload ", set()),
    ],
)
def test_completion(typed: str, expected: set[str]) -> None:
    assert {one.text for one in completions(typed, KNOWN)} == expected


def test_tab_at_an_empty_place_offers_what_there_is() -> None:
    found = {one.text for one in completions("reload ", KNOWN, asked=True)}
    assert {"api", "gateway", "결제"} <= found


def test_what_is_replaced_is_what_was_typed_of_it() -> None:
    one = next(completions("please export re", KNOWN))
    assert "please export re"[: -one.back] + one.text == "please export report"


@pytest.mark.parametrize("width", [10, 20, 40, 120])
@pytest.mark.parametrize("language", ["en", "ko"])
def test_the_bottom_line_fits(width: int, language: str) -> None:
    now = Standing(daemon=True, paused=True, mode="approve", incidents=2, questions=1, model="openai:m", cost=0.5)
    pieces = fitting(parts(now, "ko" if language == "ko" else "en", quiet=True), width)
    assert cells(" · ".join(text for text, _ in pieces)) <= width
    assert pieces[0][0] in {"paused", "일시정지"}


def test_the_bottom_line_says_what_matters_first() -> None:
    now = Standing(daemon=True, mode="auto", incidents=2, questions=1)
    assert [text for text, _ in parts(now, "en")] == ["1 waiting for a yes", "2 open", "mode auto"]
    assert [text for text, _ in parts(Standing(), "en")] == ["no daemon"]


def test_history_is_private_masked_and_survives_a_cut_line(tmp_path: Path) -> None:
    path = tmp_path / "chat_history"
    history = PrivateHistory(path)
    history.append_string("remember: password=hunter2abc")
    history.append_string("api\n안전하게 리로드해줘")
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert "hunter2abc" not in path.read_text()
    with path.open("a") as file:
        file.write('"cut sho')
    again = list(PrivateHistory(path).load_history_strings())
    assert again[0] == "api\n안전하게 리로드해줘"
    assert len(again) == 2


def test_history_keeps_its_size(tmp_path: Path) -> None:
    path = tmp_path / "chat_history"
    path.write_text("".join(json.dumps(str(number)) + "\n" for number in range(5000)))
    assert next(iter(PrivateHistory(path).load_history_strings())) == "4999"
    assert len(path.read_text().splitlines()) == 2000


def test_history_that_cannot_be_written_is_no_trouble(tmp_path: Path) -> None:
    history = PrivateHistory(tmp_path / "gone" / "chat_history")
    history.append_string("status")
    assert list(PrivateHistory(tmp_path / "gone" / "chat_history").load_history_strings()) == []


def test_foreign_text_is_escaped_and_wide_characters_are_counted() -> None:
    event = Event(
        kind="answer", text="결제 서비스의 로그", quoted=(UntrustedText("\x1b[31mred\x07"),), lines=("가" * 30,)
    )  # fmt: skip
    lines = drawn(event, Screen(terminal=True, colours=False, width=40))
    assert not any("\x1b" in line or "\x07" in line for line in lines)
    assert all(cells(line) <= 40 for line in lines[:-1])


def test_colours_only_where_there_are_colours() -> None:
    event = Event(kind="refused", text="on hold", data={"said": "restart web"})
    assert drawn(event, Screen()) == ["refused: restart web: on hold"]
    assert drawn(event, Screen(True, True, 80))[0].startswith("\x1b[31m")


def test_what_was_not_done_is_not_read_as_done() -> None:
    event = Event(kind="not_done", text="api is up", data={"said": "restart api if api is down"})
    assert drawn(event, Screen()) == ["not done: restart api if api is down: api is up"]
    not_begun = Event(kind="not_done", text="not done: stop web")
    assert drawn(not_begun, Screen()) == ["not done: stop web"]


def test_long_output_is_folded_and_a_log_keeps_its_end() -> None:
    lines = [str(number) for number in range(100)]
    assert folded(lines[:10], 24, tail=True) == (lines[:10], [])
    shown, rest = folded(lines, 10, tail=False)
    assert (shown, rest) == (lines[:20], lines[20:])
    shown, rest = folded(lines, 10, tail=True)
    assert (shown[0], shown[-1], shown[0:1] + rest + shown[1:]) == ("0", "99", lines)


@pytest.mark.parametrize("width", [12, 40, 80])
def test_the_moving_line_fits(width: int) -> None:
    assert cells(moving("[1/3] 안전하게 다시 로드하는 중 " * 5, 3, 12.4, width)) < width
