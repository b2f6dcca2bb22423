"""The local API over a real socket: calls, streams, strangers, garbage, versions, deaths."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import stat
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, suppress
from pathlib import Path
from typing import Any

import pytest

from opsagent import __version__
from opsagent.api import exchange, protocol
from opsagent.api.call import call_sync
from opsagent.api.client import ApiClient
from opsagent.api.errors import (
    AlreadyServing,
    ApiError,
    DaemonGone,
    DaemonNotRunning,
    NotTheOwner,
    RemoteError,
    RemoteLookup,
    VersionMismatch,
)
from opsagent.api.server import ApiServer
from opsagent.model import Plan
from opsagent.store.codec import from_plain
from opsagent.store.errors import StoreError
from opsagent_tools.peers import person_of
from tests.support.waiting import until
from tests.unit.store.values import plan


class Daemon:
    """Some methods, and what became of the streams."""

    def __init__(self) -> None:
        self.ended: list[str] = []

    async def echo(self, plan: Plan, times: int = 1) -> list[Plan]:
        return [plan] * times

    async def count(self, to: int) -> AsyncIterator[int]:
        for number in range(to):
            yield number

    async def forever(self) -> AsyncIterator[int]:
        try:
            number = 0
            while True:
                yield number
                number += 1
                await asyncio.sleep(0.001)
        finally:
            self.ended.append("forever")

    async def flood(self) -> AsyncIterator[str]:
        try:
            while True:  # waits for nothing of its own: it is ended while it is sent, or never
                yield "x" * 10_000
        finally:
            self.ended.append("flood")

    def borrowed(self) -> AsyncIterator[int]:
        return self.count(2)

    async def unknown(self) -> None:
        raise LookupError("no approval 7")

    async def full(self) -> None:
        raise StoreError("the disk is full (password=hunter2)")

    async def broken(self) -> AsyncIterator[int]:
        yield 1
        raise ZeroDivisionError("oh")

    async def odd(self) -> object:
        return object()

    async def whose(self, by: str) -> str:
        return by

    def handlers(self) -> dict[str, Callable[..., Any]]:
        names = ("echo", "count", "forever", "flood", "borrowed", "unknown", "full", "broken", "odd", "whose")
        return {name: getattr(self, name) for name in names}


@pytest.fixture
def path(runtime_root: Path) -> Path:
    return runtime_root / "api.sock"


@pytest.fixture
def daemon() -> Daemon:
    return Daemon()


@pytest.fixture
async def server(path: Path, daemon: Daemon) -> AsyncIterator[ApiServer]:
    async with ApiServer(path, daemon.handlers()) as running:
        yield running


@pytest.fixture
async def client(server: ApiServer, path: Path) -> ApiClient:
    return await ApiClient.connect(path)


async def test_values_of_the_model_cross_and_come_back(client: ApiClient) -> None:
    assert client.server_version == __version__
    answered = await client.call("echo", {"plan": plan(), "times": 2})
    assert from_plain(answered, list[Plan]) == [plan(), plan()]
    assert len(await client.call("echo", {"plan": plan()})) == 1


async def test_who_asks_is_who_the_kernel_says_and_not_who_the_request_says(client: ApiClient) -> None:
    assert await client.call("whose", {"by": "somebody-else"}) == person_of(os.getuid(), os.getpid())


async def test_streams_come_item_by_item_and_end(client: ApiClient) -> None:
    assert [item async for item in client.stream("count", {"to": 3})] == [0, 1, 2]
    assert [item async for item in client.stream("count", {"to": 0})] == []
    assert [item async for item in client.stream("borrowed")] == [0, 1]


async def test_calls_run_side_by_side(client: ApiClient) -> None:
    async with aclosing(client.stream("forever")) as items:  # type: ignore[type-var]
        assert await anext(items) == 0
        answers = await asyncio.gather(*(client.call("echo", {"plan": plan()}) for _ in range(20)))
        assert len(answers) == 20
        assert await anext(items) == 1


async def test_a_stream_whose_reader_leaves_while_it_is_sent_to_ends_too(client: ApiClient, daemon: Daemon) -> None:
    async with aclosing(client.stream("flood")) as items:  # type: ignore[type-var]
        await anext(items)
    await until(lambda: daemon.ended == ["flood"])


async def test_a_stream_that_nobody_reads_any_more_ends_over_there(client: ApiClient, daemon: Daemon) -> None:
    async with aclosing(client.stream("forever")) as items:  # type: ignore[type-var]
        await anext(items)
    await until(lambda: daemon.ended == ["forever"])


async def test_errors_say_what_happened_and_hide_secrets(client: ApiClient, caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(RemoteLookup, match="no approval 7"):
        await client.call("unknown")
    with pytest.raises(RemoteError, match="the disk is full") as refused:
        await client.call("full")
    assert refused.value.code == "StoreError"
    assert "hunter2" not in str(refused.value)
    assert not caplog.records
    items = client.stream("broken")
    assert await anext(items) == 1
    with pytest.raises(RemoteError, match="ZeroDivisionError: oh") as broken:
        await anext(items)
    assert broken.value.code == "internal"
    assert "broken" in caplog.text
    with pytest.raises(RemoteError, match="cannot be stored: object"):
        await client.call("odd")


@pytest.mark.parametrize(
    ("method", "params", "code"),
    [
        ("nothing", {}, "no_method"),
        ("count", {}, "bad_params"),
        ("count", {"to": "3"}, "bad_params"),
        ("count", {"to": 3, "from": 1}, "bad_params"),
        ("echo", {"plan": {"id": "x"}}, "bad_params"),
        ("echo", {"plan": None}, "bad_params"),
    ],
)
async def test_wrong_calls_are_refused_before_anything_runs(
    client: ApiClient, method: str, params: dict[str, Any], code: str
) -> None:
    with pytest.raises(RemoteError) as refused:
        await client.call(method, params)
    assert refused.value.code == code


async def called(path: Path, method: str, params: dict[str, Any] | None = None, patience_s: float = 20.0) -> Any:
    """What the blocking client says, without blocking this loop, in which the server lives."""
    return await asyncio.to_thread(call_sync, path, method, params, patience_s=patience_s)


async def test_the_blocking_client_says_what_the_other_one_says(client: ApiClient, path: Path) -> None:
    for method, params in (("hello", None), ("echo", {"plan": plan(), "times": 2})):
        assert await called(path, method, params) == await client.call(method, params)
    large = await called(path, "echo", {"plan": plan(), "times": 2000})
    assert len(large) == 2000
    for method in ("unknown", "full", "nothing"):
        with pytest.raises(RemoteError) as one:
            await called(path, method)
        with pytest.raises(RemoteError) as other:
            await client.call(method)
        assert (type(one.value), one.value.code, str(one.value)) == (
            type(other.value),
            other.value.code,
            str(other.value),
        )


async def test_the_blocking_client_is_told_both_versions(
    server: ApiServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "PROTOCOL", 2)
    with pytest.raises(VersionMismatch, match=r"version 1 of the local API .* version 2 "):
        await called(path, "hello")


def test_the_blocking_client_says_that_nobody_is_there(path: Path) -> None:
    for missing in (path, path.parent / "no" / "folder"):
        with pytest.raises(DaemonNotRunning, match="opsagent watch"):
            call_sync(missing, "status", patience_s=10)
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(DaemonNotRunning):
        call_sync(path, "status", patience_s=10)


def test_the_blocking_client_has_an_end_to_its_patience(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(path))
        silent.listen()
        with pytest.raises(TimeoutError):
            call_sync(path, "status", patience_s=0.1)


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", DaemonGone),
        (b'{"v": 1, "id": 1, "result"', DaemonGone),
        (b"garbage\n", ApiError),
        (b'{"v": 1, "id": 9, "result": 1}\n', DaemonGone),
        (b'{"v": 1, "id": 9, "result": 1}\n{"v": 1, "id": 1, "result": 2}\n', None),
        (b'{"v": 3, "id": 1, "result": 1}\n', VersionMismatch),
    ],
)
async def test_the_blocking_client_judges_what_it_hears(path: Path, said: bytes, error: type[Exception] | None) -> None:
    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readline()
        writer.write(said)
        writer.close()

    async with await asyncio.start_unix_server(answer, path):
        if error is None:
            assert await called(path, "status") == 2
        else:
            with pytest.raises(error):
                await called(path, "status")


async def test_the_socket_is_private(server: ApiServer, path: Path) -> None:
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


async def _talk(path: Path, *lines: bytes) -> list[dict[str, Any]]:
    """Write raw lines and return the frames that come back, one for each, unless the other end closes before."""
    reader, writer = await asyncio.open_unix_connection(path)
    try:
        writer.write(b"".join(lines))
        frames = []
        for _ in lines:
            line = await asyncio.wait_for(reader.readline(), 10)
            if not line:
                break
            frames.append(json.loads(line))
        return frames
    finally:
        writer.close()
        await writer.wait_closed()


@pytest.mark.parametrize(
    "garbage",
    [b"\n", b"hello\n", b"\xff\xfe\x00\n", b"[1, 2]\n", b"[" * 100_000 + b"\n", b'{"v": 1, "id": 1, "method": 7}\n',
     b'{"v": 1, "id": 1, "method": "count", "params": [1]}\n', b'{"v": 1}\n'],
)  # fmt: skip
async def test_garbage_is_answered_and_harms_nobody(client: ApiClient, path: Path, garbage: bytes) -> None:
    hello = b'{"v": 1, "id": 2, "method": "hello", "params": {}}\n'
    refused, greeted = await _talk(path, garbage, hello)
    assert refused["error"]["code"] in {"bad_request", "no_method", "bad_params"}
    assert greeted["result"]["version"] == __version__
    assert [item async for item in client.stream("count", {"to": 1})] == [0]


async def test_a_line_without_end_is_cut_off(client: ApiClient, path: Path) -> None:
    [refused] = await _talk(path, b"x" * (protocol.REQUEST_MAX + 10_000) + b"\n")
    assert refused["error"]["code"] == "bad_request"
    assert [item async for item in client.stream("count", {"to": 1})] == [0]


async def test_half_a_line_and_good_bye_harms_nobody(client: ApiClient, path: Path) -> None:
    _, writer = await asyncio.open_unix_connection(path)
    writer.write(b'{"v": 1, "id"')
    writer.close()
    await writer.wait_closed()
    assert [item async for item in client.stream("count", {"to": 1})] == [0]


async def test_a_client_of_another_version_is_told_both_versions(
    server: ApiServer, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exchange, "PROTOCOL", 2)
    monkeypatch.setattr(exchange, "__version__", "9.9.9")
    with pytest.raises(VersionMismatch) as mismatch:
        await ApiClient.connect(path)
    said = str(mismatch.value)
    assert "version 1 of the local API" in said
    assert f"opsagent {__version__}" in said
    assert "version 2 (opsagent 9.9.9)" in said
    assert "restart `opsagent watch`" in said


_STRANGER = """
import os, socket, sys
os.setgroups([]); os.setgid(12345); os.setuid(12345)
with socket.socket(socket.AF_UNIX) as talk:
    try:
        talk.connect(sys.argv[1])
        talk.sendall(b'{"v": 1, "id": 1, "method": "hello", "params": {}}\\n')
        print(repr(talk.recv(1000)))
    except OSError as error:
        print(type(error).__name__)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_another_user_is_not_listened_to(server: ApiServer, path: Path) -> None:
    """Even where folder and socket would let him in: the kernel says who he is."""
    path.parent.chmod(0o755)
    path.chmod(0o666)
    stranger = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", _STRANGER, str(path), stdout=asyncio.subprocess.PIPE
    )
    heard, _ = await stranger.communicate()
    assert heard.decode().strip() in {"b''", "ConnectionResetError", "BrokenPipeError"}
    assert (await (await ApiClient.connect(path)).call("hello"))["version"] == __version__


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become another user")
async def test_a_daemon_of_another_user_is_not_believed(path: Path) -> None:
    program = (
        "import os, socket, sys\n"
        "listener = socket.socket(socket.AF_UNIX)\n"
        "os.setgroups([]); os.setgid(12345); os.setuid(12345)\n"
        "listener.bind(sys.argv[1]); listener.listen(); print('up', flush=True); sys.stdin.read()"
    )
    path.parent.chmod(0o777)
    impostor = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", program, str(path),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert impostor.stdin is not None
    assert impostor.stdout is not None
    try:
        assert await impostor.stdout.readline() == b"up\n"
        with pytest.raises(NotTheOwner, match="served by user 12345"):
            await ApiClient.connect(path)
        with pytest.raises(NotTheOwner, match="served by user 12345"):
            await called(path, "status")
    finally:
        impostor.stdin.close()
        await impostor.wait()


