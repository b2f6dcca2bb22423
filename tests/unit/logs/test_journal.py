"""Entries of systemd's journal as lines, and what is done where it cannot be read. Following a real one: in the box."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from opsagent_tools.logs.journal import Entry, Journals, entry_of, last_lines
from tests.support.waiting import eventually


def entry(**fields: object) -> bytes:
    return json.dumps({"__REALTIME_TIMESTAMP": "5000000", "_SYSTEMD_UNIT": "api.service", **fields}).encode()


def test_text_and_bytes_are_lines() -> None:
    assert entry_of(entry(MESSAGE="one\r\ntwo")) == Entry("api.service", (b"one", b"two"), True, 5_000_000)
    assert entry_of(entry(MESSAGE=[104, 255, 10, 105])) == Entry("api.service", (b"h\xff", b"i"), True, 5_000_000)


def test_what_systemd_says_of_a_unit_is_not_the_units_own() -> None:
    told = entry_of(entry(MESSAGE="Started.", UNIT="api.service", _SYSTEMD_UNIT="init.scope"))

    assert told == Entry("api.service", (b"Started.",), False, 5_000_000)


def test_a_services_user_instance_is_its_unit() -> None:
    told = entry_of(entry(MESSAGE="x", _SYSTEMD_UNIT="user@0.service", _SYSTEMD_USER_UNIT="mine.service"))

    assert told is not None
    assert told.unit == "mine.service"


@pytest.mark.parametrize(
    "raw",
    [b"", b"no JSON", b"[]", entry(), entry(MESSAGE=None), entry(MESSAGE=[300]), entry(MESSAGE="x", _SYSTEMD_UNIT=7),
     entry(MESSAGE="x", __REALTIME_TIMESTAMP="soon")],
)  # fmt: skip
def test_what_is_no_entry(raw: bytes) -> None:
    assert entry_of(raw) is None


@pytest.fixture
def journalctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A program in the place of journalctl: it notes its arguments, prints `out`, and goes on while `stay` is there."""
    program = tmp_path / "journalctl"
    program.write_text(
        f'#!/bin/sh\ncd {tmp_path}\necho "$@" >>asked\ncat out 2>/dev/null\n'
        "while [ -e stay ]; do sleep .02; done\necho may not >&2\nexit 1\n"
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path


def at(us: int, text: str, unit: str = "api.service") -> bytes:
    return entry(MESSAGE=text, __REALTIME_TIMESTAMP=str(us), _SYSTEMD_UNIT=unit) + b"\n"


def test_services_of_one_scope_share_a_process_and_get_their_own_lines(journalctl: Path) -> None:
    later = 2**52
    (journalctl / "out").write_bytes(
        at(later, "a") + at(later + 1, "b", "worker@7.service") + at(later + 2, "c", "x.service")
    )
    (journalctl / "stay").touch()
    journals = Journals()
    try:
        api, worker = journals.tail("system/api.service"), journals.tail("system/worker@*.service")
        assert eventually(api.look) == [b"a"]
        assert worker.look() == [b"b"]
        (asked,) = (journalctl / "asked").read_text().splitlines()
        assert "--unit=api.service --unit=worker@*.service --follow" in asked
    finally:
        journals.close()


def test_a_line_is_told_once_although_journalctl_is_started_anew(journalctl: Path) -> None:
    later, now = 2**52, [0.0]
    (journalctl / "out").write_bytes(at(later, "old"))
    (journalctl / "stay").touch()
    journals = Journals(clock=lambda: now[0])
    try:
        api = journals.tail("system/api.service")
        assert eventually(api.look) == [b"old"]
        web = journals.tail("system/web.service")
        (journalctl / "out").write_bytes(at(later, "old") + at(later + 1, "new") + at(later + 1, "w", "web.service"))
        assert api.look() == []  # not yet: it was started a moment ago
        now[0] = 5.0
        assert eventually(api.look) == [b"new"]
        assert web.look() == [b"w"]
    finally:
        journals.close()


def test_a_journal_that_may_not_be_read_is_told_and_tried_again_later(journalctl: Path) -> None:
    now = [0.0]
    journals = Journals(clock=lambda: now[0])
    tail = journals.tail("user/api.service")
    try:
        with pytest.raises(OSError, match="journalctl ended: may not"):
            eventually(tail.look)
        assert tail.look() == []
        now[0] = 1.0
        assert tail.look() == []
        assert len((journalctl / "asked").read_text().splitlines()) == 1
        now[0] = 60.0
        with pytest.raises(OSError, match="may not"):
            eventually(tail.look)
        assert "--user-unit=api.service" in (journalctl / "asked").read_text().splitlines()[1]
    finally:
        journals.close()


def test_without_journalctl_there_are_no_lines(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    journals = Journals()

    with pytest.raises(FileNotFoundError, match="journalctl is not installed"):
        journals.tail("system/api.service").look()

    assert last_lines("system/api.service", 5) == []
    journals.close()


def test_a_journal_goes_on_from_a_position_old_lines_first(journalctl: Path) -> None:
    now_us, later = int(time.time() * 1e6), 2**52
    away = now_us - 60_000_000
    (journalctl / "out").write_bytes(
        at(away, "read before") + at(away + 1, "while away") + at(later, "w", "web.service") + at(later, "live")
    )
    (journalctl / "stay").touch()
    journals = Journals()
    try:
        api = journals.tail("system/api.service", {"after_us": away})
        web = journals.tail("system/web.service")
        assert (eventually(api.look), api.past) == ([b"while away"], True)
        assert api.position() == {"after_us": away + 1}
        assert (api.look(), api.past) == ([b"live"], False)
        assert (web.look(), web.past) == ([b"w"], False)
        assert api.position() == {"after_us": later}
        (asked,) = (journalctl / "asked").read_text().splitlines()
        assert f"--since=@{away / 1e6:.6f}" in asked
    finally:
        journals.close()


def test_a_position_of_long_ago_is_not_gone_back_to_and_that_is_told() -> None:
    week_us = int((time.time() - 7 * 86_400) * 1e6)
    journals = Journals()

    tail = journals.tail("system/api.service", {"after_us": week_us})

    assert "24 hours" in tail.missed
    assert tail.position()["after_us"] > week_us
    assert journals.tail("system/api.service", {"after_us": "x"}).missed == ""
    journals.close()
