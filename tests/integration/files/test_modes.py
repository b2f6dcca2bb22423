"""Owners and modes: kept while a service is well, compared, and given back to the very files that had them."""

from __future__ import annotations

import json
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from opsagent import kept_modes, own_files
from opsagent.probes.modes import _told, as_json
from opsagent_tools import modes
from opsagent_tools.files import UnsafeFile
from opsagent_tools.processes.proc import key_of
from opsagent_tools.services.spec import ServiceSpec
from opsagent_tools.units import Process, Unit, UnitId, UnitState

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
UNIT = UnitId.local("circus", "stock")


class Place:
    """A service that is this very process, with a file of its own."""

    def __init__(self, folder: Path) -> None:
        self.home = folder / "home"
        (self.home / "last_good").mkdir(parents=True, mode=0o700)
        self.data = folder / "srv" / "stock"
        self.data.mkdir(parents=True)
        self.file = self.data / "prices"
        self.file.write_text("17")
        self.file.chmod(0o640)
        self.spec = ServiceSpec(name="stock", command=("stock",), cwd=self.data)
        key = key_of(os.getpid())
        assert key is not None
        self.unit = Unit(id=UNIT, state=UnitState.RUNNING, processes=(Process(key=key),), uid=os.geteuid())
        kept_modes.note(self.unit, self.spec, self.home)

    def changes(self) -> tuple[kept_modes.ModeChange, ...]:
        return kept_modes.changed(self.home, UNIT)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_what_changed_is_given_back_and_can_be_undone(place: Place) -> None:
    assert place.changes() == ()
    place.file.chmod(0o400)
    text = as_json(place.changes())
    modes.restore(modes.read(text))
    assert (place.file.stat().st_mode & 0o777, place.changes(), modes.stands(modes.read(text))) == (0o640, (), True)
    modes.restore(modes.read(text, back=True))
    assert place.file.stat().st_mode & 0o777 == 0o400


def test_a_mode_that_changed_under_a_running_service_is_not_taken_for_good(place: Place) -> None:
    place.file.chmod(0o000)
    kept_modes.note(place.unit, place.spec, place.home)
    assert [change.was.mode for change in place.changes()] == [0o640]


def test_what_lies_in_a_folder_of_many_is_not_its_own(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    many = tmp_path / "var" / "lib"
    many.mkdir(parents=True)
    (many / "of_another").write_text("x")
    monkeypatch.setattr(own_files, "_SHARED", own_files._SHARED | {str(many)})
    spec = replace(place.spec, env={"DATA": str(many)})
    kept_modes.note(place.unit, spec, place.home)
    (many / "of_another").chmod(0o600)
    many.chmod(0o700)
    assert place.changes() == ()


def test_the_rights_of_a_folder_of_many_are_for_a_person() -> None:
    def folder(bits: int) -> kept_modes.Mode:
        return kept_modes.Mode(
            path=Path("/root"), device=1, inode=1, mode=bits, uid=0, gid=0, changed_at=0.0, folder=True
        )

    change = kept_modes.ModeChange(was=folder(0o755), now=folder(0o700))
    told = _told(UNIT, [change], "search")
    assert (told["restorable"], told["files"]) == (False, "")


@pytest.mark.parametrize("trick", ["another file", "a link", "a second name", "changed again"])
def test_what_is_not_what_was_looked_at_is_left_alone(place: Place, tmp_path: Path, trick: str) -> None:
    other = tmp_path / "other"
    other.write_text("mine")
    other.chmod(0o600)
    place.file.chmod(0o400)
    wanted = modes.read(as_json(place.changes()))
    match trick:
        case "another file":
            place.file.unlink()
            place.file.write_text("19")
        case "a link":
            place.file.unlink()
            place.file.symlink_to(other)
        case "a second name":
            os.link(place.file, tmp_path / "second")
        case _:
            place.file.chmod(0o444)
    before = place.file.lstat().st_mode
    with pytest.raises(UnsafeFile):
        modes.restore(wanted)
    assert (place.file.lstat().st_mode, other.stat().st_mode & 0o777) == (before, 0o600)


def test_all_or_none(place: Place) -> None:
    second = place.data / "stock"
    second.write_text("4")
    kept_modes.note(place.unit, place.spec, place.home)
    place.file.chmod(0o400)
    second.chmod(0o400)
    rows: list[Any] = json.loads(as_json(place.changes()))
    rows[-1][2] += 1  # another inode
    with pytest.raises(UnsafeFile):
        modes.restore(modes.read(json.dumps(rows)))
    assert len(place.changes()) == 2


@pytest.mark.parametrize(
    ("who", "then", "now", "word"),
    [
        ((1000, (1000,), False), (0o640, 1000, 1000), (0o640, 0, 0), "read"),
        ((1000, (1000,), False), (0o640, 0, 1000), (0o600, 0, 1000), "read"),
        ((1000, (1000,), False), (0o640, 0, 0), (0o600, 0, 0), ""),
        ((0, (0,), True), (0o640, 1000, 1000), (0o000, 0, 0), ""),
        ((0, (0,), True), (0o755, 0, 0), (0o644, 0, 0), "run"),
        ((0, (0,), False), (0o644, 0, 0), (0o000, 0, 0), "read"),
    ],
)
def test_what_a_process_cannot_do_any_more(who: Any, then: Any, now: Any, word: str) -> None:
    def mode(bits: int, uid: int, gid: int) -> kept_modes.Mode:
        return kept_modes.Mode(
            path=Path("/srv/x"), device=1, inode=1, mode=bits, uid=uid, gid=gid, changed_at=0.0, folder=False
        )

    uid, groups, overrides = who
    ran = kept_modes.Who(uid=uid, groups=frozenset(groups), overrides=overrides)
    assert kept_modes.denied([ran], kept_modes.ModeChange(was=mode(*then), now=mode(*now))) == word