async def test_no_daemon_is_said_so(path: Path) -> None:
    with pytest.raises(DaemonNotRunning, match="opsagent watch"):
        await ApiClient.connect(path)
    with pytest.raises(DaemonNotRunning):
        await ApiClient.connect(path.parent / "no" / "folder")


async def test_a_dead_daemons_socket_is_replaced_and_a_living_ones_is_not(path: Path, daemon: Daemon) -> None:
    with socket.socket(socket.AF_UNIX) as dead:
        dead.bind(str(path))
    with pytest.raises(DaemonNotRunning):
        await ApiClient.connect(path)
    async with ApiServer(path, daemon.handlers()):
        with pytest.raises(AlreadyServing, match="another daemon serves it"):
            await ApiServer(path, {}).start()
        await ApiClient.connect(path)
    assert not path.exists()


async def test_what_is_no_socket_is_left_alone(path: Path) -> None:
    path.write_text("mine")
    with pytest.raises(ApiError, match="is no socket"):
        await ApiServer(path, {}).start()
    assert path.read_text() == "mine"


_DAEMON = """
import asyncio, os, signal, sys
from pathlib import Path
from opsagent.api.server import ApiServer
async def slow():
    yield 1
    os.kill(os.getpid(), signal.SIGKILL)
async def main():
    async with ApiServer(Path(sys.argv[1]), {"slow": slow}):
        print("up", flush=True)
        await asyncio.Event().wait()
asyncio.run(main())
"""


