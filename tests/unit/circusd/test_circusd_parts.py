"""Endpoints, configuration and answers of a circusd: what is read, and what is refused."""

from __future__ import annotations

import os
import socket
import string
import tempfile
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from opsagent_tools.supervisors.circusd import told
from opsagent_tools.supervisors.circusd.conf import read_conf
from opsagent_tools.supervisors.circusd.endpoint import Endpoint
from opsagent_tools.supervisors.circusd.told import Told
from opsagent_tools.supervisors.port import NotPermitted, SupervisorUnreachable

root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a socket is given to another user")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("ipc:///run/c.sock", "ipc:///run/c.sock"),
        ("ipc:///run/../run/c.sock", "ipc:///run/c.sock"),
        ("tcp://127.0.0.1:5555", "tcp://127.0.0.1:5555"),
        ("tcp://*:5555", "tcp://127.0.0.1:5555"),
        ("tcp://0.0.0.0:5555", "tcp://127.0.0.1:5555"),
    ],
)
def test_an_endpoint_is_read_and_shown(text: str, shown: str) -> None:
    assert str(Endpoint.parse(text)) == shown


@pytest.mark.parametrize(
    "text",
    ["tcp://db:5555", "tcp://127.0.0.1", "tcp://127.0.0.1:0", "ipc://c.sock", "udp://1", "", f"ipc:///{'x' * 120}"],
)
def test_what_is_no_endpoint_of_this_machine_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"neither|not this machine|longer"):
        Endpoint.parse(text)


def test_who_listens_is_the_kernels_word(runtime_root: Path) -> None:
    path = runtime_root / "c.sock"
    endpoint = Endpoint.parse(f"ipc://{path}")
    with pytest.raises(SupervisorUnreachable, match="is not running"):
        endpoint.whose()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        assert (endpoint.whose().uid, endpoint.whose().pid) == (os.geteuid(), os.getpid())
    with pytest.raises(SupervisorUnreachable, match="refused"):
        endpoint.whose()


def test_whose_a_port_is_is_known_without_connecting(free_port: int) -> None:
    endpoint = Endpoint.parse(f"tcp://127.0.0.1:{free_port}")
    with pytest.raises(SupervisorUnreachable, match="nobody listens"):
        endpoint.whose()
    with socket.create_server(("127.0.0.1", free_port)) as server:
        assert endpoint.whose().uid == os.geteuid()
        server.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            server.accept()


@root
def test_a_forged_socket_is_not_trusted(runtime_root: Path) -> None:
    path = runtime_root / "c.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        server.listen()
        os.chown(path, 65534, 65534)
        with pytest.raises(NotPermitted, match="not trusted"):
            Endpoint(path=str(path)).whose()
        os.chown(path, 0, 0)
        runtime_root.chmod(0o777)
        with pytest.raises(NotPermitted, match="mode 777"):
            Endpoint(path=str(path)).whose()


_INI = """\
[circus]
check_delay = 0.5   ; how often
endpoint = ipc:///run/c.sock
include = more.ini
[watcher:Api]
cmd = python app.py --fd $(circus.sockets.web)
numprocesses = 3
use_sockets = True
[socket:web]
port = 8000
"""


def test_watchers_sockets_and_includes_are_found(tmp_path: Path) -> None:
    (tmp_path / "circus.ini").write_text(_INI)
    (tmp_path / "more.ini").write_text("[watcher:mail]\ncmd = mail\n")
    conf = read_conf(tmp_path / "circus.ini", os.geteuid())
    assert conf is not None
    assert (conf.get("check_delay"), conf.get("nothing", "x")) == ("0.5", "x")
    assert set(conf.watchers) == {"Api", "mail"}
    assert conf.watchers["Api"].at == f"{tmp_path / 'circus.ini'}:5"
    assert set(conf.sockets) == {"web"}
    assert conf.whole
    (tmp_path / "more.ini").unlink()
    (tmp_path / "more.ini").symlink_to("/dev/zero")
    again = read_conf(tmp_path / "circus.ini", os.geteuid())
    assert again is not None
    assert not again.whole


@settings(deadline=None, max_examples=60)
@given(st.text(string.printable, max_size=300))
def test_whatever_is_written_there_is_read_to_its_end(text: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "circus.ini"
        path.write_text(text)
        conf = read_conf(path, os.geteuid())
        assert conf is not None
        assert isinstance(conf.watchers, dict)


def test_a_watcher_is_read_as_it_is_told() -> None:
    one = Told(
        name="api",
        status="active",
        options={
            "cmd": "python 'my app.py'",
            "args": "--fd $(circus.sockets.Web) ((circus.sockets.admin))",
            "use_sockets": True,
            "numprocesses": 3,
            "respawn": False,
            "stdout_stream_conf": {"class": "FileStream", "filename": "/var/log/api.log"},
            "stderr_stream_conf": {"filename": "relative.log"},
        },
    )
    assert one.command[:2] == ("python", "my app.py")
    assert (one.sockets, one.uses_sockets, one.wanted, one.respawns) == (("web", "admin"), True, 3, False)
    assert one.logs == (Path("/var/log/api.log"),)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=10), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(["statuses", "pids", "options", "sockets", "status"]), JSON, max_size=4))
def test_an_answer_is_read_or_refused_and_nothing_else(answer: Mapping[str, object]) -> None:
    for read in (told.statuses_of, told.pids_of, told.options_of, told.sockets_of):
        try:
            read(answer)
        except SupervisorUnreachable as error:
            assert "cannot be read" in str(error)  # noqa: PT017  # either way is right; no other exception is


@settings(deadline=None, max_examples=60)
@given(st.dictionaries(st.sampled_from(told.KEYS), JSON))
def test_options_of_any_type_make_a_watcher(options: Mapping[str, object]) -> None:
    one = Told(name="x", status="active", options=options)
    assert isinstance(one.wanted, int)
    assert isinstance(one.command, tuple)
    assert all(path.is_absolute() for path in one.logs)
    assert isinstance(one.uses_sockets, bool)
