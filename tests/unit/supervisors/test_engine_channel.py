"""Node's channel, and whole lines out of what comes in pieces."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.supervisors.circus.channel import Channel
from opsagent_tools.supervisors.circus.logpipe import Lines, shape_of
from opsagent_tools.supervisors.circus.outputs import Outputs
from tests.support.waiting import until


class Talk:
    """A channel, and the instance's end of it."""

    def __init__(self) -> None:
        self.ready = 0
        self.channel = Channel(self._count)
        self.theirs = socket.socket(fileno=os.dup(self.channel.child))
        self.channel.started()

    def _count(self) -> None:
        self.ready += 1


@pytest.fixture
async def talk() -> AsyncIterator[Talk]:
    found = Talk()
    yield found
    found.channel.close()
    found.theirs.close()


async def test_ready_is_understood_among_everything_else(talk: Talk) -> None:
    talk.theirs.sendall(b'{"cmd":"NODE_X"}\n"read')
    talk.theirs.sendall(b'y"\nnot json\n"readiness"\n["ready"]\n' + b"[" * 60_000 + b"\n")
    await until(lambda: talk.ready)

    talk.theirs.sendall(b'"ready"\n')
    await until(lambda: talk.ready == 2)


async def test_what_is_too_long_is_dropped_and_the_next_is_heard(talk: Talk) -> None:
    sent = asyncio.get_running_loop().run_in_executor(None, talk.theirs.sendall, b"x" * 3_000_000 + b'\n"ready"\n')
    await until(lambda: talk.ready)
    await sent

    assert talk.ready == 1


async def test_messages_reach_the_instance_while_it_listens(talk: Talk) -> None:
    assert talk.channel.send("shutdown")
    assert talk.theirs.recv(100) == b'"shutdown"\n'

    talk.theirs.close()
    await until(lambda: not talk.channel.send("shutdown"))
    talk.channel.close()
    assert not talk.channel.send("shutdown")


async def test_lines_are_whole_and_one_that_has_no_end_is_written_all_the_same() -> None:
    written: list[bytes] = []
    lines = Lines(lambda line: b"> " + line + b"\n", written.append)

    lines.take(b"one\ntw")
    lines.take(b"o\n\nbegun")
    assert b"".join(written) == b"> one\n> two\n> \n"
    await until(lambda: written[-1] == b"> begun\n")

    lines.take(b"y" * 70_000)
    assert written[-1] == b"> " + b"y" * 70_000 + b"\n"
    lines.take(b"last")
    lines.flush()
    lines.flush()
    assert written[-1] == b"> last\n"


def test_a_line_that_is_no_text_is_json_all_the_same(tmp_path: Path) -> None:
    spec = ServiceSpec(name="api", cwd=tmp_path, log_type="json", log_date_format="YYYY")

    line = shape_of(spec, 2, "err", lambda: datetime(2026, 1, 1, tzinfo=UTC))(b'\xff "x"')

    assert line == (
        b'{"message": "\\ufffd \\"x\\"", "timestamp": "2026", "type": "err", "process_id": 1, "app_name": "api"}\n'
    )


async def test_outputs_are_taken_to_the_last_word_when_they_are_closed(tmp_path: Path) -> None:
    (tmp_path / "own").mkdir()
    spec = ServiceSpec(name="api", cwd=tmp_path, out_file=tmp_path / "out.log", log_date_format="[at]")
    outputs = Outputs(spec, tmp_path / "own" / "api.log")
    out, err = outputs.open_for_child(1)
    os.write(out, b"one\ntwo")
    os.write(err, b"three")
    os.close(out)
    os.close(err)

    outputs.close()

    assert (tmp_path / "out.log").read_text() == "at: one\nat: two\n"
    assert (tmp_path / "own" / "api.log").read_text() == "at: three\n"
