"""Who comes in over HTTP, where it listens, and the token."""

from __future__ import annotations

import errno
import stat
from pathlib import Path

import pytest

from opsagent.cli.main import main
from opsagent.mcp_server.door import Address, Door, address_of
from opsagent.mcp_server.token import renew, token_of
from opsagent.secret_file import NoSecret

TOKEN = "t0ken-of-this-test"
HERE = Door(lambda: TOKEN, Address("127.0.0.1", 8765), ["box.lan"])


def headers(**values: str) -> list[tuple[bytes, bytes]]:
    said = {"host": "127.0.0.1:8765", "authorization": f"Bearer {TOKEN}", **values}
    return [(name.encode(), value.encode()) for name, value in said.items() if value]


@pytest.mark.parametrize(
    "changed",
    [{}, {"host": "localhost:8765"}, {"host": "box.lan:8765"}, {"origin": "http://127.0.0.1:8765"}, {"authorization": f"bearer {TOKEN}"}],
)  # fmt: skip
def test_who_has_the_token_comes_in(changed: dict[str, str]) -> None:
    assert HERE.refusal(headers(**changed)) is None


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"authorization": ""}, 401),
        ({"authorization": TOKEN}, 401),
        ({"authorization": f"Bearer {TOKEN}x"}, 401),
        ({"authorization": "Basic eDp5"}, 401),
        ({"host": ""}, 421),
        ({"host": "evil.example"}, 421),
        ({"host": "127.0.0.1:9"}, 421),
        ({"host": "127.0.0.1.evil.example:8765"}, 421),
        ({"origin": "https://evil.example"}, 403),
        ({"origin": "null"}, 403),
        ({"origin": "http://127.0.0.1:8765.evil.example"}, 403),
    ],
)
def test_who_else_knocks_is_refused(changed: dict[str, str], status: int) -> None:
    refusal = HERE.refusal(headers(**changed))
    assert refusal is not None
    assert refusal.status == status


def test_the_usual_port_may_be_left_out() -> None:
    door = Door(lambda: TOKEN, Address("::1", 80))
    assert [door.refusal(headers(host=host)) for host in ("[::1]", "[::1]:80", "localhost")] == [None, None, None]
    assert HERE.refusal(headers(host="localhost")) is not None


def test_beyond_this_machine_only_by_its_names() -> None:
    door = Door(lambda: TOKEN, Address("0.0.0.0", 8765), ["box.lan"])
    assert door.refusal(headers(host="box.lan:8765")) is None
    assert door.refusal(headers(host="box.lan")) is None  # as a TLS proxy at the usual port hands it on
    assert Door(lambda: TOKEN, Address("0.0.0.0", 1), ["Box.LAN"]).refusal(headers(host="BOX.lan:1")) is None
    assert door.refusal(headers(host="0.0.0.0:8765")) is not None
    assert door.refusal(headers(host="evil.example:8765")) is not None


def test_without_the_library_it_is_said_how_to_get_it(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("opsagent.cli.mcp.installed", lambda: False)
    assert main(["mcp", "--home", str(home)]) == 1
    assert "python -m pip install 'opsagent[mcp]'" in capsys.readouterr().err


def test_two_headers_are_not_one() -> None:
    assert HERE.refusal([*headers(), (b"Authorization", b"Bearer x")]) is not None
    assert HERE.refusal([*headers(), (b"host", b"evil.example")]) is not None
    assert HERE.refusal([*headers(), (b"origin", b"https://evil.example")]) is not None


@pytest.mark.parametrize(
    ("text", "found"),
    [("", "127.0.0.1:8765"), ("9000", "127.0.0.1:9000"), (":9000", "127.0.0.1:9000"), ("0.0.0.0:80", "0.0.0.0:80"),
     ("box.lan", "box.lan:8765"), ("[::1]:90", "[::1]:90"), ("[::1]", "[::1]:8765")],
)  # fmt: skip
def test_where_it_listens(text: str, found: str) -> None:
    assert str(address_of(text, port=8765)) == found


@pytest.mark.parametrize("text", ["x:y", "127.0.0.1:99999", "127.0.0.1:-1"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="HOST:PORT"):
        address_of(text, port=8765)


def test_a_new_token_counts_at_once_and_one_that_cannot_be_read_opens_nothing(home: Path) -> None:
    first = token_of(home)
    door = Door(lambda: token_of(home), Address("127.0.0.1", 8765))
    assert door.refusal(headers(authorization=f"Bearer {first}")) is None
    file = renew(home)
    assert door.refusal(headers(authorization=f"Bearer {first}")) is not None
    assert door.refusal(headers(authorization=f"Bearer {token_of(home)}")) is None
    second = token_of(home)
    file.chmod(0o644)
    assert door.refusal(headers(authorization=f"Bearer {second}")) is not None


def test_the_token_is_made_once_and_anew_when_asked(home: Path) -> None:
    first = token_of(home)
    assert len(first) >= 40
    assert token_of(home) == first
    file = renew(home)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert token_of(home) != first
    file.chmod(0o644)
    with pytest.raises(NoSecret, match="others may read it"):
        token_of(home)


def test_where_no_new_token_can_be_written_the_old_one_stays(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    old = token_of(home)

    def full(_path: Path, _target: Path) -> Path:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    assert main(["mcp", "--new-token", "--home", str(home)]) == 1
    assert token_of(home) == old
    assert [path.name for path in (home / "mcp").iterdir()] == ["token"]
