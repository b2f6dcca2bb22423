"""Which supervisords are found, and which of them are not asked anything: forged, foreign, without a usable secret."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from opsagent_tools.processes.sweep import sweep
from opsagent_tools.supervisors.found import At, Found, Machine, Wanted
from opsagent_tools.supervisors.supervisord.find import find
from tests.support.waiting import eventually

NOBODY = 65534
root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root: processes and files of another user")
Pretend = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture
def folder(runtime_root: Path) -> Path:
    runtime_root.chmod(0o755)
    return runtime_root


@pytest.fixture
def pretend(folder: Path) -> Iterator[Pretend]:
    """`pretend(uid=...)`: a process that is called as a supervisord with the configuration of the folder."""
    with ExitStack() as stack:

        def start(uid: int | None = None) -> subprocess.Popen[bytes]:
            program = folder / "supervisord"
            if uid is None:
                program.write_text("import time\ntime.sleep(60)\n")
                process = subprocess.Popen([sys.executable, "-S", program, "-c", "supervisord.conf"], cwd=folder)
            else:  # who may not reach our Python
                shutil.copy(str(shutil.which("sleep")), program)
                process = subprocess.Popen([program, "60"], cwd=folder, user=uid, group=uid, extra_groups=[])
            stack.callback(process.wait)
            stack.callback(process.kill)
            eventually(lambda: b"supervisord" in Path(f"/proc/{process.pid}/cmdline").read_bytes())
            return process

        yield start


@pytest.fixture
def listener(folder: Path) -> Iterator[Path]:
    path = folder / "s.sock"
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
        yield path


def configure(folder: Path, text: str) -> None:
    (folder / "supervisord.conf").write_text(text.format(folder=folder))


UNIX = "[unix_http_server]\nfile={folder}/s.sock\n[supervisord]\n"


def found(folder: Path, wanted: Wanted | None = None, uid: int | None = None) -> list[Found]:
    machine = Machine(sweep=sweep(), uid=os.geteuid() if uid is None else uid)
    return [one for one in find(machine, wanted or Wanted()) if str(folder) in one.address + one.why]


def test_one_that_runs_is_found_with_its_address(folder: Path, pretend: Pretend, listener: Path) -> None:
    configure(folder, UNIX)
    process = pretend()
    (one,) = found(folder)
    assert (one.family, one.address, one.pid) == ("supervisord", f"unix://{listener}", process.pid)
    assert (one.uid, one.state, one.refused) == (os.geteuid(), "running", "")
    assert str(folder / "supervisord.conf") in one.why


def test_none_is_looked_for_where_a_person_wants_no_search(folder: Path, pretend: Pretend, listener: Path) -> None:
    configure(folder, UNIX)
    pretend()
    assert found(folder, Wanted(discover=False)) == []
    (one,) = found(folder, Wanted(discover=False, supervisord=(At(address=f"unix://{listener}"),)))
    assert one.pid is not None


def test_the_place_of_its_socket_may_be_said_in_its_own_words(folder: Path, pretend: Pretend, listener: Path) -> None:
    configure(folder, "[unix_http_server]\nfile=%(here)s/s.sock\n")
    pretend()
    assert [one.address for one in found(folder)] == [f"unix://{listener}"]


@pytest.mark.parametrize(
    ("text", "says"),
    [("[supervisord]\n", "opens no socket"), (None, "cannot be read")],
)
def test_one_that_cannot_be_reached_is_told_with_the_reason(
    folder: Path, pretend: Pretend, text: str | None, says: str
) -> None:
    if text is not None:
        configure(folder, text)
    pretend()
    (one,) = found(folder)
    assert says in one.refused
    assert not one.usable


@root
def test_a_socket_of_another_user_is_refused(folder: Path, pretend: Pretend, listener: Path) -> None:
    configure(folder, UNIX)
    pretend(uid=NOBODY)
    (one,) = found(folder)
    assert one.uid == NOBODY
    assert "runs as user nobody" in one.refused
    assert "belongs to user root" in one.refused


@root
def test_a_configuration_that_its_user_could_not_read_is_not_read_for_it(folder: Path, pretend: Pretend) -> None:
    configure(folder, UNIX)
    (folder / "supervisord.conf").chmod(0o600)
    pretend(uid=NOBODY)
    (one,) = found(folder)
    assert "cannot be read" in one.refused


@root
def test_that_of_another_user_is_for_an_agent_of_that_user(folder: Path, pretend: Pretend, listener: Path) -> None:
    configure(folder, UNIX)
    os.chown(listener, NOBODY, NOBODY)
    os.chown(folder, NOBODY, NOBODY)
    pretend(uid=NOBODY)
    assert [one.refused for one in found(folder)] == [""]
    assert [one.refused for one in found(folder, uid=NOBODY)] == [""]


@root
def test_a_folder_where_everybody_replaces_files_is_refused(folder: Path, pretend: Pretend, listener: Path) -> None:
    configure(folder, UNIX)
    folder.chmod(0o777)
    pretend()
    assert "chmod o-w" in found(folder)[0].refused


def test_what_only_looks_like_a_socket_is_refused(folder: Path, pretend: Pretend) -> None:
    configure(folder, UNIX)
    (folder / "s.sock").symlink_to("/etc/passwd")
    pretend()
    assert "is no socket" in found(folder)[0].refused


SECRET = "[inet_http_server]\nport=127.0.0.1:9001\nusername=ops\npassword=s3cret\n"


def test_one_that_asks_for_a_password_gets_it_from_our_configuration_only(folder: Path, pretend: Pretend) -> None:
    configure(folder, SECRET)
    pretend()
    (one,) = found(folder)
    assert one.address == "http://127.0.0.1:9001"
    assert "password_file" in one.refused
    assert "s3cret" not in f"{one.refused}{one.why}{one.options}"

    secret = folder / "secret"
    secret.write_text("s3cret")
    at = At(address="http://127.0.0.1:9001", username="ops", password_file=str(secret))
    secret.chmod(0o640)
    (one,) = found(folder, Wanted(supervisord=(at,)))
    assert "chmod 600" in one.refused
    secret.chmod(0o600)
    (one,) = found(folder, Wanted(supervisord=(at,)))
    assert one.usable
    assert one.options == {"username": "ops", "password_file": str(secret)}


def test_one_that_is_named_and_does_not_run_is_idle_or_was_killed(folder: Path) -> None:
    path = folder / "s.sock"
    wanted = Wanted(supervisord=(At(address=f"unix://{path}"),))
    assert [one.state for one in found(folder, wanted)] == ["idle"]
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path))
    assert [one.state for one in found(folder, wanted)] == ["died"]
    os.utime(path, (1, 1))  # left from before the machine was started
    assert [one.state for one in found(folder, wanted)] == ["idle"]


def test_a_wrong_address_is_refused_with_the_reason() -> None:
    (one,) = find(
        Machine(sweep=sweep(), uid=os.geteuid()), Wanted(discover=False, supervisord=(At(address="http://db:1"),))
    )
    assert "is not this machine" in one.refused


def test_a_dead_one_is_not_found(folder: Path, pretend: Pretend, listener: Path) -> None:
    configure(folder, UNIX)
    process = pretend()
    process.kill()
    eventually(lambda: Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z")
    assert found(folder) == []
