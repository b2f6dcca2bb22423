"""When a release counts as good, how it is found again, and what differs from it: over the fake supervisor."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from opsagent.policy import Policy
from opsagent.releases.keeper import Keeper
from opsagent.store.journal import Journal
from opsagent_tools.units import Process, ProcessKey, Unit, UnitId, UnitSetup, UnitState

UNIT = UnitId.local("circus", "api")


class Told:
    """A supervisor that says what it was told of the unit; the keeper asks for no more."""

    def __init__(self, root: Path) -> None:
        self.given = UnitSetup(id=UNIT, command=("python3", "app.py"), cwd=root, env={"REGION": "eu"})

    async def setup(self, unit: UnitId) -> UnitSetup:
        assert unit == UNIT
        return self.given


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "srv" / "api"
    path.mkdir(parents=True)
    (path / "app.py").write_text("A")
    return path


@pytest.fixture
def told(root: Path) -> Told:
    return Told(root)


@pytest.fixture
def keeper(tmp_path: Path, told: Told) -> Iterator[Keeper]:
    folder = tmp_path / "last_good"
    folder.mkdir(mode=0o700)
    supervisors: Any = {"circus": told}
    with Journal.open(f"sqlite:///{tmp_path}/journal.db") as journal:
        yield Keeper(folder, journal, supervisors, lambda: Policy(release_good_after_s=60))


def unit_of(started: float, **more: Any) -> Unit:
    """A unit whose process is long gone, as far as /proc is concerned."""
    given: dict[str, Any] = {
        "state": UnitState.RUNNING,
        "processes": (Process(key=ProcessKey(2**22 + 1, started)),),
        "uid": os.getuid(),
    }
    return Unit(id=UNIT, **{**given, **more})


def after(seconds: float) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


STARTED = time.time() + 1


async def test_a_release_is_good_once_it_has_been_well_for_as_long_as_policy_says(keeper: Keeper) -> None:
    started = time.time() + 1
    assert await keeper.note(unit_of(started), after(30)) is None, "not long enough"
    assert await keeper.note(unit_of(started, processes=()), after(90)) is None, "nothing runs"
    noted = await keeper.note(unit_of(started), after(90))
    assert noted is not None
    row = keeper.find(UNIT, None)
    assert (row.id, row.kind) == (noted, "files")
    assert await keeper.note(unit_of(started), after(100)) is None, "looked at a moment ago"
    assert await keeper.note(unit_of(started), after(500)) == noted, "the same release is seen anew"


async def test_files_that_changed_under_a_process_prove_nothing(keeper: Keeper, root: Path) -> None:
    started = time.time() - 100
    (root / "app.py").write_text("B")
    assert await keeper.note(unit_of(started), datetime.now(UTC)) is None
    assert keeper.latest(UNIT) is None


async def test_a_deploy_and_the_first_minutes_after_it_prove_nothing(keeper: Keeper) -> None:
    started = time.time() + 1
    keeper.journal.begin_deploy(UNIT, after(600), "", "kim")
    assert await keeper.note(unit_of(started), after(90)) is None
    keeper.journal.end_deploy(UNIT, "kim")
    assert await keeper.note(unit_of(started), after(91)) is None
    assert await keeper.note(unit_of(started), after(400)) is not None, "the watch is over"


async def test_releases_are_found_by_the_beginning_of_their_names(keeper: Keeper, root: Path) -> None:
    with pytest.raises(LookupError, match="no good release"):
        keeper.find(UNIT, None)
    first = await keeper.note(unit_of(time.time() + 1), after(90))
    (root / "app.py").write_text("B")
    second = await keeper.note(unit_of(time.time() + 2), after(90))
    assert first is not None
    assert second is not None
    assert keeper.find(UNIT, first).id == first
    assert keeper.find(UNIT, None).id == second
    with pytest.raises(LookupError, match="may be more than one"):
        keeper.find(UNIT, "files")
    with pytest.raises(LookupError, match="is no release"):
        keeper.find(UNIT, "zzz")


async def test_what_differs(keeper: Keeper, root: Path, told: Told) -> None:
    (root / "lib.py").write_text("lib")
    (root / ".env").write_text("PASSWORD=hunter2abc")
    await keeper.note(unit_of(time.time() + 1), after(90))
    row = keeper.find(UNIT, None)
    same = await keeper.difference(unit_of(STARTED), row)
    assert (same.changes, same.restores, same.refused) == ((), False, "")
    (root / "app.py").write_text("B\npassword = 'other2abc'\n")
    (root / "lib.py").unlink()
    (root / "new.py").write_text("came")
    (root / ".env").write_text("PASSWORD=other2abc")
    told.given = replace(told.given, env={"REGION": "us", "MORE": "1"})
    found = await keeper.difference(unit_of(STARTED), row)
    assert {(one.what, one.name, one.how, one.restored) for one in found.changes} == {
        ("file", "app.py", "changed", True),
        ("file", "lib.py", "missing", True),
        ("file", "new.py", "added", False),
        ("secret", ".env", "changed", False),
        ("environment", "REGION", "changed", False),
        ("environment", "MORE", "added", False),
    }
    assert found.restores
    assert "other2abc" not in repr(found)
    assert any("new.py" in warning for warning in found.warnings)
    release, replaces = keeper.keep_states(found)
    assert release != replaces
    assert (root / "app.py").read_text().startswith("B"), "looking changes nothing"


async def test_changed_dependencies_are_told(keeper: Keeper, root: Path) -> None:
    (root / "package-lock.json").write_text("{}")
    await keeper.note(unit_of(time.time() + 1), after(90))
    (root / "package-lock.json").write_text('{"more": 1}')
    found = await keeper.difference(unit_of(STARTED), keeper.find(UNIT, None))
    assert any("install them again" in warning for warning in found.warnings)


@pytest.mark.parametrize("gone", [".env", "REGION"])
async def test_a_missing_secret_or_variable_refuses(gone: str, keeper: Keeper, root: Path, told: Told) -> None:
    (root / ".env").write_text("PASSWORD=hunter2abc")
    await keeper.note(unit_of(time.time() + 1), after(90))
    (root / "app.py").write_text("B")
    if gone == ".env":
        (root / ".env").unlink()
    else:
        told.given = replace(told.given, env={})
    found = await keeper.difference(unit_of(STARTED), keeper.find(UNIT, None))
    assert gone in found.refused
    assert not found.restores


async def test_a_link_is_followed_and_its_old_folder_has_to_be_what_it_was(
    tmp_path: Path, keeper: Keeper, told: Told
) -> None:
    base = tmp_path / "srv"
    for name in ("1", "2"):
        (base / "releases" / name).mkdir(parents=True)
        (base / "releases" / name / "app.py").write_text(name)
    (base / "current").symlink_to("releases/1")
    told.given = replace(told.given, cwd=base / "current")
    await keeper.note(unit_of(time.time() + 1), after(90))
    row = keeper.find(UNIT, None)
    assert (row.kind, row.label) == ("link", "1")
    (base / "current").unlink()
    (base / "current").symlink_to("releases/2")
    found = await keeper.difference(unit_of(STARTED), row)
    assert [one.what for one in found.changes if one.restored] == ["link"]
    (base / "releases" / "1" / "app.py").write_text("touched since")
    assert "is not what it was" in (await keeper.difference(unit_of(STARTED), row)).refused


async def test_a_release_that_changes_at_this_moment_is_told(keeper: Keeper, root: Path) -> None:
    unit = unit_of(time.time() + 1)
    assert await keeper.changing(unit) == "", "nothing is known of it"
    await keeper.note(unit, after(90))
    (root / "app.py").write_text("B")
    assert "app.py changed a moment ago" in await keeper.changing(unit)
