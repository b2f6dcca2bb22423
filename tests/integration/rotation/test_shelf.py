"""A log is carried to another folder, whole and packed, also from under a writer that does not append."""

from __future__ import annotations

import gzip
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from opsagent import shelves
from opsagent_tools.files import UnsafeFile
from opsagent_tools.logs.rotate import LOSSLESS, PUNCHED, NotRotated, cut_off
from opsagent_tools.logs.rotate_archives import pack
from opsagent_tools.logs.rotate_place import Place
from opsagent_tools.units import UnitId

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="fallocate is Linux's")
LINES = b"".join(b"line %06d\n" % number for number in range(20_000))
OWN = frozenset({os.geteuid()})


@pytest.fixture
def log(tmp_path: Path) -> Path:
    folder = tmp_path / "disk"
    folder.mkdir()
    (folder / "api.log").write_bytes(LINES)
    return folder / "api.log"


def shelf(tmp_path: Path, log: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir(mode=0o700, exist_ok=True)
    return shelves.shelf_of(home, UnitId.local("circus", "api"), log)


def test_every_line_is_on_the_shelf_and_what_is_written_goes_on(tmp_path: Path, log: Path) -> None:
    with log.open("r+b") as writer, Place.open(log, OWN) as place, shelves.opened(shelf(tmp_path, log)) as kept:
        writer.seek(0, os.SEEK_END)
        done = cut_off(place, (), datetime.now(UTC), methods=PUNCHED, shelf=kept, declared=True)
        writer.write(b"goes on\n")
        writer.flush()
        pack(kept, now=datetime.now(UTC).timestamp() + 3600)
        names = [name for name in kept.names() if name.startswith(log.name)]
    assert (done.moved, done.left, done.method, len(names)) == (len(LINES), 0, "punched", 1)
    assert gzip.decompress((shelf(tmp_path, log).parent / names[0]).read_bytes()) == LINES
    assert log.read_bytes().lstrip(b"\0") == b"goes on\n"
    assert log.stat().st_blocks * 512 < len(LINES) // 2


def test_a_writer_that_does_not_append_is_punched_under_only(tmp_path: Path, log: Path) -> None:
    with Place.open(log, OWN) as place, shelves.opened(shelf(tmp_path, log)) as kept:
        pid = os.fork()
        if pid == 0:
            descriptor = os.open(log, os.O_WRONLY)
            os.kill(os.getpid(), 19)  # SIGSTOP: it holds the file until it is ended
            os._exit(descriptor)
        os.waitpid(pid, os.WUNTRACED)
        try:
            with pytest.raises(NotRotated, match="O_APPEND"):
                cut_off(place, (), datetime.now(UTC), methods=LOSSLESS, shelf=kept, declared=True)
            assert log.read_bytes() == LINES
            assert cut_off(place, (pid,), datetime.now(UTC), methods=PUNCHED, shelf=kept).moved == len(LINES)
        finally:
            os.kill(pid, 9)
            os.waitpid(pid, 0)


def test_a_bound_is_kept_and_the_rest_stays(tmp_path: Path, log: Path) -> None:
    log.write_bytes(LINES * 12)
    with Place.open(log, OWN) as place, shelves.opened(shelf(tmp_path, log)) as kept:
        done = cut_off(place, (), datetime.now(UTC), methods=PUNCHED, shelf=kept, most=1 << 20, declared=True)
    assert 0 < done.moved <= 1 << 20
    assert done.left == len(LINES) * 12 - (1 << 20)
    assert log.read_bytes().lstrip(b"\0") == (LINES * 12)[done.moved :]


def test_a_folder_of_everybodys_counts_only_where_nobody_takes_anothers_file_away(tmp_path: Path, log: Path) -> None:
    log.parent.chmod(0o1777)
    with pytest.raises(UnsafeFile), Place.open(log, OWN):
        pass
    with Place.open(log, OWN, shared=True):
        pass
    log.parent.chmod(0o777)
    with pytest.raises(UnsafeFile), Place.open(log, OWN, shared=True):
        pass


def test_there_is_no_room_on_the_disk_that_is_full(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    assert shelves.room_for(home, home.stat().st_dev) == 0
    room = shelves.room_for(home, -1)
    told = os.statvfs(home)
    assert 0 <= room <= told.f_bavail * told.f_frsize // 4 + 1