async def test_a_daemon_that_is_killed_in_the_middle_is_said_so(path: Path, daemon: Daemon) -> None:
    killed = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _DAEMON, str(path), stdout=asyncio.subprocess.PIPE
    )
    assert killed.stdout is not None
    try:
        assert await killed.stdout.readline() == b"up\n"
        items = (await ApiClient.connect(path)).stream("slow")
        assert await anext(items) == 1
        with pytest.raises(DaemonGone, match=r"went away during `slow`.*opsagent incidents list"):
            await anext(items)
    finally:
        with suppress(ProcessLookupError):
            os.kill(killed.pid, signal.SIGKILL)  # killed.kill() may reap it, and its exit code is nobody's then
        assert await killed.wait() == -signal.SIGKILL
    async with ApiServer(path, daemon.handlers()):  # its socket is still there, and no hindrance
        assert (await ApiClient.connect(path)).server_version == __version__


async def test_closing_the_server_ends_what_runs(path: Path, daemon: Daemon) -> None:
    server = ApiServer(path, daemon.handlers())
    await server.start()
    items = (await ApiClient.connect(path)).stream("forever")
    await anext(items)
    await server.close()
    await server.close()
    assert daemon.ended == ["forever"]

    async def drain() -> None:
        async for _ in items:
            pass

    with pytest.raises(DaemonGone):
        await drain()


async def test_a_method_without_annotations_is_a_mistake() -> None:
    async def sloppy(thing) -> None:  # type: ignore[no-untyped-def]
        del thing

    with pytest.raises(TypeError, match="parameter thing has no annotation"):
        ApiServer(Path("/nowhere"), {"sloppy": sloppy})
