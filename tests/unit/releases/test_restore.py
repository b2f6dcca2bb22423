"""Restoring is all or nothing: never over what somebody changed, put back where it breaks, gone on with after a death."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from opsagent.kept_contents import content_path, keep
from opsagent.releases import restore
from opsagent.releases.manifest import ABSENT, Content, Manifest
from opsagent_tools.files import UnsafeFile
from opsagent_tools.trees import Tree
from opsagent_tools.units import UnitId

UID = os.getuid()
UNIT = UnitId("circus", "api", "box")
GOOD = {"a.py": "good a", "lib/b.py": "good b", "c.py": "good c"}
BAD = {"a.py": "bad a", "lib/b.py": "bad b", "c.py": ""}
"""The empty text: no such file."""


@pytest.fixture
def root(tmp_path: Path) -> Path:
    path = tmp_path / "srv" / "api"
    (path / "lib").mkdir(parents=True)
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "last_good"
    path.mkdir(mode=0o700)
    return path


def lay(root: Path, texts: Mapping[str, str]) -> None:
    for name, text in texts.items():
        if text:
            (root / name).write_text(text)
        else:
            (root / name).unlink(missing_ok=True)


def stands(root: Path) -> dict[str, str]:
    return {name: (root / name).read_text() if (root / name).exists() else "" for name in GOOD}


def manifest(root: Path, folder: Path, texts: Mapping[str, str]) -> Manifest:
    files = {name: Content(keep(folder, text.encode())) if text else ABSENT for name, text in texts.items()}
    return Manifest(unit=UNIT, kind="files", root=str(root), files=files)


@pytest.fixture
def states(root: Path, folder: Path) -> tuple[Manifest, Manifest]:
    lay(root, BAD)
    return manifest(root, folder, BAD), manifest(root, folder, GOOD)


def test_there_and_back(root: Path, folder: Path, states: tuple[Manifest, Manifest]) -> None:
    before, after = states
    restore.restore(before, after, folder=folder, uid=UID)
    assert stands(root) == GOOD
    assert restore.stands(after, UID)
    restore.restore(after, before, folder=folder, uid=UID)
    assert stands(root) == BAD
    assert sorted(path.name for path in root.iterdir()) == ["a.py", "lib"], "nothing is left lying about"


def test_modes_come_back(root: Path, folder: Path) -> None:
    lay(root, {"a.py": "bad a"})
    (root / "a.py").chmod(0o644)
    good = Content(keep(folder, b"good a"), 0o750)
    before, after = (
        Manifest(unit=UNIT, kind="files", root=str(root), files={"a.py": one})
        for one in (Content(keep(folder, b"bad a"), 0o644), good)
    )
    restore.restore(before, after, folder=folder, uid=UID)
    assert (root / "a.py").stat().st_mode & 0o777 == 0o750


@pytest.mark.parametrize("name", ["a.py", "c.py"])
def test_what_somebody_changed_meanwhile_is_left(
    name: str, root: Path, folder: Path, states: tuple[Manifest, Manifest]
) -> None:
    (root / name).write_text("somebody's own")
    seen = stands(root)
    with pytest.raises(UnsafeFile, match="changed since it was looked at"):
        restore.restore(*states, folder=folder, uid=UID)
    assert stands(root) == seen


def test_without_one_kept_content_nothing_is_touched(
    root: Path, folder: Path, states: tuple[Manifest, Manifest]
) -> None:
    content_path(folder, states[1].files["c.py"].sha256).unlink()
    with pytest.raises(UnsafeFile, match="is gone"):
        restore.restore(*states, folder=folder, uid=UID)
    assert stands(root) == BAD


def test_a_damaged_content_is_not_written(root: Path, folder: Path, states: tuple[Manifest, Manifest]) -> None:
    content_path(folder, states[1].files["a.py"].sha256).write_text("forged")
    with pytest.raises(UnsafeFile, match="is damaged"):
        restore.restore(*states, folder=folder, uid=UID)
    assert stands(root) == BAD


@pytest.mark.parametrize("breaks_at", [1, 2, 3])
def test_what_breaks_in_the_middle_is_put_back(
    breaks_at: int, root: Path, folder: Path, states: tuple[Manifest, Manifest], monkeypatch: pytest.MonkeyPatch
) -> None:
    put, calls = Tree.put, 0

    def breaks(tree: Tree, path: str) -> None:
        nonlocal calls
        calls += 1
        if calls == breaks_at:
            raise OSError(28, "No space left on device")
        put(tree, path)

    monkeypatch.setattr(Tree, "put", breaks)
    with pytest.raises(OSError, match="No space left"):
        restore.restore(*states, folder=folder, uid=UID)
    assert stands(root) == BAD
    assert sorted(path.name for path in root.iterdir()) == ["a.py", "lib"]


DIES = """
import os, signal, sys
from pathlib import Path
from opsagent.releases import restore
from opsagent.releases.manifest import load
from opsagent_tools.trees import Tree
put, left = Tree.put, [int(sys.argv[4])]
def dies(tree, path):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    put(tree, path)
Tree.put = dies
folder = Path(sys.argv[1])
restore.restore(load(folder, sys.argv[2]), load(folder, sys.argv[3]), folder=folder, uid=os.getuid())
"""


@pytest.mark.parametrize("files", [0, 1, 2])
def test_after_a_death_in_the_middle_the_same_call_goes_on(
    files: int, root: Path, folder: Path, states: tuple[Manifest, Manifest]
) -> None:
    before, after = states
    names = [state.keep(folder) for state in states]
    done = subprocess.run([sys.executable, "-c", DIES, str(folder), *names, str(files)], check=False, timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert sum(stands(root)[name] == GOOD[name] for name in GOOD) == files
    restore.restore(before, after, folder=folder, uid=UID)
    assert stands(root) == GOOD


def _link(path: Path, aside: Path) -> None:
    path.rename(aside)
    path.symlink_to(aside)


def test_a_link_in_place_of_a_file_is_refused(
    root: Path, folder: Path, states: tuple[Manifest, Manifest], tmp_path: Path
) -> None:
    victim = tmp_path / "victim"
    _link(root / "a.py", victim)
    with pytest.raises(UnsafeFile, match=f"{root / 'a.py'} is a link"):
        restore.restore(*states, folder=folder, uid=UID)
    assert victim.read_text() == "bad a"
    assert (root / "lib/b.py").read_text() == "bad b"


def test_what_cannot_be_written_is_named_in_full(root: Path) -> None:
    (root / "lib").rmdir()
    (root / "lib").symlink_to("elsewhere")
    with Tree.open(root, UID) as tree, pytest.raises(NotADirectoryError, match=str(root / "lib/b.py")):
        tree.stage("lib/b.py", b"x", 0o644)


def test_a_link_in_place_of_a_folder_is_refused(
    root: Path, folder: Path, states: tuple[Manifest, Manifest], tmp_path: Path
) -> None:
    _link(root / "lib", tmp_path / "victim")
    with pytest.raises(UnsafeFile, match=f"{root / 'lib/b.py'} changed since it was looked at"):
        restore.restore(*states, folder=folder, uid=UID)
    assert (tmp_path / "victim" / "b.py").read_text() == "bad b"
    assert (root / "a.py").read_text() == "bad a"


@pytest.mark.skipif(UID != 0, reason="only root can give files to another user")
@pytest.mark.parametrize("name", ["a.py", "lib"])
def test_files_and_folders_of_another_user_are_refused(
    name: str, root: Path, folder: Path, states: tuple[Manifest, Manifest]
) -> None:
    os.chown(root / name, 65534, 65534)
    with pytest.raises((UnsafeFile, OSError)):
        restore.restore(*states, folder=folder, uid=UID)
    assert stands(root) == BAD


def linked(base: Path, target: str) -> Manifest:
    return Manifest(unit=UNIT, kind="link", root=str(base / target), link=str(base / "current"), target=target)


def test_a_link_is_switched_in_one_step_and_only_from_where_it_was(tmp_path: Path, folder: Path) -> None:
    base = tmp_path / "srv"
    for number in ("1", "2", "3"):
        (base / "releases" / number).mkdir(parents=True)
    (base / "current").symlink_to("releases/2")
    restore.restore(linked(base, "releases/2"), linked(base, "releases/1"), folder=folder, uid=UID)
    assert (base / "current").readlink() == Path("releases/1")
    (base / "current").unlink()
    (base / "current").symlink_to("releases/3")
    with pytest.raises(UnsafeFile):
        restore.restore(linked(base, "releases/1"), linked(base, "releases/2"), folder=folder, uid=UID)
    assert (base / "current").readlink() == Path("releases/3")


def test_a_link_does_not_lead_out_of_its_folder(tmp_path: Path, folder: Path) -> None:
    base = tmp_path / "srv"
    (base / "releases" / "2").mkdir(parents=True)
    (tmp_path / "elsewhere").mkdir()
    (base / "current").symlink_to("releases/2")
    with pytest.raises(UnsafeFile, match="beside it"):
        restore.restore(linked(base, "releases/2"), linked(base, "../elsewhere"), folder=folder, uid=UID)
    assert (base / "current").readlink() == Path("releases/2")


@pytest.mark.skipif(UID != 0, reason="only root keeps the services of other users")
def test_what_is_put_back_for_another_user_is_theirs(
    root: Path, folder: Path, states: tuple[Manifest, Manifest]
) -> None:
    theirs = 65534
    for path in (root, root / "lib", root / "a.py", root / "lib/b.py"):
        os.chown(path, theirs, theirs)
    restore.restore(*states, folder=folder, uid=theirs)
    assert stands(root) == GOOD
    assert {(root / name).stat().st_uid for name in GOOD} == {theirs}
