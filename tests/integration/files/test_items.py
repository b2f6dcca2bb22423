"""An item of a spool is set aside whole and brought back as it was; who opens it is told by the kernel."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from opsagent.probes import poison
from opsagent.world import World
from opsagent_tools import items
from opsagent_tools.files import UnsafeFile, sha256_of
from opsagent_tools.processes.touched import Touch, Touches
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Unit, UnitId, UnitState
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="inotify is Linux's")
UNIT = Unit(id=UnitId.local("circus", "sorter"), state=UnitState.RUNNING, uid=os.geteuid())


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    folder = tmp_path / "srv" / "spool"
    folder.mkdir(parents=True)
    for name in ("letter-1", "letter-2", "letter-3"):
        (folder / name).write_text(name)
    return folder


def test_there_and_back(spool: Path, tmp_path: Path) -> None:
    item, kept = spool / "letter-2", tmp_path / "quarantine" / "x" / "letter-2"
    item.chmod(0o604)
    os.utime(item, ns=(1, 1_000_000_000))
    digest = sha256_of(b"letter-2")
    items.take_away(item, kept, sha256=digest, uid=os.geteuid())
    assert (item.exists(), kept.read_text(), kept.stat().st_mode & 0o777) == (False, "letter-2", 0o600)
    items.bring_back(kept, item, sha256=digest)
    found = item.stat()
    assert (found.st_mode & 0o777, found.st_mtime_ns, item.read_text()) == (0o604, 1_000_000_000, "letter-2")
    assert list(kept.parent.iterdir()) == []


def test_what_changed_stays_and_what_is_there_is_not_overwritten(spool: Path, tmp_path: Path) -> None:
    item, kept = spool / "letter-2", tmp_path / "quarantine" / "x" / "letter-2"
    with pytest.raises(UnsafeFile):
        items.take_away(item, kept, sha256=sha256_of(b"else"), uid=os.geteuid())
    assert item.exists()
    items.take_away(item, kept, sha256=sha256_of(b"letter-2"), uid=os.geteuid())
    item.write_text("a new one")
    with pytest.raises(UnsafeFile):
        items.bring_back(kept, item, sha256=sha256_of(b"letter-2"))
    assert (item.read_text(), kept.read_text()) == ("a new one", "letter-2")


def test_it_is_not_brought_back_into_another_folder_of_that_name(spool: Path, tmp_path: Path) -> None:
    item, kept = spool / "letter-2", tmp_path / "quarantine" / "x" / "letter-2"
    items.take_away(item, kept, sha256=sha256_of(b"letter-2"), uid=os.geteuid())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    spool.rename(spool.with_name("away"))
    for linked in (True, False):
        spool.symlink_to(elsewhere) if linked else spool.mkdir()
        with pytest.raises(UnsafeFile):
            items.bring_back(kept, item, sha256=sha256_of(b"letter-2"))
        assert (list(elsewhere.iterdir()), kept.read_text()) == ([], "letter-2")
        spool.unlink() if linked else spool.rmdir()
    spool.with_name("away").rename(spool)
    items.bring_back(kept, item, sha256=sha256_of(b"letter-2"))
    assert item.read_text() == "letter-2"


async def test_what_is_opened_is_seen(spool: Path) -> None:
    touches = Touches.of([str(spool)])
    assert touches is not None
    seen: list[Touch] = []
    try:
        await asyncio.to_thread(
            lambda: subprocess.run(["/bin/cat", spool / "letter-2"], check=True, capture_output=True)
        )

        def opened() -> bool:
            seen.extend(touches.take())
            return any(touch.opened and touch.path.endswith("letter-2") for touch in seen)

        await until(opened)
    finally:
        touches.close()
    assert not any(touch.written for touch in seen)


def lives(*each: tuple[str, ...], spool: Path) -> list[poison._Life]:
    found = []
    for number, names in enumerate(each):
        at = 100.0 + 10 * number
        touched = tuple(
            Touch(at + 1 + 0.01 * index, str(spool / name), opened=True, written=False, gone=False)
            for index, name in enumerate(names)
        )
        found.append(poison._Life(at + 0.5, at + 2, touched))
    return found


@pytest.mark.parametrize(
    ("each", "item"),
    [
        ((("letter-1",), ("letter-1",), ("letter-1",)), "letter-1"),
        ((("letter-1", "letter-2"), ("letter-1", "letter-2")), "letter-2"),
        ((("letter-1", "letter-2", "letter-3"), ("letter-1", "letter-2", "letter-3")), ""),
        ((("letter-1",), ("letter-2",)), ""),
        ((("letter-1",) * 9, ("letter-1",) * 9), ""),
        (((), ()), ""),
    ],
    ids=["the first", "where it stopped", "all at once", "another each time", "read by a poller", "none"],
)
def test_the_item_of_which_it_dies(spool: Path, each: tuple[tuple[str, ...], ...], item: str) -> None:
    spec = ServiceSpec(name="sorter", command=("sorter",), cwd=spool.parent)
    facts = poison._judge(lives(*each, spool=spool), World((spec,)), UNIT, spec, None)
    assert facts["found"] is bool(item)
    assert facts.get("path", "") == (str(spool / item) if item else "")


def test_a_folder_that_is_read_whole_at_each_start_is_no_spool(spool: Path) -> None:
    for name in ("10-old.yaml", "30-new.yaml", "notes.txt"):
        (spool / name).write_text("rule")
    new, (life,) = str(spool / "30-new.yaml"), lives(("10-old.yaml", "notes.txt", "30-new.yaml"), spool=spool)
    assert poison._read_whole(new, life, {str(spool / "10-old.yaml"): 1}) == str(spool / "10-old.yaml")
    assert poison._read_whole(new, life, {str(spool / "notes.txt"): 1}) == "", "a file of another kind says nothing"
    (spool / "10-old.yaml").unlink()
    assert poison._read_whole(new, life, {str(spool / "10-old.yaml"): 1}) == "", "nor one that was worked off"


@pytest.mark.parametrize("name", ["worker.py", "config.json", "state.json", "orders.db", "lock", ".hidden"])
def test_what_is_no_item(spool: Path, name: str) -> None:
    (spool / name).write_text("x")
    assert not poison._is_item(str(spool / name), {os.geteuid()}, {}, (str(spool),))
    (spool / "letter-1").chmod(0o755)
    assert not poison._is_item(str(spool / "letter-1"), {os.geteuid()}, {}, ())


def test_a_file_that_was_there_while_it_was_well_is_an_item_only_where_its_siblings_went(spool: Path) -> None:
    known = {str(spool / "letter-1"): 1, str(spool / "letter-2"): 2}
    assert not poison._is_item(str(spool / "letter-1"), {os.geteuid()}, known, ())
    (spool / "letter-2").unlink()
    assert poison._is_item(str(spool / "letter-1"), {os.geteuid()}, known, ())
