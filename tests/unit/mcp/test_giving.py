"""What callers get is masked, visible, bounded and marked; what they call themselves is plain; errors are typed."""

from __future__ import annotations

import pytest

from opsagent.home import LockTaken
from opsagent.mcp_server.catalogue import TOOLS
from opsagent.mcp_server.errors import CallError, call_error
from opsagent.mcp_server.giving import UNTRUSTED, caller_name, given, quoted
from opsagent.running import UnknownService
from opsagent.store.errors import StoreError
from opsagent_tools.registry import CHANGING, ORDERS, READING
from opsagent_tools.supervisors.port import SupervisorUnreachable
from opsagent_tools.text import UntrustedText
from tests.support.told import HOSTILE


def test_secrets_are_masked_and_control_characters_seen() -> None:
    found = given({"why": "password=hunter2abc", "unit": "a\x1b[2Jb\u202e", "list": [UntrustedText("x\x00")]})
    assert "hunter2abc" not in str(found)
    assert found["unit"] == "a\\x1b[2Jb\\u202e"
    assert found["list"] == ["x\\x00"]


def test_what_is_cut_is_counted() -> None:
    found = given({"many": list(range(250)), "long": "x" * 5000})
    assert (len(found["many"]), len(found["long"]), found["left_off"]) == (200, 4000, 51)
    lines = quoted([UntrustedText(f"{number} " + "y" * 900) for number in range(100)])
    assert lines["left_off"] == 100 - len(lines["lines"]) > 0
    assert lines["lines"][-1].startswith("99 ")
    assert lines["note"] == UNTRUSTED


@pytest.mark.parametrize("said", [*HOSTILE, "", None, "x" * 500])
def test_a_caller_is_named_by_plain_letters(said: str | None) -> None:
    name = caller_name(said)
    assert name.startswith("mcp: ")
    assert len(name) <= 64 - 19
    assert name.isascii()
    assert name.isprintable()
    assert not set(name) & set("<>[]()`*@")


def test_every_reading_tool_is_there_and_nothing_that_changes_or_approves() -> None:
    assert set(READING) < set(TOOLS)
    assert not set(TOOLS) & {*(str(name) for name in CHANGING), *ORDERS}
    assert [name for name, tool in TOOLS.items() if not tool.reads] == ["propose"]


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (UnknownService("no x"), "unknown_unit"),
        (LookupError("no such incident"), "not_found"),
        (ValueError("bad"), "bad_argument"),
        (StoreError("broken"), "unavailable"),
        (SupervisorUnreachable("gone"), "unavailable"),
        (CallError("too_many", "enough"), "too_many"),
        (KeyError("secret"), "internal"),
        (RuntimeError("password=hunter2abc at /somewhere"), "internal"),
    ],
)
def test_errors_are_codes_and_one_line(error: Exception, code: str) -> None:
    told = call_error(error)
    assert told.code == code
    assert "hunter2abc" not in str(told)
    assert "secret" not in str(told)


def test_who_owns_the_home_is_busy() -> None:
    assert call_error(LockTaken.__new__(LockTaken)).code == "busy"
