"""Messages leave by one door: only to hosts that are named, heeding nothing of the environment, to a real server."""

from __future__ import annotations

import asyncio
import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest

from opsagent import egress
from opsagent.egress import EgressError, Sent, address, send
from opsagent.wall import Wall
from tests.support.inbox import Inbox, inbox


async def sent_to(box: Inbox, *hosts: str, url: str = "", **more: float) -> Sent:
    return await send(url or box.url, title="T", body="line\nline", hosts=hosts, **more)  # type: ignore[arg-type]


async def test_it_arrives_and_is_counted(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login eve password hunter2abc\n")
    (tmp_path / ".netrc").chmod(stat.S_IRUSR)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    monkeypatch.setenv("PYTHONSTARTUP", str(tmp_path / "nosuch"))
    with inbox() as box:
        sent = await sent_to(box, f"127.0.0.1:{box.port}", url=f"json://ann:s3cret@127.0.0.1:{box.port}/hook")
    assert sent.ok
    assert sent.where == f"json 127.0.0.1:{box.port}"
    assert sent.size > 150
    assert (box.arrived[0]["title"], box.arrived[0]["message"]) == ("T", "line\nline")
    assert box.headers[0]["Authorization"].startswith("Basic YW5uOn"), "those of the address, not those of .netrc"
    assert "s3cret" not in f"{sent}"


async def test_what_is_not_named_is_not_reached_and_the_reason_names_it() -> None:
    with inbox() as box:
        sent = await sent_to(box, "hooks.example", "localhost", "127.0.0.1:1")
        assert not sent.ok
        assert 'add "127.0.0.1" there' in sent.why
        assert box.arrived == []


async def test_a_redirect_to_elsewhere_is_not_followed() -> None:
    with inbox() as first, inbox() as other:
        first.status, first.location = 307, f"http://127.0.0.1:{other.port}/stolen"
        sent = await sent_to(first, f"127.0.0.1:{first.port}")
        assert (sent.ok, len(first.arrived), other.arrived) == (False, 1, [])


async def test_through_a_proxy_only_what_is_named_is_asked_for() -> None:
    with inbox() as proxy:
        by = f"http://127.0.0.1:{proxy.port}"
        sent, other, port = await asyncio.gather(
            send("json://hooks.example/x", title="T", body="B", hosts=("hooks.example",), proxy=by),
            send("json://evil.example/x", title="T", body="B", hosts=("hooks.example",), proxy=by),
            send("json://hooks.example:81/x", title="T", body="B", hosts=("hooks.example:80",), proxy=by),
        )
        assert sent.ok
        assert "hooks.example:80" in sent.where
        assert (other.ok, port.ok, len(proxy.arrived)) == (False, False, 1)
        assert 'add "evil.example" there' in other.why
        proxy.status, proxy.location = 307, "http://evil.example/stolen"
        sent = await send("json://hooks.example/x", title="T", body="B", hosts=("hooks.example",), proxy=by)
        assert (sent.ok, len(proxy.arrived)) == (False, 2)


async def test_a_service_that_refuses_hangs_or_is_unknown_is_told_in_one_line() -> None:
    with inbox() as box, socket.create_server(("127.0.0.1", 0)) as silent:
        box.status = 500
        hangs = f"json://127.0.0.1:{silent.getsockname()[1]}/"
        results = await asyncio.gather(
            sent_to(box, "127.0.0.1"),
            send(hangs, title="T", body="B", hosts=("127.0.0.1",), timeout_s=1.0),
            send("gibberish://x", title="T", body="B"),
            send("xoxbS3cretT0ken", title="T", body="B"),
        )
    assert results[0].size > 0, "it may have arrived"
    assert "no answer within 1 s" in results[1].why
    assert results[3].where == "?", "what is no address may be the secret itself"
    for sent in results:
        assert not sent.ok
        assert sent.why
        assert "\n" not in sent.why


@pytest.mark.filterwarnings("ignore:'imghdr' is deprecated:DeprecationWarning")
def test_a_slow_service_is_waited_for_and_what_is_too_long_for_it_becomes_several() -> None:
    import apprise

    service: Any = apprise.Apprise.instantiate("discord://111111111111111111/abcdefghijklmnopqrstuvwxyz")
    egress._adjust(service, "discord://1/a", 20.0)
    assert service.socket_read_timeout == 15.0, "else what it takes late is told again and again"
    assert len(service._apply_overflow("word " * 700, "T")) == 2, "it refuses more than 2000 characters"
    own: Any = apprise.Apprise.instantiate(url := "json://127.0.0.1/?rto=2&overflow=truncate")
    egress._adjust(own, url, 20.0)
    assert (own.socket_read_timeout, str(own.overflow_mode.value)) == (2.0, "truncate"), "a person's word holds"


async def test_no_program_is_started_for_a_message(monkeypatch: pytest.MonkeyPatch) -> None:
    wall = Wall(["127.0.0.1"])
    for event in ("subprocess.Popen", "os.system", "os.exec", "os.posix_spawn", "os.fork"):
        with pytest.raises(OSError, match="not named"):
            wall.hear(event, ("sh",))
    wall.hear("socket.connect", (None, ("127.0.0.1", 25)))
    with pytest.raises(OSError, match=r"192\.0\.2\.1"):
        wall.hear("socket.sendto", (None, ("192.0.2.1", 514)))
    with pytest.raises(OSError, match=r"evil\.example"):
        wall.hear("socket.getaddrinfo", ("evil.example", 443, 0, 0, 0))
    with pytest.raises(OSError, match="a local socket"):
        wall.hear("socket.connect", (None, "/run/user/0/opsagent/api.sock"))
    Wall([], local=True).hear("socket.connect", (None, "/run/user/0/bus"))


def test_an_address_is_read_from_a_private_file_or_the_named_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "team.url"
    file.write_text("# the team's\njson://127.0.0.1/\n")
    file.chmod(0o600)
    assert address(url_file="team.url", url_env="", folder=tmp_path) == "json://127.0.0.1/"
    monkeypatch.setenv("TEAM_URL", " json://localhost/ ")
    assert address(url_file="", url_env="TEAM_URL", folder=tmp_path) == "json://localhost/"


def test_an_address_that_others_can_read_or_that_is_none_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "team.url"
    file.write_text("json://ann:hunter2abc@127.0.0.1/\n")
    file.chmod(0o644)
    with pytest.raises(EgressError, match="chmod 600"):
        address(url_file=str(file), url_env="", folder=tmp_path)
    file.chmod(0o600)
    (tmp_path / "link").symlink_to(file)
    os.mkfifo(tmp_path / "pipe", 0o600)
    (tmp_path / "two").write_text("a://\nb://\n")
    (tmp_path / "two").chmod(0o600)
    for name in ("link", "pipe", "two", "nosuch"):
        with pytest.raises(EgressError) as caught:
            address(url_file=name, url_env="", folder=tmp_path)
        assert "hunter2" not in str(caught.value)
    with pytest.raises(EgressError, match="is empty"):
        address(url_file="", url_env="NO_SUCH_VARIABLE", folder=tmp_path)
