"""Where a supervisord is asked, and the secrets that go there: late, and from private files only."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from opsagent_tools.supervisors.port import NotPermitted
from opsagent_tools.supervisors.supervisord.address import Address, Credentials, read_secret


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("unix:///run/supervisor.sock", "unix:///run/supervisor.sock"),
        ("http://127.0.0.1:9001", "http://127.0.0.1:9001"),
        ("http://localhost:9001/RPC2", "http://localhost:9001"),
        ("http://[::1]:9001/", "http://[::1]:9001"),
    ],
)
def test_an_address_is_read_and_shown(text: str, shown: str) -> None:
    assert str(Address.parse(text)) == shown


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("http://db.example:9001", "is not this machine"),
        ("http://10.0.0.7:9001", "is not this machine"),
        ("http://ops:secret@127.0.0.1:9001", "ends up in logs"),
        ("https://127.0.0.1:9001", "neither"),
        ("http://127.0.0.1", "neither"),
        ("unix://run/supervisor.sock", "neither"),
        ("/run/supervisor.sock", "neither"),
        ("http://127.0.0.1:9001/other", "neither"),
        (f"unix:///{'x' * 120}", "longer than"),
    ],
)
def test_what_is_no_address_of_this_machine_is_refused(text: str, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        Address.parse(text)


def test_another_machine_is_taken_where_a_person_says_so() -> None:
    assert str(Address.parse("http://10.0.0.7:9001", beyond_loopback=True)) == "http://10.0.0.7:9001"


def test_a_secret_is_the_first_line_of_a_private_file(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("one\r\ntwo\n")
    file.chmod(0o600)
    assert read_secret(file) == "one"
    credentials = Credentials(username="ops", password_file=file)
    assert "one" not in repr(credentials)
    assert credentials.header() == "Basic b3BzOm9uZQ=="


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_secret_that_others_may_read_is_not_used(tmp_path: Path, mode: int) -> None:
    file = tmp_path / "secret"
    file.write_text("one")
    file.chmod(mode)
    with pytest.raises(NotPermitted, match="chmod 600"):
        read_secret(file)


def test_a_secret_is_a_file_and_nothing_else(tmp_path: Path) -> None:
    real, link, pipe = tmp_path / "real", tmp_path / "link", tmp_path / "pipe"
    real.write_text("one")
    real.chmod(0o600)
    link.symlink_to(real)
    os.mkfifo(pipe, 0o600)
    for path in (link, pipe, tmp_path, tmp_path / "missing"):
        with pytest.raises(NotPermitted):
            read_secret(path)


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: a file is given to another user")
def test_a_secret_of_another_user_is_not_used(tmp_path: Path) -> None:
    file = tmp_path / "secret"
    file.write_text("one")
    file.chmod(0o600)
    os.chown(file, 65534, 65534)
    with pytest.raises(NotPermitted, match="must be yours"):
        read_secret(file)
